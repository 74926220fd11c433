"""How far gradients reach back: as PyTorch's autograd says, and as differences show."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.activation_names import ACTIVATION_NAMES, Applied
from rnncli.cells import CELLS, COUPLED_LSTM, LSTM, PEEPHOLE_LSTM, Cell
from rnncli.forward.gradients import Flow, verdict
from rnncli.kernels.activations import activation
from rnncli.kernels.derivatives import moved
from rnncli.kernels.reference import Reference

GOLDENS = Path(__file__).parents[1] / "goldens"
RECORD = json.loads((GOLDENS / "gradients.json").read_text())["norms"]
RNG = np.random.default_rng(4)


@pytest.mark.parametrize("name", RECORD)
def test_norms_are_those_of_autograd(rnncli: Any, tmp_path: Path, name: str) -> None:
    x = np.random.default_rng(0).normal(size=(1, 120, 3)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    done = rnncli("forward", str(GOLDENS / "torch/state_dict.pt"), "--layer-name", name,
                  "--input", "x.npy", "--stats", "--format", "json")  # fmt: skip
    rows = json.loads(done.stdout)["layers"]
    assert len(rows) == len(RECORD[name])
    for row, expected in zip(rows, RECORD[name], strict=True):
        assert [each["back"] for each in row["gradient"]] == [1, 10, 100, 119]
        for each in row["gradient"]:
            found = [each[state] for state in ("h", "c") if state in each]
            assert found == pytest.approx(expected[str(each["back"])], rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_derivatives_are_those_that_differences_give(name: str) -> None:
    if name in ("glu", "sparsemax"):  # halves its input; has a corner at every tie
        return
    value, tangent, step = RNG.normal(size=6) * 2, RNG.normal(size=(3, 6)), 1e-6
    function = activation(name)
    expected = [(function(value + step * each) - function(value - step * each)) / (2 * step)
                for each in tangent]  # fmt: skip
    np.testing.assert_allclose(moved(name, value, tangent), expected, rtol=1e-5, atol=1e-8)


def flow_of(cell: Cell, names: Any, projection: bool = False) -> tuple[Flow, Reference]:
    """Return a cell of 3 units (2 outputs where projected) on 2 inputs, with random weights."""
    outputs = 2 if projection else 3
    weights: dict[str, Any] = {
        term.name: RNG.normal(size=term.shape(2, 3, outputs)) for term in cell.weights
    }
    weights["bias"] = RNG.normal(size=cell.bias_shape(3))
    matrix = RNG.normal(size=(3, 2)) if projection else None
    reference = Reference(cell, weights, names, dtype="float64", projection=matrix)
    return Flow(reference, names), reference


EVERY = [(cell, ("tanh", "sigmoid", "tanh")) for cell in (*CELLS, PEEPHOLE_LSTM, COUPLED_LSTM)]
EVERY += [(LSTM, ("softsign", "hard_sigmoid", "relu")), (LSTM, ("softmax", "sigmoid", "gelu")),
          (LSTM, (Applied("leakyrelu", (0.1,)), "sigmoid", "tanh"))]  # fmt: skip


@pytest.mark.parametrize("projection", [False, True])
@pytest.mark.parametrize(("cell", "names"), EVERY)
def test_the_jacobian_is_the_one_that_differences_give(
    cell: Cell, names: Any, projection: bool
) -> None:
    flow, reference = flow_of(cell, names, projection and len(cell.states) > 1)
    states = tuple(RNG.normal(size=each.shape[1]) for each in reference.zero_states(1))
    x, sizes = RNG.normal(size=2), np.cumsum([len(each) for each in states])
    flow.add(x, states)
    found = flow.jacobian(flow.taken[0])
    whole, step = np.concatenate(states), 1e-6

    def after(moved: Any) -> Any:
        parts = [each[None] for each in np.split(moved, sizes[:-1])]
        return np.concatenate(reference.step(x[None], parts)[0], axis=1)[0]

    columns = [(after(whole + step * unit) - after(whole - step * unit)) / (2 * step)
               for unit in np.eye(len(whole))]  # fmt: skip
    np.testing.assert_allclose(found, np.transpose(columns), rtol=1e-5, atol=1e-8)


def test_what_is_no_number_has_no_norm(rnncli: Any) -> None:
    done = rnncli("forward", "--activation", "relu", "--init", "uniform01", "--units", "9",
                  "--stats", "--format", "json")  # fmt: skip
    (row,) = json.loads(done.stdout)["layers"]
    assert row["first_bad_step"] is not None
    assert all(each["h"] is None for each in row["gradient"])
    assert row["gradient_flow"] is None


@pytest.mark.parametrize(
    ("norms", "expected"),
    [
        ([0.1, 0.01, 0.0009, 0.0001], ("vanishes", 3)),
        ([0.0009, 0.1, 0.0009], ("vanishes", 3)),
        ([0.5, 2.0, 0.4], ("holds", 3)),
        ([10.0, 999.0, 1001.0, 5000.0], ("explodes", 3)),
    ],
)
def test_the_verdict(norms: list[float], expected: tuple[str, int]) -> None:
    found = verdict([(0.0, each) for each in norms])
    assert found == dict(zip(("verdict", "steps"), expected, strict=True))


def test_the_sentence(rnncli: Any) -> None:
    table = rnncli("forward", "--cell", "lstm", "--units", "16", "--stats").stdout
    assert "∂h_T/∂c_t, t = T−10" in table
    assert "lstm: the gradient vanishes, below 0.001 after" in table
    assert "Washout" not in table
    ascii_ = rnncli("forward", "--stats", env={"LC_ALL": "C", "PYTHONIOENCODING": ""}).stdout
    assert "dh_T/dh_t, t = T-10" in ascii_
    one = rnncli("forward", "--steps", "1", "--stats", "--format", "json").stdout
    assert json.loads(one)["layers"][0]["gradient"] == []
