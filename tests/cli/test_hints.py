"""Every hint is a command that works."""

import json
import re
import shlex
import shutil
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

from rnncli.cli import COMMANDS, main
from rnncli.cli.refusals import OTHER_COMMANDS, OTHER_WORDS

GOLDEN = Path(__file__).parents[1] / "goldens" / "keras" / "k3" / "lstm_stack.keras"
VALUES = {"--no-bias": [], "--activation": ["relu"], "--weights": ["w.npz"], "--output": ["y.npy"]}


@pytest.fixture
def rnncli(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Return a function that runs a line in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> CompletedProcess[str]:
        monkeypatch.setattr("sys.argv", ["rnncli", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        done = capsys.readouterr()
        return CompletedProcess(arguments, int(left.value.code or 0), done.out, done.err)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a model, an input of it and weights for one layer."""
    shutil.copy(GOLDEN, tmp_path / "model.keras")
    size = (1, 7, 3)
    np.save(tmp_path / "x.npy", np.zeros(size, np.float32))
    np.savez(tmp_path / "w.npz", kernel=np.zeros((32, 64)), recurrent_kernel=np.zeros((64, 64)),
             bias=np.zeros(64))  # fmt: skip
    return tmp_path


def hint_of(done: Any) -> str:
    assert done.returncode == 2, done.stderr
    _, hint, *_ = done.stderr.splitlines()
    return str(hint).removeprefix("hint: ")


@pytest.mark.parametrize(
    ("word", "meant"), [(word, meant) for meant, words in OTHER_WORDS.items() for word in words]
)
@pytest.mark.usefixtures("folder")
def test_words_of_other_tools(rnncli: Any, word: str, meant: str) -> None:
    value = VALUES.get(meant, [] if " " in meant else ["4"])
    hint = hint_of(rnncli("forward", word, *value))
    assert hint == f"did you mean {meant}?"
    done = rnncli("forward", *meant.split(), *value)
    assert (done.returncode, done.stderr) == (0, "")
    assert hint_of(rnncli("forward", word.replace("-", "_").replace("__", "--", 1))) == hint


@pytest.mark.parametrize(
    ("word", "meant"), [(word, meant) for meant, words in OTHER_COMMANDS.items() for word in words]
)
@pytest.mark.usefixtures("folder")
def test_commands_of_other_tools(rnncli: Any, word: str, meant: str) -> None:
    assert hint_of(rnncli(word, "model.keras")) == f"did you mean {meant}?"
    rest = {"fit": ["--max-params", "1k"], "check": ["model.keras", "--max-params", "1M"]}
    done = rnncli(meant, *rest.get(meant, [] if "-" in meant else ["model.keras"]))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (["summary", "--return-seq"], "did you mean --return-sequences?"),
        (["cost", "--batch_siz", "3"], "did you mean --batch-size?"),
        (["summary", "--format", "JSON"], "did you mean --format json?"),
        (["check", "--format", "junti"], "did you mean --format junit?"),
        (["summary", "--cell", "lstn"], "did you mean --cell lstm?"),
        (["params", "--convention", "pytorch"], "did you mean --convention torch?"),
        (["forward", "--seed", "-1"], "see rnncli forward --help"),
        (["summary", "--zzz"], "see rnncli summary --help"),
    ],
)
def test_what_is_near_is_meant(rnncli: Any, line: list[str], hint: str) -> None:
    done = rnncli(*line)
    assert hint_of(done) == hint
    if hint.startswith("did"):
        option, *value = hint.removeprefix("did you mean ").removesuffix("?").split()
        given = value or ["3"] * ("=" in "".join(line) or len(line) > 2)
        more = ["--max-params", "1M", "--units", "3"] if line[0] == "check" else []
        assert rnncli(line[0], option, *given, *more).returncode == 0
    else:
        assert rnncli(*hint.split()[2:]).returncode == 0


@pytest.mark.parametrize("word", ["--dropout", "--recurrent_dropout", "--kernel-initializer"])
def test_what_only_layers_take_is_shown_in_one(rnncli: Any, word: str) -> None:
    hint = hint_of(rnncli("summary", word, "0.2"))
    flag, layer = shlex.split(hint.partition(": ")[2])
    assert rnncli("summary", "--layer", "Input((9, 3))", flag, layer).returncode == 0


@pytest.mark.parametrize("command", ["params", "shapes", "explain", "cost"])
@pytest.mark.usefixtures("folder")
def test_two_files_are_for_summary(rnncli: Any, command: str) -> None:
    done = rnncli(command, "model.keras", "model.keras")
    assert done.stderr.startswith(f"error: rnncli {command} takes one file, but gets model.keras")
    assert rnncli(*hint_of(done).split()[1:]).stdout.count("model.keras") == 2


@pytest.mark.parametrize("text", ["LSTM", "Lstm", "lstm", "GRU", "SimpleRNN", "simple-rnn", "RNN"])
def test_cells_in_any_case(rnncli: Any, text: str) -> None:
    for given in (["--cell", text], [f"--cell={text}"]):
        done = rnncli("summary", *given, "--format", "json")
        kind = json.loads(done.stdout)["layers"][-1]["type"]
        assert kind.lower().replace("simple", "") == text.lower().replace("simple", "").lstrip("-")


@pytest.mark.usefixtures("folder")
def test_a_misspelt_file_is_found_beside(rnncli: Any) -> None:
    for command in ("summary", "params", "forward"):
        assert hint_of(rnncli(command, "modle.keras")) == "did you mean model.keras?"
    assert hint_of(rnncli("modle.keras")) == "did you mean model.keras?"
    assert hint_of(rnncli("forward", "model.keras", "--input", "x.np")) == "did you mean x.npy?"


def test_a_misspelt_file_of_another_folder(rnncli: Any, folder: Path) -> None:
    hint = hint_of(rnncli("summary", str(folder / "modle.keras")))
    assert hint == f"did you mean {folder / 'model.keras'}?"


@pytest.mark.usefixtures("folder")
def test_a_file_alone_is_its_summary(rnncli: Any) -> None:
    alone, whole = rnncli("model.keras"), rnncli("summary", "model.keras")
    assert (alone.returncode, alone.stdout) == (0, whole.stdout)
    wide = rnncli("model.keras", "--format", "json")
    assert json.loads(wide.stdout)["command"] == "summary"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(rnncli: Any, command: str) -> None:
    done = rnncli("help", command)
    assert (done.returncode, done.stdout) == (0, rnncli(command, "--help").stdout)


def test_help(rnncli: Any) -> None:
    assert rnncli("help").stdout == rnncli("--help").stdout
    done = rnncli("help", "sumary")
    assert hint_of(done) == "did you mean summary?"


FIXED = [
    (["Input((32,))", "LSTM(8)"], ["Input((32, 1))", "LSTM(8)"]),
    (["Input((32,))", "LSTM(8)"], ["Input((1, 32))", "LSTM(8)"]),
    (["Input((9, 3))", "LSTM(8)", "LSTM(8)"],
     ["Input((9, 3))", "LSTM(8, return_sequences=True)", "LSTM(8)"]),
    (["Input((9, 3))", "Flatten()", "LSTM(8)"], ["Input((9, 3))", "LSTM(8)"]),
    (["Input((9, 9, 3))", "Conv2D(4, 3)", "LSTM(8)"],
     ["Input((9, 9, 3))", "Conv2D(4, 3)", "Reshape((7, 28))", "LSTM(8)"]),
    (["Input((None, 9, 3))", "LSTM(8)"],
     ["Input((None, 9, 3))", "TimeDistributed(Flatten())", "LSTM(8)"]),
    (["Input((9, 3))", "Conv2D(4, 3)"], ["Input((9, 3))", "Reshape((9, 3, 1))", "Conv2D(4, 3)"]),
    (["Input((9, 3))", "LSTM(8, return_state=True)", "Dense(3)"],
     ["Input((9, 3))", "LSTM(8, return_state=False)", "Dense(3)"]),
    (["LSTM(8)"], ["Input((100, 32))", "LSTM(8)"]),
]  # fmt: skip


@pytest.mark.parametrize(("broken", "mended"), FIXED)
def test_what_makes_a_stack_fit_is_in_the_hint(
    rnncli: Any, broken: list[str], mended: list[str]
) -> None:
    def stack(layers: list[str]) -> list[str]:
        return [part for text in layers for part in ("--layer", text)]

    hint = hint_of(rnncli("params", *stack(broken)))
    new = next((text for text in mended if text not in broken), None)
    if new is None:
        assert "leave 'flatten' out" in hint
    else:
        assert new in hint or any(word in hint for word in re.findall(r"return_\w+=\w+", new))
    done = rnncli("params", *stack(mended))
    assert (done.returncode, done.stderr) == (0, "")


def test_layers_that_are_not_built_are_said_to_be(rnncli: Any) -> None:
    for line in (["summary"], ["check", "--max-params", "5k"]):
        done = rnncli(*line, "--layer", "LSTM(64)")
        assert done.stderr.startswith("warning: the model has no input shape")
        assert 'put --layer "Input((100, 32))" first' in done.stderr
    assert "no input shape" in rnncli("summary", "--layer", "LSTM(64)", "--format", "json").stdout


@pytest.mark.usefixtures("folder")
def test_a_second_file_of_forward(rnncli: Any) -> None:
    hint = hint_of(rnncli("forward", "model.keras", "x.npy"))
    assert hint == "rnncli forward model.keras --input x.npy"
    done = rnncli(*shlex.split(hint)[1:], "--format", "json")
    assert "--input" in hint and done.returncode in (0, 2)


@pytest.mark.usefixtures("folder")
def test_i_is_input(rnncli: Any) -> None:
    done = rnncli("forward", "--input-size", "3", "-i", "x.npy", "--format", "json")
    assert json.loads(done.stdout)["input_shape"] == [1, 7, 3]
