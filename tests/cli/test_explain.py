"""`explain`: equations for both frameworks, the products of a count, and a step with its values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.cli import main

TORCH = str(Path(__file__).parents[1] / "goldens" / "torch" / "modules.pt")
KERAS = str(Path(__file__).parents[1] / "goldens" / "keras" / "k3" / "lstm_stack.keras")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs `explain`, in this process, and returns what it prints."""

    def run(*arguments: str, command: str = "explain") -> str:
        monkeypatch.setattr("sys.argv", ["rnncli", command, *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
        return capsys.readouterr().out

    return run


LAYERS = [
    ["--cell", "simple_rnn", "--no-bias"], ["--cell", "lstm"], ["--cell", "gru"],
    ["--cell", "gru", "--no-reset-after"], ["--cell", "lstm", "--bidirectional"],
    [TORCH, "--layer-name", "gru"], [TORCH, "--layer-name", "lstm_projected"],
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: " ".join(layer[-2:]))
def test_the_products_make_the_count(told: Any, layer: list[str]) -> None:
    found = json.loads(told(*layer, "--numbers", "--format", "json"))
    for row in found["weights"]:
        assert eval(row["product"].replace("×", "*")) == row["params"]
    _, numbers, count = found["formula"].split(" = ")
    counted = eval(numbers.replace("×", "*"))
    assert counted == int(count.replace(",", "")) == sum(row["params"] for row in found["weights"])
    whole = json.loads(told(*layer, "--format", "json", command="params"))
    assert found["params"] == whole["totals"]["params"]
    symbols = {row["symbol"]: row["shape"] for row in found["symbols"]}
    for row in found["weights"]:
        shapes = [symbols[symbol] for symbol in row["symbols"].split(", ")]
        assert sum(int(np.prod(shape)) for shape in shapes) == row["params"]


def test_numbers_are_asked_for(told: Any) -> None:
    assert "4 × 64 × (32 + 64 + 1) = 24,832" in told("--cell", "lstm", "--numbers")
    assert {"weights", "params", "trace"}.isdisjoint(json.loads(told("--format", "json")))


@pytest.mark.parametrize("flags", [[], ["--go-backwards"], ["--bidirectional"]])
@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_a_trace_is_the_first_step_of_forward(
    told: Any, tmp_path: Path, cell: str, flags: list[str]
) -> None:
    layer = ["--cell", cell, "--units", "3", "--input-size", "2", "--steps", "5", *flags]
    trace = json.loads(told(*layer, "--trace", "--format", "json"))["trace"]
    told(*layer, "--return-sequences", "-o", str(tmp_path / "y.npy"), command="forward")
    first = np.load(tmp_path / "y.npy")[0, 0, :3]
    np.testing.assert_allclose(trace["after"]["h"], first, rtol=1e-5, atol=1e-6)
    assert trace["before"]["h"] == [0, 0, 0]
    assert trace["reverse"] == ("--go-backwards" in flags)
    table = told(*layer, "--trace")
    assert f"{trace['after']['h'][1]:.4g}" in table
    assert "Weights: random (keras, seed 0)" in table


def test_the_values_of_a_trace_follow_the_equations(told: Any) -> None:
    layer = ["--cell", "lstm", "--units", "12", "--input-size", "2"]
    trace = json.loads(told(*layer, "--trace", "--format", "json"))["trace"]
    gates = {name: np.array(values) for name, values in trace["gates"].items()}
    c = gates["f"] * np.array(trace["before"]["c"]) + gates["i"] * gates["c"]
    np.testing.assert_allclose(trace["after"]["c"], c, 1e-5)
    np.testing.assert_allclose(trace["after"]["h"], gates["o"] * np.tanh(c), 1e-5)
    assert "Units: the first 8 of 12" in told(*layer, "--trace")


def test_a_file_is_traced_with_its_weights(told: Any, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    first, second = (json.loads(told(KERAS, "--layer-name", name, "--trace", "--format", "json"))
                     for name in ("lstm", "lstm_1"))  # fmt: skip
    told(KERAS, "--until", "lstm", "-o", str(tmp_path / "y.npy"), command="forward")
    y = np.load(tmp_path / "y.npy")[0]
    np.testing.assert_allclose(first["trace"]["after"]["h"], y[0], 1e-5)
    np.testing.assert_allclose(second["trace"]["x"], y[-1], 1e-5)  # it goes backwards
    assert second["trace"]["reverse"]
    assert f"Weights: file {KERAS}" in told(KERAS, "--trace")
    found = json.loads(told(TORCH, "--layer-name", "gru", "--trace", "--format", "json"))
    assert list(found["trace"]["gates"]) == ["z", "r", "h"]
    assert len(found["trace"]["x"]) == 3


def test_what_needs_an_input_is_not_traced(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    file = str(Path(KERAS).with_name("attention.keras"))
    monkeypatch.setattr("sys.argv", ["rnncli", "explain", file, "--trace"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error == "error: --trace: input 'words' has the open shape (None, None)"
    assert hint == "hint: leave --trace out"
    monkeypatch.setattr("sys.argv", ["rnncli", "explain", file])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0


def test_directions_stand_side_by_side(told: Any) -> None:
    found = json.loads(told(TORCH, "--layer-name", "gru", "--format", "json"))
    assert [(row["cell"], row["reads"], row["inputs"]) for row in found["cells"]] == [
        ("l0", "x", 3), ("l0_reverse", "x", 3),
        ("l1", "l0 and l0_reverse", 8), ("l1_reverse", "l0 and l0_reverse", 8),
    ]  # fmt: skip
    text = " ".join(told(TORCH, "--layer-name", "gru").split())
    assert "side by side" in text and "stack" not in text
    assert "W_ir x_t + b_ir + W_hr h_{t-1} + b_hr" in text
    assert "weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0" in text
    assert "order r, z, n" in text


def test_cells_of_a_chain_read_one_another(told: Any) -> None:
    stack = ["--layer", "Input((9, 2))", "--layer", "RNN([LSTMCell(3), GRUCell(4)])"]
    cells = json.loads(told(*stack, "--format", "json"))["cells"]
    assert [(row["reads"], row["inputs"], row["units"]) for row in cells] == [
        ("x", 2, 3), (cells[0]["cell"], 3, 4),
    ]  # fmt: skip


def test_latex_aligns_the_equations(told: Any) -> None:
    text = told("--cell", "gru", "--format", "latex")
    assert r"\begin{align*}" in text
    assert r"z_{t} &= \sigma\left(x_{t} W_{z} + b^{x}_{z}" in text
