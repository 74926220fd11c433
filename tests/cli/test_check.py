"""`rnncli check` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CONFIG = {
    "class_name": "Sequential",
    "config": {
        "name": "sequential",
        "layers": [
            {"class_name": "InputLayer", "config": {"batch_shape": [None, 7, 3], "name": "input"}},
            {"class_name": "LSTM", "config": {"name": "lstm", "units": 4}},
        ],
    },
}


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Return the name of a model file that holds no weights."""
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    return "model.json"


def test_json_has_the_keys_that_programs_rely_on(rnncli: Any) -> None:
    done = rnncli(
        "check", "--units", "64", "--max-params", "50k", "--output-shape", "None,64",
        "--format", "json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (found["schema"], found["command"], found["ok"]) == (1, "check", True)
    assert found["checks"] == [
        {"model": "sequential", "name": "max_params", "limit": 50_000, "actual": 6208, "ok": True},
        {"model": "sequential", "name": "output_shape", "limit": [None, 64], "actual": [None, 64],
         "ok": True},
    ]  # fmt: skip


def test_a_failure_is_named_and_the_table_printed(rnncli: Any) -> None:
    done = rnncli("check", "--cell", "lstm", "--max-params", "5k", "--max-macs", "3M")
    assert done.returncode == 1
    assert "│ max_macs   │ 3,000,000 │ 2,457,600 │ yes │" in done.stdout
    assert done.stderr == (
        "check failed: sequential: max_params: 24,832, but at most 5,000 is asked for\n"
    )


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown"])
def test_every_format_fails_alike(rnncli: Any, format: str) -> None:
    done = rnncli("check", "--units", "64", "--params", "6,209", "--format", format)
    assert done.returncode == 1
    assert "6208" in done.stdout.replace(",", "")
    assert done.stderr.startswith("check failed: sequential: params: 6,208")


def test_weights_that_are_not_known_fail(rnncli: Any) -> None:
    done = rnncli("check", "--layer", "LSTM(64)", "--max-params", "1G")
    assert done.returncode == 1
    assert "max_params: unknown" in done.stderr


def test_steps_fill_in_the_length(rnncli: Any) -> None:
    stack = ("--layer", "Input((None, 3))", "--layer", "LSTM(4)", "--max-macs", "784")
    assert rnncli("check", *stack).returncode == 1
    assert rnncli("check", *stack, "--steps", "7").returncode == 0


def test_several_outputs_have_several_shapes(rnncli: Any) -> None:
    flags = ("--cell", "lstm", "--return-state", "--return-sequences")
    shapes = ("None,100,64", "None,64", "(None, 64)")
    asked = [part for shape in shapes for part in ("--output-shape", shape)]
    assert rnncli("check", *flags, *asked).returncode == 0
    assert rnncli("check", *flags, *asked[:2]).returncode == 1


def test_several_models_have_a_row_each(rnncli: Any, model: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps(CONFIG).replace('"units": 4', '"units": 40'))
    done = rnncli("check", model, "other.json", "--max-params", "1k", "--format", "csv")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        "model.json,max_params,1000,128,true",
        "other.json,max_params,1000,7040,false",
    ]
    assert done.stderr.startswith("check failed: other.json: max_params: 7,040")


def test_a_file_that_cannot_be_read_outweighs_one_that_fails(rnncli: Any, model: str) -> None:
    done = rnncli("check", "nowhere.h5", model, "--max-params", "1", "--format", "json")
    assert done.returncode == 2
    names = [(each["model"], each["name"]) for each in json.loads(done.stdout)["checks"]]
    assert names == [("nowhere.h5", "read"), ("model.json", "max_params")]
    assert done.stderr.splitlines() == [
        "check failed: model.json: max_params: 128, but at most 1 is asked for",
        "error: nowhere.h5: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs a limit"),
        (["--max-params", "lots"], "--max-params"),
        (["--output-shape", "None,many"], "None,many"),
        (["--output-shape", ""], "--output-shape"),
        (["--cell", "gru", "--no-nan"], "--no-nan"),
        (["--max-params", "50k"], "no model"),
        (["--no-nan"], "no model"),
        (["model.json", "--no-nan"], "model.json: it holds no weights"),
        (["nowhere.h5", "--max-params", "3"], "nowhere.h5"),
        (["model.json", "--max-params", "3", "--cell", "gru"], "--cell"),
        (["--layer", "LSTM(4)", "model.json", "--max-params", "3"], "--layer"),
        (["--max-params", "3", "--layer", "LSTM(4"], "LSTM(4"),
    ],
)
@pytest.mark.usefixtures("model")
def test_an_error_is_one_line(rnncli: Any, arguments: list[str], message: str) -> None:
    done = rnncli("check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert all(line.startswith("hint: ") for line in rest)
    assert len(rest) <= 1


def test_the_exit_code_stands_when_nobody_reads(rnncli: Any, tmp_path: Path) -> None:
    program = f'"{sys.executable}" -m rnncli'
    line = f"{program} check --units 64 --max-params 1 | exec true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.stdout == "1\n"
    line = f"set -o pipefail; {program} check --units 64 --max-params 1 | head -1"
    assert subprocess.run(["bash", "-c", line], capture_output=True, timeout=60).returncode == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [(["check", "nowhere.h5", "--max-params", "3"], "nowhere.h5"),
     (["check", "--max-params", "3"], "no model"),
     (["summary", "--untis", "3"], "--untis"),
     (["sumary"], "sumary"),
     (["forward", "--input", "nowhere.npy"], "nowhere.npy")],
)  # fmt: skip
def test_who_asks_for_json_reads_failures_in_it(rnncli: Any, line: list[str], words: str) -> None:
    for asked in (["--format", "json"], ["--format=json"]):
        done = rnncli(*line, *asked)
        found = json.loads(done.stdout)
        told = [f"error: {found['error']}", *([f"hint: {found['hint']}"] if found["hint"] else [])]
        assert done.returncode == 2
        assert words in found["error"]
        assert done.stderr.splitlines() == told
        assert found["warnings"] == []


def test_json_repeats_the_warnings(rnncli: Any, tmp_path: Path) -> None:
    text = json.dumps(CONFIG).replace('"LSTM"', '"Mystery"')
    (tmp_path / "mystery.json").write_text(text)
    for command in (["summary"], ["cost"], ["check", "--max-params", "1G"]):
        done = rnncli(*command, "mystery.json", "--format", "json")
        warnings = [f"warning: {each}" for each in json.loads(done.stdout)["warnings"]]
        assert warnings and done.stderr.splitlines()[: len(warnings)] == warnings
        assert done.returncode == (command[0] == "check")
