"""Output that goes nowhere, is cut short or cannot be written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[..., subprocess.CompletedProcess[str]]

BUFFERED = [{"PYTHONUNBUFFERED": ""}, {"PYTHONUNBUFFERED": "1"}]
LINES = [
    "rnncli",
    "rnncli --version",
    "rnncli --help",
    "rnncli cost --help",
    "rnncli summary",
    "rnncli summary --format json",
    "rnncli check --units 64 --max-params 50k",
]


@pytest.fixture(params=BUFFERED, ids=["buffered", "unbuffered"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    """Return a function that runs a line of bash, where `rnncli` is this one."""
    program = tmp_path / "rnncli"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rnncli "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", **request.param}

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True,
                              timeout=60)  # fmt: skip

    return run


@pytest.mark.parametrize(
    "line", ["rnncli --help-all", "rnncli summary --depth 3000", "rnncli params --depth 3000",
             "rnncli summary --depth 3000 --format json"],
)  # fmt: skip
def test_a_closed_pipe_is_silent_success(shell: Shell, line: str) -> None:
    done = shell(f"{line} | head -1; echo ${{PIPESTATUS[0]}}")
    assert done.stderr == ""
    first, code = done.stdout.splitlines()
    assert first
    assert code == "0"


@pytest.mark.parametrize("line", LINES)
def test_a_pipe_that_nobody_reads(shell: Shell, line: str) -> None:
    done = shell(f"{line} | exec true; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize("line", LINES)
def test_a_full_device(shell: Shell, line: str) -> None:
    done = shell(f"{line} >/dev/full; echo $?")
    assert done.stdout == "2\n"
    assert done.stderr.splitlines() == [
        "error: the answer cannot be written: No space left on device"
    ]


@pytest.mark.parametrize("line", LINES)
def test_closed_stdout(shell: Shell, line: str) -> None:
    done = shell(f"{line} >&-; echo $?")
    assert done.stdout == "2\n"
    error, hint = done.stderr.splitlines()
    assert error == "error: stdout is closed, and answers are written there"
    assert hint.startswith("hint: ")


@pytest.mark.parametrize(("line", "code"), [("rnncli summary", 0), ("rnncli sumary", 2)])
def test_closed_stderr(shell: Shell, line: str, code: int) -> None:
    done = shell(f"{line} 2>&-; echo $?")
    assert done.stdout.splitlines()[-1] == str(code)
    assert done.stdout.startswith("Model: ") == (code == 0)


@pytest.mark.parametrize("line", ["rnncli summary -", "rnncli forward --input -"])
def test_closed_stdin(shell: Shell, line: str) -> None:
    done = shell(f"{line} <&-; echo $?")
    assert done.stdout == "2\n"
    assert done.stderr.startswith("error: stdin")


def test_everything_closed(shell: Shell) -> None:
    assert shell("rnncli summary <&- >&- 2>&-; echo $?").stdout == "2\n"


def test_nothing_is_left_open(shell: Shell) -> None:
    ignored = "ignore::DeprecationWarning:typer,ignore::DeprecationWarning:typer.core"
    warnings = f"PYTHONDEVMODE=1 PYTHONWARNINGS=error,{ignored}"
    done = shell(f"{warnings} rnncli summary --depth 3000 | head -1")
    assert done.stderr == ""


def test_a_check_that_fails_says_so_through_a_pipe(shell: Shell) -> None:
    done = shell("rnncli check --units 64 --max-params 5 | cat; echo ${PIPESTATUS[0]}")
    assert done.stdout.splitlines()[-1] == "1"
    assert done.stderr.startswith("check failed: ")
