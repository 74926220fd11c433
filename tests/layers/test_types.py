"""Every layer type runs or says why not, and streams if and only if it says so."""

import numpy as np
import pytest
from forward.helpers import graph_of, random_values_of, stack

from rnncli.layers import TABLE, layer_type, streams
from rnncli.layers.op import Value

# One stack for each way in which a layer can meet its steps.
STACKS = [
    ["Dense(4)"], ["Activation('tanh')"], ["Masking()"], ["TimeDistributed(Dense(2))"],
    ["Dropout(0.5)"], ["LayerNormalization()"], ["LayerNormalization(axis=1)"],
    ["RMSNormalization()"], ["BatchNormalization()"], ["BatchNormalization(axis=1)"],
    ["UnitNormalization()"], ["UnitNormalization(axis=[1, 2])"], ["GroupNormalization(groups=3)"],
    ["Conv1D(4, 3, padding='causal')"], ["Conv1D(4, 2, padding='causal', dilation_rate=3)"],
    ["Conv1D(4, 3, padding='causal', strides=2)"], ["Conv1D(4, 3, padding='same')"],
    ["Conv1D(4, 3)"], ["SeparableConv1D(2, 3)"], ["DepthwiseConv1D(3)"],
    ["MaxPooling1D(1)"], ["GlobalAveragePooling1D()"], ["ReLU()"], ["LeakyReLU()"], ["ELU()"],
    ["PReLU()"], ["PReLU(shared_axes=[1])"], ["Softmax()"], ["Softmax(axis=1)"],
    ["Rescaling(2.0)"], ["UpSampling1D(1)"], ["Permute((1, 2))"], ["Reshape((12, 3))"],
    ["SimpleRNN(2, return_sequences=True)"], ["LSTM(2, return_sequences=True)"],
    ["GRU(2, return_sequences=True)"], ["RNN(GRUCell(2), return_sequences=True)"],
    ["LSTM(2, return_sequences=True, go_backwards=True)"],
]  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_every_type_runs_or_says_why_not(name: str) -> None:
    known = layer_type(name)
    assert (known.run is None) == bool(known.not_run)


@pytest.mark.parametrize("layers", STACKS, ids=" ".join)
def test_a_layer_streams_as_it_declares(layers: list[str]) -> None:
    """What streams gives the same in blocks; what does not, works along the steps."""
    model = stack("Input((12, 3))", *layers)
    graph = graph_of(model, random_values_of(model))
    step = graph.steps[-1]
    declared = streams(step.layer, step.call)
    x = np.random.default_rng(0).normal(size=(2, 12, 3)).astype("f4")
    (whole,) = graph.run({model.inputs[0]: Value(x)})
    if not declared:
        return
    assert step.op is not None
    parts, carry = [], None
    for start in range(0, 12, 5):
        value, carry = step.op.block(Value(x[:, start : start + 5]), carry)
        parts.append(value.array)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole.array, atol=1e-6)


DECLARED = {
    "Conv1D(4, 3, padding='causal')": True,
    "Conv1D(4, 3)": False,
    "Softmax(axis=1)": False,
    "Softmax()": True,
    "LayerNormalization(axis=1)": False,
    "LSTM(2, return_sequences=True, go_backwards=True)": False,
}


@pytest.mark.parametrize("text", DECLARED)
def test_what_streams_is_what_one_would_think(text: str) -> None:
    layer = stack("Input((12, 3))", text).layers[-1]
    assert streams(layer, layer.calls[0]) is DECLARED[text]
