"""`rnncli cost` as a user runs it."""

import csv
import io
import json
from typing import Any

import pytest

OPEN = ("--layer", "Input((None, 3))", "--layer", "LSTM(4)")


def answer(rnncli: Any, *arguments: str) -> Any:
    done = rnncli("cost", *arguments, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_json_has_the_keys_that_programs_rely_on(rnncli: Any) -> None:
    found = answer(rnncli, "--cell", "lstm", "--units", "64", "--steps", "100")
    figures = {"macs_per_step": 24_576, "macs": 2_457_600, "weight_bytes": 99_328,
               "state_bytes": 512, "output_bytes": 256}  # fmt: skip
    assert (found["schema"], found["command"]) == (1, "cost")
    assert found["layers"] == [{"name": "lstm", "type": "LSTM", **figures}]
    peaks = {"peak_sequence_bytes": 4 * (3200 + 64), "peak_streaming_bytes": 4 * (32 + 64)}
    assert found["totals"] == figures | peaks | {"complete": True}


def test_the_table_states_the_definition_and_the_lower_bound(rnncli: Any) -> None:
    done = rnncli("cost", "--cell", "lstm")
    assert "│ lstm  │ LSTM │        24,576 │ 2,457,600 │ 97.00 KiB │" in done.stdout
    assert "FLOPs = 2 × MACs" in done.stdout
    assert "lower bound" in done.stdout
    assert "at least: 12.75 KiB" in done.stdout


def test_flags_fill_in_what_the_model_leaves_open(rnncli: Any) -> None:
    assert answer(rnncli, *OPEN)["totals"]["macs"] is None
    found = answer(rnncli, *OPEN, "--steps", "7", "--batch-size", "2", "--dtype", "int8")
    assert found["totals"]["macs"] == 2 * 784
    assert found["totals"]["weight_bytes"] == 128
    assert (found["dtype"], found["batch_size"]) == ("int8", 2)
    assert answer(rnncli, "--steps", "none")["totals"]["macs"] is None


def test_it_says_how_to_fill_in_the_length(rnncli: Any) -> None:
    assert "--steps fills in the length" in rnncli("cost", *OPEN).stdout


def test_it_says_when_a_size_is_not_open(rnncli: Any) -> None:
    stack = ("--layer", "Input(batch_shape=(8, 7, 3))", "--layer", "LSTM(4)")
    done = rnncli("cost", *stack, "--steps", "50", "--batch-size", "2")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "warning: --batch-size 2 changes nothing: the model's input 'input_layer' states 8",
        "warning: --steps 50 changes nothing: the model's input 'input_layer' states 7",
    ]


def test_csv_is_raw(rnncli: Any) -> None:
    done = rnncli("cost", "--cell", "gru", "--depth", "2", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["macs_per_step"] for row in rows] == ["18432", "24576"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dtype", "int4"], "--dtype"),
        (["--batch-size", "0"], "--batch-size"),
        (["--batch-size", "two"], "--batch-size"),
        (["--steps", "0"], "--steps"),
        (["--layer", "LSTM(4)", "--cell", "gru"], "--cell"),
        (["--layer", "Dense("], "Dense("),
        (["--no-such-flag"], "--no-such-flag"),
        (["nowhere.h5"], "nowhere.h5"),
        (["--layer", "LSTM(4)"], "no input shape"),
    ],
)
def test_an_error_is_one_line(rnncli: Any, arguments: list[str], message: str) -> None:
    done = rnncli("cost", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert all(line.startswith("hint: ") for line in rest)
    assert len(rest) <= 1


def test_seconds_on_a_device(rnncli: Any) -> None:
    told = rnncli("cost", "--cell", "lstm", "--macs-per-second", "7.5M", "--format", "json")
    assert json.loads(told.stdout)["totals"]["seconds"] == pytest.approx(2_457_600 / 7.5e6)
    assert rnncli("cost", "--macs-per-second", "0").returncode == 2
