"""What the Tab key offers, as each shell asks for it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnncli.activation_names import ACTIVATION_NAMES
from rnncli.cli import COMMANDS, main
from rnncli.formats import SUFFIXES

Complete = Callable[..., list[str]]

SEQUENTIAL = {
    "class_name": "Sequential",
    "config": {
        "name": "words",
        "layers": [
            {"class_name": "Embedding", "config": {"name": "words_in", "input_dim": 9,
             "output_dim": 4, "batch_input_shape": [None, 5]}},
            {"class_name": "LSTM", "config": {"name": "reader", "units": 3}},
            {"class_name": "Dense", "config": {"name": "odd name; rm", "units": 2}},
        ],
    },
    "keras_version": "2.3.1",
}  # fmt: skip


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asked(line: str, shell: str) -> dict[str, str]:
    """Return what the script of a shell sets to ask for the end of a line."""
    return {
        "_RNNCLI_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }


@pytest.fixture
def complete(rnncli: Any, shell: str) -> Complete:
    """Return a function that gives the words a shell is offered for the end of a line."""

    def run(line: str) -> list[str]:
        done = rnncli(env=asked(line, shell), stdin=json.dumps(SEQUENTIAL))  # which is not read
        assert (done.returncode, done.stderr) == (0, "")
        return [_word(each, shell) for each in done.stdout.splitlines() if _word(each, shell)]

    return run


def _word(line: str, shell: str) -> str:
    if shell == "zsh":
        line = line.removeprefix("_arguments '*: :((").removesuffix("))'")
        return "" if line == "_files" else line.split('":"')[0].strip('"')
    return line.split("\t")[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder that commands run in, with models and other files."""
    (tmp_path / "words.json").write_text(json.dumps(SEQUENTIAL))
    for name in ("notes.txt", ".hidden.h5", "with space.h5", "$(x).h5", "in/only/deep.KERAS"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_commands(complete: Complete) -> None:
    assert complete("rnncli ") == list(COMMANDS)
    assert complete("rnncli su") == ["summary"]
    assert complete("rnncli zz") == []


def test_options(complete: Complete) -> None:
    assert complete("rnncli params --ga") == ["--gates"]
    assert {"--layer", "--units", "--format", "--help"} <= set(complete("rnncli summary --"))
    assert {"--version", "--help-all", "--show-completion"} <= set(complete("rnncli --"))


def test_choices(complete: Complete) -> None:
    assert complete("rnncli params --cell ") == ["simple_rnn", "lstm", "gru"]
    assert complete("rnncli params --merge-mode ") == ["concat", "sum", "mul", "ave", "none"]
    assert complete("rnncli cost --format ") == ["table", "json", "csv", "markdown", "latex"]
    assert complete("rnncli summary --format c") == ["csv", "classic"]


def test_activations(complete: Complete) -> None:
    assert complete("rnncli params --activation ") == list(ACTIVATION_NAMES)
    assert complete("rnncli params --recurrent-activation sig") == ["sigmoid"]


def test_files(complete: Complete, folder: Path) -> None:
    assert complete("rnncli summary ") == ["in/", "words.json"]
    assert complete("rnncli summary wo") == ["words.json"]
    assert complete("rnncli summary no") == []
    assert complete("rnncli summary .h") == [".hidden.h5"]
    assert complete("rnncli summary i") == ["in/only/deep.KERAS"]
    assert complete("rnncli summary in/on") == ["in/only/deep.KERAS"]
    assert complete(f"rnncli summary {folder}/w") == [f"{folder}/words.json"]
    assert complete("rnncli summary nowhere/x") == []
    assert complete("rnncli check wo") == ["words.json"]
    assert complete("rnncli check words.json in/") == ["in/only/deep.KERAS"]


def test_files_of_every_format(complete: Complete, tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        (tmp_path / f"m{suffix}").touch()
    assert complete("rnncli forward m") == sorted(f"m{suffix}" for suffix in SUFFIXES)


def test_files_at_home(rnncli: Any, folder: Path) -> None:
    env = {**asked("rnncli summary ~/wo", "bash"), "HOME": str(folder)}
    assert rnncli(env=env).stdout == "~/words.json\n"


def test_layer_names(complete: Complete, folder: Path) -> None:
    assert complete("rnncli params words.json --layer-name ") == ["words_in", "reader"]
    assert complete("rnncli params words.json --gates --layer-name re") == ["reader"]
    assert complete("rnncli shapes --format csv words.json --layer-name z") == []
    assert complete("rnncli forward words.json --until r") == ["reader"]


@pytest.mark.parametrize("path", ["", "missing.h5", "notes.txt", ".", "-", "broken.h5"])
def test_no_layer_names(complete: Complete, folder: Path, path: str) -> None:
    (folder / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert complete(f"rnncli params {path} --layer-name ".replace("  ", " ")) == []


SCRIPT = """
import sys
sys.argv = ["rnncli"]
from rnncli.cli import main
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
print(" ".join(name for name, module in sys.modules.items() if module), file=sys.stderr)
"""


@pytest.mark.parametrize("line", ["rnncli ", "rnncli params --", "rnncli params --activation ",
                                  "rnncli params --cell ", "rnncli params words"])  # fmt: skip
def test_completion_loads_nothing_heavy(shell: str, line: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], env={**os.environ, **asked(line, shell)},
                          capture_output=True, text=True, check=True)  # fmt: skip
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert not loaded & {"numpy", "h5py", "onnx", "safetensors", "rich", "pydantic"}


def test_a_real_bash_completes(tmp_path: Path) -> None:
    program = tmp_path / "rnncli"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rnncli "$@"\n')
    program.chmod(0o755)
    script = """
    eval "$(rnncli --show-completion)"
    complete -p rnncli
    COMP_WORDS=(rnncli params --cell g) COMP_CWORD=3
    _rnncli_completion rnncli
    echo "<${COMPREPLY[*]}>"
    """
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == "complete -o default -F _rnncli_completion rnncli\n<gru>\n"


def _leave(monkeypatch: pytest.MonkeyPatch, option: str, shell: str) -> int:
    monkeypatch.setattr("shellingham.detect_shell", lambda: (shell, f"/bin/{shell}"))
    monkeypatch.setattr("sys.argv", ["rnncli", option])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_the_script_of_each_shell(
    shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _leave(monkeypatch, "--show-completion", shell) == 0
    assert f"_RNNCLI_COMPLETE=complete_{shell}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "place"),
    [("bash", ".bash_completions/rnncli.sh"), ("zsh", ".zfunc/_rnncli"),
     ("fish", ".config/fish/completions/rnncli.fish")],
)  # fmt: skip
def test_installing(kind: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _leave(monkeypatch, "--install-completion", kind) == 0
    assert f"_RNNCLI_COMPLETE=complete_{kind}" in (tmp_path / place).read_text()


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_other_shells_are_refused(
    option: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _leave(monkeypatch, option, "dash") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[0].endswith("but this runs in dash")


def test_no_shell_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import shellingham

    def nothing() -> None:
        raise shellingham.ShellDetectionFailure

    monkeypatch.setattr("shellingham.detect_shell", nothing)
    monkeypatch.setattr("sys.argv", ["rnncli", "--show-completion"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "this runs in no shell" in capsys.readouterr().err
