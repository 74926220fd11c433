"""`rnncli fit` as a user runs it."""

import csv
import io
import json
from typing import Any

import pytest

STACK = ("--layer", "Input((100, 8))", "--layer", "LSTM(?, return_sequences=True)",
         "--layer", "Dense(1)")  # fmt: skip


def answer(rnncli: Any, *arguments: str) -> Any:
    done = rnncli("fit", *arguments, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_json_has_the_keys_that_programs_rely_on(rnncli: Any) -> None:
    found = answer(rnncli, "--max-params", "50k", "--cell", "lstm")
    assert (found["schema"], found["command"]) == (1, "fit")
    assert found["limit"] == {"max_params": 50_000}
    (row,) = found["rows"]
    more = {"units": 97, "params": 50_440, "bytes": 201_760, "macs": 100 * 4 * 97 * 129}
    assert row == {"cell": "lstm", "units": 96, "params": 49_536, "bytes": 198_144,
                   "macs": 4_915_200, "next": more, "reason": None}  # fmt: skip


def test_without_a_cell_there_is_a_row_per_cell(rnncli: Any) -> None:
    rows = answer(rnncli, "--max-params", "50k")["rows"]
    assert [(row["cell"], row["units"]) for row in rows] == [
        ("simple_rnn", 207), ("lstm", 96), ("gru", 113)
    ]  # fmt: skip


def test_flags_of_the_layer_count(rnncli: Any) -> None:
    flags = ("--max-params", "50k", "--cell", "lstm", "--bidirectional", "--depth", "3")
    assert answer(rnncli, *flags)["rows"][0]["units"] == 27


def test_the_hole_of_a_stack(rnncli: Any) -> None:
    (row,) = answer(rnncli, "--max-params", "20k", *STACK)["rows"]
    assert (row["cell"], row["units"]) == ("LSTM(?, return_sequences=True)", 66)


def test_steps_fill_in_the_length_of_a_stack(rnncli: Any) -> None:
    stack = ("--layer", "Input((None, 6))", "--layer", "LSTM(?)")
    (row,) = answer(rnncli, "--max-macs", "20k", *stack, "--steps", "20")["rows"]
    assert (row["units"], row["macs"]) == (13, 19_760)


def test_bytes_of_quantised_weights(rnncli: Any) -> None:
    flags = ("--cell", "gru", "--max-bytes", "64KiB", "--dtype", "int8")
    assert answer(rnncli, *flags)["rows"][0]["bytes"] == 64_845


def test_a_budget_beyond_any_machine(rnncli: Any) -> None:
    rows = answer(rnncli, "--max-params", str(10**17))["rows"]
    assert [row["units"] for row in rows] == [316_227_749, 158_113_866, 182_574_168]


REASON = "one unit takes 34 params, more than 3"


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown"])
def test_every_format_says_why_nothing_fits(rnncli: Any, format: str) -> None:
    done = rnncli("fit", "--cell", "simple_rnn", "--max-params", "3", "--format", format)
    assert done.returncode == 1
    assert REASON in done.stdout
    assert done.stderr == "fit failed: not even one unit fits\n"
    if format == "json":
        assert json.loads(done.stdout)["rows"][0]["reason"] == REASON
    if format == "csv":
        (row,) = csv.DictReader(io.StringIO(done.stdout))
        assert (row["units"], row["reason"]) == ("0", REASON)


ONE_PARAM = ("--max-params", "20k")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs a budget"),
        (["--max-params", "lots"], "--max-params"),
        (["--max-macs", "-5"], "--max-macs"),
        ([*ONE_PARAM, "--units", "4"], "--units"),
        ([*ONE_PARAM, "--dtype", "int4"], "--dtype"),
        (["--max-macs", "1M", "--steps", "none"], "not known"),
        ([*ONE_PARAM, "--layer", "LSTM(?)"], "weights are not known"),
        ([*ONE_PARAM, *STACK, "--cell", "gru"], "--cell"),
        ([*ONE_PARAM, *STACK, "--layer", "Dense(?)"], "one size"),
        ([*ONE_PARAM, "--layer", "LSTM(4)"], "one size"),
        ([*ONE_PARAM, *STACK[:2], "--layer", "LSTM(1?)"], "'LSTM(1?)'"),
        ([*ONE_PARAM, *STACK[:2], "--layer", "LSTM(?0)"], "'LSTM(?0)'"),
        ([*ONE_PARAM, *STACK[:2], "--layer", "LSTM(-?)"], "'LSTM(-?)'"),
        ([*ONE_PARAM, *STACK[:2], "--layer", "LSTM(4, name='a?')"], "name='a?'"),
        ([*ONE_PARAM, *STACK[:2], "--layer", "Conv1D(4, ?)"], "'Conv1D(4, ?)'"),
        ([*ONE_PARAM, "--layer", "Input((?, 8))", "--layer", "LSTM(4)"], "any size fits"),
    ],
)
def test_an_error_is_one_line(rnncli: Any, arguments: list[str], message: str) -> None:
    done = rnncli("fit", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert all(line.startswith("hint: ") for line in rest)
    assert len(rest) <= 1
