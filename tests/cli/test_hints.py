"""Every hint is a command that works."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.cli import COMMANDS
from rnncli.cli.refusals import OTHER_WORDS

GOLDEN = Path(__file__).parents[1] / "goldens" / "keras" / "k3" / "lstm_stack.keras"
VALUES = {"--no-bias": [], "--activation": ["relu"], "--weights": ["w.npz"], "--output": ["y.npy"]}


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
    _, hint = done.stderr.splitlines()
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
