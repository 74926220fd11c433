"""How far gradients reach back: as PyTorch's autograd says, and as differences show."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.activation_names import ACTIVATION_NAMES, ARGUMENTS, Applied
from rnncli.cell import Cell
from rnncli.cells import CELLS, COUPLED_LSTM, LSTM, PEEPHOLE_LSTM
from rnncli.forward import gradients
from rnncli.forward.gradients import Course, Derivative, Flow
from rnncli.kernels.activations import described
from rnncli.kernels.reference import Reference

GOLDENS = Path(__file__).parents[1] / "goldens"
RECORD = json.loads((GOLDENS / "gradients.json").read_text())["norms"]
PULLED = json.loads((GOLDENS / "activations.json").read_text())
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


WITH_ARGUMENTS = {
    "affine": (0.6, 0.3), "hardsigmoid": (0.6, 0.3), "scaledtanh": (0.6, 0.3),
    "leakyrelu": (0.6,), "thresholdedrelu": (0.6,),
}  # fmt: skip


def called(name: str) -> str | Applied:
    """Return the activation that a name in the goldens stands for."""
    if name in WITH_ARGUMENTS:
        return Applied(name, WITH_ARGUMENTS[name])
    return Applied("tanh", (), 0.7) if name == "tanh clip 0.7" else name


def test_every_activation_is_among_the_goldens() -> None:
    assert {*ACTIVATION_NAMES, *ARGUMENTS} <= set(PULLED["pulled"])


@pytest.mark.parametrize("name", PULLED["pulled"])
def test_derivatives_are_those_of_autograd(name: str) -> None:
    found = described(called(name))
    assert found.pull is not None
    for row, expected in zip(PULLED["x"], PULLED["pulled"][name], strict=True):
        x = np.array([row])
        given = np.array(PULLED["gradients"])[:, : found.function(x).shape[1]]
        np.testing.assert_allclose(found.pull(x, given), expected, rtol=1e-7, atol=1e-14)


@pytest.mark.parametrize("name", PULLED["corners"])
def test_derivatives_at_corners_are_those_of_pytorch(name: str) -> None:
    places, expected = PULLED["corners"][name]
    pull = described(name).pull
    assert pull is not None
    assert pull(np.array([places], float), np.ones((1, len(places))))[0].tolist() == expected


@pytest.mark.parametrize("name", PULLED["pulled"])
def test_derivatives_are_those_that_differences_give(name: str) -> None:
    found = described(called(name))
    assert found.pull is not None
    x, step = RNG.normal(size=(1, 6)) * 2, 1e-6
    columns = [(found.function(x + step * unit) - found.function(x - step * unit))[0] / (2 * step)
               for unit in np.eye(6)]  # fmt: skip
    given = RNG.normal(size=(3, len(columns[0])))
    np.testing.assert_allclose(found.pull(x, given), given @ np.transpose(columns), rtol=1e-5,
                               atol=1e-8)  # fmt: skip


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
    rows = np.split(np.eye(sizes[-1]), sizes[:-1], axis=1)
    found = np.concatenate(flow.backward.through(x, states, rows), axis=1)
    whole, step = np.concatenate(states), 1e-6

    def after(moved: Any) -> Any:
        parts = [each[None] for each in np.split(moved, sizes[:-1])]
        return np.concatenate(reference.step(x[None], parts)[0], axis=1)[0]

    columns = [(after(whole + step * unit) - after(whole - step * unit)) / (2 * step)
               for unit in np.eye(len(whole))]  # fmt: skip
    np.testing.assert_allclose(found, np.transpose(columns), rtol=1e-5, atol=1e-8)


def fed(flow: Flow, reference: Reference, x: Any) -> dict[str, Any]:
    """Return the figures of a sequence `(time, inputs)`."""
    flow.begin()
    states = tuple(each[0] for each in reference.zero_states(1))
    for step in x:
        flow.add(step, states)
        after, _ = reference.step(step[None], [each[None] for each in states])
        states = tuple(each[0] for each in after)
    return flow.figures()


@pytest.mark.parametrize("memory", [1, 8 * 6**2 * 4, 2**26])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.name}-{cell.bias_rows}")
def test_long_sequences_are_as_exact_as_short_ones(
    monkeypatch: pytest.MonkeyPatch, cell: Cell, memory: int
) -> None:
    """In bounded memory the products of Jacobians give what a way back step by step does."""
    x = RNG.normal(size=(347, 2)) * 0.1
    flow, reference = flow_of(cell, ("tanh", "sigmoid", "tanh"))
    whole = fed(flow, reference, x)
    monkeypatch.setattr(gradients, "KEPT", 20)
    monkeypatch.setattr(gradients, "BLOCK", 5)
    monkeypatch.setattr(gradients, "_MEMORY", memory)
    monkeypatch.setattr(gradients, "SHOWN", (1, 10))
    weights = {term.name: np.concatenate(list(reference.shares[term.letter].values()), axis=-1)
               for term in cell.weights}  # fmt: skip
    bias = np.stack([np.concatenate(list(row.values())) for row in reference.rows])
    names = ("tanh", "sigmoid", "tanh")
    short = Flow(Reference(cell, {**weights, "bias": bias}, names, dtype="float64"), names)
    found = fed(short, reference, x)
    assert short.products is not None and 1 < len(short.products) < max(3, short.most)
    assert len(short.recent) <= 25
    expected = {row["back"]: row for row in (*whole["gradient"], *whole["gradient_series"])}
    last = found["gradient"][-1]
    assert (last["step"], last["back"]) == (1, 346)
    for row in (*found["gradient"], *found["gradient_series"]):
        if row["back"] in expected:
            assert row == pytest.approx(expected[row["back"]], rel=1e-9)


def test_an_end_within_a_product_is_at_most() -> None:
    course = Course()
    for back, size in ((1, 0.5), (2, 0.3), (66, 1e-4), (130, 1e-5)):
        course.take(back, Derivative([np.full((1, 1), size)]))
    assert course.verdict() == {"verdict": "vanishes", "steps": 66, "exact": False}


def test_what_would_take_minutes_is_left_out_and_said(
    rnncli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, reference = flow_of(LSTM, ("tanh", "sigmoid", "tanh"))
    monkeypatch.setattr(gradients, "_WORK", 36 * 3 * 50.0)
    found = fed(flow, reference, RNG.normal(size=(120, 2)))
    assert [row["h"] is None for row in found["gradient"]] == [False, False, True, True]
    assert found["gradient_flow"]["steps"] <= 50
    assert found["gradient_lacks"] == "no more than 50 steps: more would take minutes with 3 units"


def test_an_activation_without_a_derivative_is_named(rnncli: Any) -> None:
    line = ("forward", "--layer", "Input((9, 3))", "--layer",
            "SimpleRNN(4, activation=Softmax(axis=0))", "--batch-size", "2", "--stats")  # fmt: skip
    done = rnncli(*line)
    assert "Softmax(axis=0) has no derivative within one sequence" in done.stdout
    (row,) = json.loads(rnncli(*line, "--format", "json").stdout)["layers"]
    assert row["gradient_flow"] is None and row["gradient_series"] == []


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
    course = Course()
    for back, size in enumerate(norms, 1):
        course.take(back, Derivative([np.zeros((2, 2)), np.diag([size, size / 3])]))
    verdict = course.verdict()
    assert verdict == {"verdict": expected[0], "steps": expected[1], "exact": True}


def test_the_sentence(rnncli: Any) -> None:
    table = rnncli("forward", "--cell", "lstm", "--units", "16", "--stats").stdout
    assert "∂h_T/∂c_t, t = T−10" in table
    assert "lstm: the gradient vanishes, below 0.001 after" in table
    assert "Washout" not in table
    ascii_ = rnncli("forward", "--stats", env={"LC_ALL": "C", "PYTHONIOENCODING": ""}).stdout
    assert "dh_T/dh_t, t = T-10" in ascii_
    one = rnncli("forward", "--steps", "1", "--stats", "--format", "json").stdout
    assert json.loads(one)["layers"][0]["gradient"] == []
