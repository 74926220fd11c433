"""Every layer type that can take a sequence, run in one block and in many, against `streams`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from forward.helpers import graph_of, random_values_of, stack

from rnncli.errors import RnncliError, UnsupportedError
from rnncli.forward.engine import Step
from rnncli.graph.infer import infer
from rnncli.layers import TABLE, complete, layer_type, streams
from rnncli.layers.layer_type import REQUIRED, never
from rnncli.layers.op import Value
from rnncli.model import Call, Layer, Model, Ref, Source

STEPS = 12
SHAPES = [(STEPS, 6), (STEPS, 4, 6), (STEPS, 4, 4, 6), (STEPS, 3, 3, 3, 2)]
SIZES = [1, 5, STEPS]  # of blocks

# What a constructor's arguments without a default may be, by their names.
REQUIRED_ARGUMENTS: dict[str, Any] = {
    "units": 4, "filters": 4, "kernel_size": 2, "rate": 0.5, "stddev": 0.5, "n": 2, "scale": 2.0,
    "activation": "tanh", "input_dim": 9, "output_dim": 4, "input_size": 6, "hidden_size": 4,
    "output_size": 2, "dims": (1, 2), "target_shape": (-1, 6), "num_heads": 2, "key_dim": 2,
    "head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1, "equation": "btf,fu->btu",
    "output_shape": (None, 4), "axes": 2, "height": 4, "width": 4,
    "in_features": 6, "out_features": 4, "num_embeddings": 9, "embedding_dim": 4,
    "normalized_shape": 6, "pool_size": 2, "num_tokens": 9, "bin_boundaries": [0.0], "num_bins": 4,
    "layer": {"class_name": "Dense", "config": {"units": 4}},
    "cell": {"class_name": "GRUCell", "config": {"units": 4}},
}  # fmt: skip
SEQUENCE = {"class_name": "LSTM", "config": {"units": 4, "return_sequences": True}}
# Other ways in which layers of a type meet their steps.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    **{
        name: [{"return_sequences": True}, {"go_backwards": True},
               {"return_sequences": True, "go_backwards": True}]
        for name in ("SimpleRNN", "LSTM", "GRU", "RNN", "CuDNNLSTM", "CuDNNGRU",
                     "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
    },
    "Bidirectional": [{"layer": SEQUENCE}, {"layer": {**SEQUENCE, "config": {"units": 4}}},
                      {"layer": {**SEQUENCE, "config": {"units": 4}}, "merge_mode": None}],
    **{
        f"torch.{name}": [{"bidirectional": True}, {"num_layers": 2, "bidirectional": True}]
        for name in ("RNN", "LSTM", "GRU")
    },
    "TimeDistributed": [{"layer": {"class_name": "Conv1D",
                                   "config": {"filters": 2, "kernel_size": 2}}}],
    **{
        name: [{"padding": "causal"}, {"padding": "same"}, {"padding": "causal", "strides": 2},
               {"padding": "causal", "dilation_rate": 3}]
        for name in ("Conv1D", "SeparableConv1D", "DepthwiseConv1D")
    },
    **{
        name: [{"axis": 1}, {"axis": [1, 2]}, {"axis": 2}]
        for name in ("Softmax", "LayerNormalization", "UnitNormalization", "RMSNormalization")
    },
    "BatchNormalization": [{"axis": 1}, {"axis": 2}],
    "GroupNormalization": [{"groups": 3}, {"groups": 3, "axis": 1}],
    "PReLU": [{"shared_axes": [1]}],
    "EinsumDense": [{"equation": "btf,tu->buf", "output_shape": (4, 6)}],
    "Permute": [{"dims": (2, 1)}],
    "MaxPooling1D": [{"pool_size": 1}, {"pool_size": 2, "strides": 1, "padding": "same"}],
    "UpSampling1D": [{"size": 1}],
}  # fmt: skip
OPERATIONS = "keras."  # operations on tensors, which are run on whole tensors
# Types that declare no steps although, as built here, each follows from those so far.
WHOLE = {
    **dict.fromkeys(("Reshape", "Permute", "Cropping2D", "UpSampling1D", "MaxPooling1D"),
                    "in the arguments here it does nothing"),
    "ReversibleEmbedding": "a call may ask for it in reverse, which blocks do not know of",
    "SpectralNormalization": "it leaves that to the layer inside",
    "Pipeline": "it leaves that to the layers inside",
    "Highway": "of Keras 1, and for vectors there",
    "Merge": "of Keras 1, and never for one input",
}  # fmt: skip
# Families that take no sequences, or, of PyTorch's, channels where others have steps.
ASIDE = ("augmentation", "preprocessing", "torch", "torch_activations", "torch_windows")


def config_of(name: str, more: dict[str, Any]) -> dict[str, Any]:
    signature = layer_type(name).signature
    needed = {key for key, default in signature.items() if default is REQUIRED}
    given = {key: REQUIRED_ARGUMENTS.get(key, 1) for key in needed}
    return complete(name, {**given, **more})


def model_of(name: str, config: dict[str, Any], shape: tuple[int, ...], inputs: int) -> Model:
    entry = [
        Layer("InputLayer", f"x{i}", {"batch_shape": (None, *shape), "name": f"x{i}"}, (Call(),))
        for i in range(inputs)
    ]
    refs = tuple(Ref(each.name) for each in entry)
    body = Layer(name, "y", {**config, "name": "y"}, (Call(refs),), dialect=dialect(name))
    model = Model("m", "Functional", (*entry, body), refs, (Ref("y"),), Source("layers"))
    return infer(model)


def dialect(name: str) -> str:
    prefix = name.partition(".")[0]
    return prefix if prefix in ("torch", "onnx") else "keras"


def models() -> Iterator[Any]:
    """Yield `(name, config, shape, inputs)` for each type and input that fit together."""
    for name in TABLE:
        if layer_type(name).run is None or name.startswith(OPERATIONS):
            continue
        for more in ({}, *VARIANTS.get(name, ())):
            for shape in SHAPES:
                words = "".join(f" {key}={value}" for key, value in more.items())
                yield pytest.param(name, more, shape, id=f"{name} {len(shape) + 1}D{words}"[:90])


def step_of(model: Model) -> Step:
    return graph_of(model, random_values_of(model)).steps[-1]


def built(name: str, more: dict[str, Any], shape: tuple[int, ...]) -> Model | None:
    """Return the layer on one input, or on two; None where it does not take such inputs."""
    for inputs in (1, 2):
        try:
            return model_of(name, config_of(name, more), shape, inputs)
        except (RnncliError, ValueError, TypeError):
            continue
    return None


def input_of(name: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(0)
    if name.endswith("Embedding"):
        return rng.integers(0, 9, (2, *shape)).astype("f4")
    return rng.normal(size=(2, *shape)).astype("f4")


def in_blocks(step: Step, x: np.ndarray, size: int) -> list[np.ndarray]:
    """Return the outputs of a run in blocks, pass by pass, as `forward` does it."""
    op, parts, carries = step.op, [], []
    assert op is not None
    passes = op.reads()
    value = Value(x[:, :0])
    for reading, reverse in enumerate(passes or (False,)):
        carry, starts = None, range(0, STEPS, size)
        for start in reversed(starts) if reverse else starts:
            value, carry = op.block(Value(x[:, start : start + size]), carry, reading)
            parts.append(value.array)
        carries.append(carry)
    outputs = [each.array for each in op.finish(value, carries)]
    return outputs if passes else [np.concatenate(parts, axis=1), *outputs[1:]]


def same(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    return [a.shape for a in found] == [b.shape for b in expected] and all(
        np.allclose(a, b, atol=1e-5) for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize(("name", "more", "shape"), list(models()))
def test_blocks_give_what_streams_declares(
    name: str, more: dict[str, Any], shape: tuple[int, ...]
) -> None:
    model = built(name, more, shape)
    if model is None:
        return  # no layer of this type takes such an input
    try:
        step, x = step_of(model), input_of(name, shape)
    except UnsupportedError:
        return  # it lacks what only files hold
    declared = streams(step.layer, step.call)
    refs = model.inputs
    assert step.op is not None
    try:
        whole = [each.array for each in step.op([Value(x) for _ in refs], {})]
    except (RnncliError, ValueError, TypeError):
        assert not declared
        return
    if declared and len(refs) == 1:
        for size in SIZES:
            assert same(in_blocks(step, x, size), whole)
    elif not declared and len(refs) == 1 and whole[0].ndim > 2 and whole[0].shape[1] == STEPS:
        passed = name in WHOLE or TABLE[name] in ASIDE
        assert passed or not works(step, x, whole), "streams says no, but blocks give the same"


def works(step: Step, x: np.ndarray, whole: list[np.ndarray]) -> bool:
    """Whether blocks of all sizes give the same as one."""
    try:
        return all(same(in_blocks(step, x, size), whole) for size in SIZES)
    except (RnncliError, ValueError, IndexError, TypeError):
        return False


@pytest.mark.parametrize("name", [n for n in TABLE if layer_type(n).streams is not never])
def test_every_type_that_may_stream_is_built_here(name: str) -> None:
    """No type is passed over for want of arguments or of an input that it takes."""
    assert any(built(name, more, shape) for more in ({}, *VARIANTS.get(name, ()))
               for shape in (*SHAPES, (STEPS,)))  # fmt: skip


def test_operations_declare_no_steps() -> None:
    assert all(layer_type(n).streams is never for n in TABLE if n.startswith(OPERATIONS))


DECLARED = {
    "Conv1D(4, 3, padding='causal')": True,
    "Conv1D(4, 3)": False,
    "Softmax(axis=1)": False,
    "Softmax()": True,
    "LayerNormalization(axis=1)": False,
    "LSTM(2, return_sequences=True, go_backwards=True)": False,
    "LSTM(2, go_backwards=True)": True,
    "Bidirectional(LSTM(2))": True,
    "Bidirectional(LSTM(2, return_sequences=True))": False,
}


@pytest.mark.parametrize("text", DECLARED)
def test_what_streams_is_what_one_would_think(text: str) -> None:
    layer = stack("Input((12, 3))", text).layers[-1]
    assert streams(layer, layer.calls[0]) is DECLARED[text]
