"""A cell is one value: two that rnncli does not have are added, and every command has them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("new_cells.py")
INPUTS, UNITS, STEPS = 3, 4, 9
SIZES = ["--input-size", str(INPUTS), "--units", str(UNITS), "--steps", str(STEPS)]
RNG = np.random.default_rng(0)


def run(*arguments: str) -> Any:
    """Return the JSON of a command of rnncli with the new cells."""
    command = [sys.executable, str(SCRIPT), *arguments, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def mgu(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """Return the states `(batch, time, units)`."""
    h, found = np.zeros((len(x), UNITS)), []
    (wf, wh), (uf, uh), (bf, bh) = (
        np.split(w[name], 2, axis=-1) for name in ("kernel", "recurrent_kernel", "bias")
    )
    for t in range(x.shape[1]):
        f = sigmoid(x[:, t] @ wf + bf + h @ uf)
        h = (1 - f) * h + f * np.tanh(x[:, t] @ wh + bh + (f * h) @ uh)
        found.append(h)
    return np.stack(found, axis=1)


def min_gru(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """Return the states `(batch, time, units)`."""
    h, found = np.zeros((len(x), UNITS)), []
    (wz, wh), (bz, bh) = (np.split(w[name], 2, axis=-1) for name in ("kernel", "bias"))
    for t in range(x.shape[1]):
        z = sigmoid(x[:, t] @ wz + bz)
        h = (1 - z) * h + z * (x[:, t] @ wh + bh)
        found.append(h)
    return np.stack(found, axis=1)


SHAPES = {
    "mgu": {"kernel": (3, 8), "recurrent_kernel": (4, 8), "bias": (8,)},
    "min_gru": {"kernel": (3, 8), "bias": (8,)},
}
CLASSES = {"mgu": "MGU", "min_gru": "MinGRU"}
each_cell = pytest.mark.parametrize("cell", SHAPES)


@each_cell
def test_the_weights_are_counted_per_gate(cell: str) -> None:
    (layer,) = run("params", "--cell", cell, *SIZES)["layers"]
    shapes = {weight["name"]: tuple(weight["shape"]) for weight in layer["weights"]}
    assert shapes == SHAPES[cell]
    sizes = {"units": UNITS, "inputs": INPUTS}
    formula = eval(layer["formula"].replace("×", "*"), {"__builtins__": {}}, sizes)
    assert layer["params"] == formula == sum(np.prod(shape) for shape in shapes.values())
    gates = "fh" if cell == "mgu" else "zh"
    for weight in layer["weights"]:
        assert weight["gates"] == dict.fromkeys(gates, weight["params"] // 2)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("mgu", ["f_t = sigmoid(x_t @ W_f + b_f + h_{t-1} @ U_f)",
                 "h'_t = tanh(x_t @ W_h + b_h + (f_t * h_{t-1}) @ U_h)",
                 "h_t = (1 - f_t) * h_{t-1} + f_t * h'_t"]),
        ("min_gru", ["z_t = sigmoid(x_t @ W_z + b_z)",
                     "h_t = (1 - z_t) * h_{t-1} + z_t * (x_t @ W_h + b_h)"]),
    ],
)  # fmt: skip
def test_the_equations_follow(cell: str, expected: list[str]) -> None:
    found = run("explain", "--cell", cell, *SIZES)
    assert found["equations"] == expected
    symbols = {row["symbol"]: row["shape"] for row in found["symbols"]}
    assert ("U_h" in symbols) == (cell == "mgu")
    assert symbols["W_h"] == [INPUTS, UNITS]


@pytest.mark.parametrize(("cell", "per_step"), [("mgu", 2 * 4 * (3 + 4)), ("min_gru", 2 * 4 * 3)])
def test_the_products_are_counted(cell: str, per_step: int) -> None:
    totals = run("cost", "--cell", cell, *SIZES)["totals"]
    assert (totals["macs_per_step"], totals["macs"]) == (per_step, STEPS * per_step)
    assert totals["state_bytes"] == 4 * UNITS


@pytest.mark.parametrize("backwards", [False, True])
@each_cell
def test_it_runs_as_a_loop_in_numpy_does(cell: str, backwards: bool, tmp_path: Path) -> None:
    weights = {
        name: RNG.normal(size=shape).astype("float32") for name, shape in SHAPES[cell].items()
    }
    x = RNG.normal(size=(2, STEPS, INPUTS)).astype("float32")
    np.savez(tmp_path / "w.npz", **weights)
    np.save(tmp_path / "x.npy", x)
    layer = f"{CLASSES[cell]}({UNITS}, return_sequences=True, go_backwards={backwards})"
    run(
        "forward", "--layer", f"Input(({STEPS}, {INPUTS}))", "--layer", layer,
        "--weights", str(tmp_path / "w.npz"), "--input", str(tmp_path / "x.npy"),
        "-o", str(tmp_path / "y.npy"),
    )  # fmt: skip
    loop = {"mgu": mgu, "min_gru": min_gru}[cell]
    expected = loop(x[:, ::-1] if backwards else x, weights)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, atol=1e-6)


@each_cell
def test_it_stands_in_other_layers_and_in_fit(cell: str) -> None:
    name = CLASSES[cell]
    stacked = f"Bidirectional(RNN([{name}Cell(4), LSTMCell(4)]))"
    layers = ["--layer", "Input((9, 3))", "--layer", stacked]
    found = run("forward", *layers, "--stats")
    assert found["outputs"][0]["shape"] == [1, 2 * UNITS]
    assert len(found["layers"]) == 4
    (row,) = run("forward", "--cell", cell, "--stats")["layers"]
    known = cell == "mgu"  # a MinGRU has no activation: nothing bounds its state
    assert (row["saturated"]["h"] is not None) == known
    assert (run("forward", "--cell", cell)["stats"]["saturated"] is not None) == known
    (row,) = run("fit", "--cell", cell, "--input-size", "3", "--max-params", "64")["rows"]
    assert row["units"] == (4 if cell == "mgu" else 8)
