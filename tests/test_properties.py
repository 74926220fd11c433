"""What holds for layers of every size."""

from typing import Any

import numpy as np
import pytest
from forward.helpers import graph_of, random_values_of, stack
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.cells import cell_for
from rnncli.graph.infer import infer
from rnncli.layers.op import Array, Value
from rnncli.model import Call, Layer, Model, Source
from rnncli.report.params import params

SIZES = st.integers(1, 9)
CELLS = st.sampled_from(["SimpleRNN({})", "LSTM({})", "GRU({})", "GRU({}, reset_after=False)"])


def layer(cell: str, units: int, **more: Any) -> str:
    text = cell.format(units)[:-1]
    return f"{text}{''.join(f', {name}={value!r}' for name, value in more.items())})"


@settings(max_examples=100, deadline=None)
@given(
    CELLS, st.integers(1, 10**9), st.integers(1, 10**9), st.booleans(),
    st.sampled_from(["keras", "torch", "onnx"]),
)  # fmt: skip
def test_the_formula_is_the_sum_of_the_weights(
    cell: str, inputs: int, units: int, bias: bool, convention: str
) -> None:
    model = stack(f"Input((None, {inputs}))", layer(cell, units, use_bias=bias))
    (entry,) = params(model.rows, convention).data["layers"]
    formula = entry["formula"].replace("×", "*")
    value = eval(formula, {"__builtins__": {}}, {"units": units, "inputs": inputs})
    assert value == entry["params"] == sum(weight["params"] for weight in entry["weights"])
    for weight in entry["weights"]:
        assert sum(weight["gates"].values()) == weight["params"] == int(
            np.prod(weight["shape"], dtype=object)
        )  # fmt: skip


def run(model: Model, values: dict[str, Array], x: Array) -> Array:
    found: Array = graph_of(model, values, "float64").run({model.inputs[0]: Value(x)})[0].array
    return found


@settings(max_examples=40, deadline=None)
@given(
    CELLS, SIZES, SIZES, st.integers(1, 70), st.integers(2, 4), st.booleans(), st.integers(0, 99)
)
def test_the_last_step_and_each_row_stand_on_their_own(
    cell: str, inputs: int, units: int, steps: int, batch: int, backwards: bool, seed: int
) -> None:
    def model(sequences: bool) -> Model:
        more = {"return_sequences": sequences, "go_backwards": backwards}
        return stack(f"Input((None, {inputs}))", layer(cell, units, **more))

    values = random_values_of(model(True), "float64", seed)
    x = np.random.default_rng(seed).normal(size=(batch, steps, inputs))
    whole, last = run(model(True), values, x), run(model(False), values, x)
    np.testing.assert_allclose(whole[:, -1], last, rtol=0, atol=1e-12)
    row = seed % batch
    alone = run(model(True), values, x[row : row + 1])
    np.testing.assert_allclose(alone[0], whole[row], rtol=0, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["SimpleRNN", "LSTM", "GRU"]), SIZES, SIZES, st.integers(0, 99))
def test_weights_in_pytorchs_layout_compute_the_same(
    cell: str, inputs: int, units: int, seed: int
) -> None:
    keras = stack(f"Input((None, {inputs}))", f"{cell}({units}, return_sequences=True)")
    values = random_values_of(keras, "float64", seed)
    kernel, recurrent, bias = values.values()
    names = cell_for(cell).gates

    def turned(weights: Array) -> Array:
        gates = dict(zip(names, np.split(weights, len(names), axis=-1), strict=True))
        return np.concatenate([gates[g] for g in cell_for(cell).order("torch")], axis=-1).T

    rows = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    kind = f"torch.{cell.removeprefix('Simple')}"
    config = {"input_size": inputs, "hidden_size": units}
    entry = Layer("InputLayer", "x", {"batch_shape": (None, None, inputs)}, (Call(),))
    body = Layer(
        kind, "y", config, (Call((keras.inputs[0]._replace(layer="x"),)),), dialect="torch"
    )
    spec = Model(
        "m",
        "Functional",
        (entry, body),
        (body.calls[0].inputs),
        (body.calls[0].inputs[0]._replace(layer="y"),),
    )
    torch = infer(spec._replace(source=Source("layers")))
    own = {
        "y/weight_ih_l0": turned(kernel), "y/weight_hh_l0": turned(recurrent),
        "y/bias_ih_l0": turned(rows[0]), "y/bias_hh_l0": turned(rows[1]),
    }  # fmt: skip
    x = np.random.default_rng(seed).normal(size=(2, 5, inputs))
    np.testing.assert_allclose(run(torch, own, x), run(keras, values, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [10**6, 10**15])
def test_sizes_beyond_any_memory_are_exact(size: int) -> None:
    model = stack(f"Input((None, {size}))", f"SimpleRNN({size})")
    assert model.params == size * (size + size + 1)
