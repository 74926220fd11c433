"""The equations that are printed compute what the cell computes."""

import re

import numpy as np
import pytest

from rnncli.cell import Cell, Parts
from rnncli.cells import CELLS, COUPLED_LSTM, GRU, LSTM, PEEPHOLE_LSTM, SIMPLE_RNN
from rnncli.equations import equations

RNG = np.random.default_rng(0)
FUNCTIONS = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
}


def ids(cell: Cell) -> str:
    return f"{cell.name}-{cell.bias_rows}"


@pytest.mark.parametrize("terms", [0, 1, 2])
@pytest.mark.parametrize("names", [("tanh", "sigmoid"), ("relu", "tanh")])
@pytest.mark.parametrize("cell", (*CELLS, PEEPHOLE_LSTM, COUPLED_LSTM), ids=ids)
def test_the_printed_equations_are_the_step(cell: Cell, names: tuple[str, str], terms: int) -> None:
    """Evaluate the printed text line by line and run `step` on the same arrays."""
    inputs, units, batch = 3, 4, 2
    known = {"x": RNG.normal(size=(batch, inputs))}
    for gate in cell.gates:
        known[f"W_{gate}"] = RNG.normal(size=(inputs, units))
        known[f"U_{gate}"] = RNG.normal(size=(units, units))
        known[f"p_{gate}"] = RNG.normal(size=units)
        for name in ("b", "bx", "bh"):
            known[f"{name}_{gate}"] = RNG.normal(size=units)
    for state in cell.states:
        known[f"{state}_before"] = RNG.normal(size=(batch, units))

    class Arrays(Parts):
        activation = staticmethod(FUNCTIONS[names[0]])
        output_activation = activation
        recurrent_activation = staticmethod(FUNCTIONS[names[1]])

        def product(self, letter: str, gate: str, operand: np.ndarray) -> np.ndarray:
            weights = known[f"{letter}_{gate}"]
            if letter == "p":
                return weights * operand
            if letter == "U":
                return operand @ weights + (known[f"bh_{gate}"] if terms == 2 else 0)
            return operand @ weights + {0: 0, 1: known[f"b_{gate}"], 2: known[f"bx_{gate}"]}[terms]

    states = [known[f"{state}_before"] for state in cell.states]
    expected = cell.step(Arrays(), known["x"], *states)

    scope = {**known, **FUNCTIONS}
    for line in equations(cell, *names, terms).text():
        python = line.replace("_{t-1}", "_before").replace("'_t", "_candidate").replace("x_t", "x")
        name, _, text = python.partition(" = ")
        scope[name.replace("_t", "_now")] = eval(_now(text), {}, scope)
    for state, value in zip(cell.states, expected, strict=True):
        np.testing.assert_allclose(scope[f"{state}_now"], value, rtol=1e-12)


def _now(text: str) -> str:
    return re.sub(r"\b(\w+)_t\b", r"\1_now", text)


@pytest.mark.parametrize(
    ("cell", "projected"), [(SIMPLE_RNN, False), (LSTM, False), (LSTM, True), (GRU, False)]
)
def test_pytorchs_equations_are_the_step(cell: Cell, projected: bool) -> None:
    """Evaluate PyTorch's text, where a matrix stands before its vector, beside `step`."""
    inputs, units, outputs = 3, 4, 2 if projected else 4
    letters = cell.letters("torch")
    known = {"x": RNG.normal(size=inputs), "W_hr": RNG.normal(size=(outputs, units))}
    for letter in letters.values():
        known[f"W_i{letter}"] = RNG.normal(size=(units, inputs))
        known[f"W_h{letter}"] = RNG.normal(size=(units, outputs))
        known[f"b_i{letter}"], known[f"b_h{letter}"] = RNG.normal(size=(2, units))
    sizes = [outputs, units]
    for state, size in zip(cell.states, sizes, strict=False):
        known[f"{state}_before"] = RNG.normal(size=size)

    class Arrays(Parts):
        activation = staticmethod(np.tanh)
        output_activation = activation
        recurrent_activation = staticmethod(FUNCTIONS["sigmoid"])

        def product(self, letter: str, gate: str, operand: np.ndarray) -> np.ndarray:
            of = {"W": "i", "U": "h"}[letter] + letters[gate]
            return known[f"W_{of}"] @ operand + known[f"b_{of}"]

    h, *others = cell.step(Arrays(), known["x"], *(known[f"{s}_before"] for s in cell.states))
    expected = [known["W_hr"] @ h if projected else h, *others]
    scope = {**known, **FUNCTIONS}
    written = equations(cell, bias_terms=2, framework="torch", projected=projected)
    for line in written.text():
        python = line.replace("_{t-1}", "_before").replace("x_t", "x")
        python = re.sub(r"\b(W_\w+) ", r"\1 @ ", python)
        name, _, text = python.partition(" = ")
        scope[name.replace("_t", "_now")] = eval(_now(text), {}, scope)
    for state, value in zip(cell.states, expected, strict=True):
        np.testing.assert_allclose(scope[f"{state}_now"], value, rtol=1e-12)


def test_pytorchs_gru_reads_like_its_documentation() -> None:
    assert equations(GRU, framework="torch").text()[:3] == (
        "r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)",
        "z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)",
        "n_t = tanh(W_in x_t + b_in + r_t * (W_hn h_{t-1} + b_hn))",
    )
    names = [line.partition(" ")[0] for line in equations(LSTM, framework="torch").text()]
    assert names == ["i_t", "f_t", "g_t", "o_t", "c_t", "h_t"]


def test_latex_is_for_math_mode() -> None:
    assert equations(GRU).latex()[2] == (
        r"h'_{t} = \tanh\left(x_{t} W_{h} + b^{x}_{h} + r_{t} \odot "
        r"\left(h_{t-1} U_{h} + b^{h}_{h}\right)\right)"
    )
    line = equations(LSTM, recurrent_activation="hard_sigmoid", framework="torch").latex()[0]
    assert line.startswith(r"i_{t} = \operatorname{hard\_sigmoid}\left(W_{ii} x_{t}")
    for cell in CELLS:
        for line in equations(cell).latex():
            assert line.count("{") == line.count("}")
            assert line.count(r"\left") == line.count(r"\right")


def test_lstm_reads_like_the_textbook() -> None:
    assert equations(LSTM).text() == (
        "i_t = sigmoid(x_t @ W_i + b_i + h_{t-1} @ U_i)",
        "f_t = sigmoid(x_t @ W_f + b_f + h_{t-1} @ U_f)",
        "c'_t = tanh(x_t @ W_c + b_c + h_{t-1} @ U_c)",
        "o_t = sigmoid(x_t @ W_o + b_o + h_{t-1} @ U_o)",
        "c_t = f_t * c_{t-1} + i_t * c'_t",
        "h_t = o_t * tanh(c_t)",
    )


def test_gru_resets_after_the_product() -> None:
    assert equations(GRU).text()[2:] == (
        "h'_t = tanh(x_t @ W_h + bx_h + r_t * (h_{t-1} @ U_h + bh_h))",
        "h_t = z_t * h_{t-1} + (1 - z_t) * h'_t",
    )


def test_a_linear_activation_is_not_written() -> None:
    assert equations(LSTM, "linear").text()[-1] == "h_t = o_t * c_t"
