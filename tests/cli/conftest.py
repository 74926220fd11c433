"""Commands run as a user runs them: in a process of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def signals() -> None:
    """Let signals end what tests start, also where they are ignored, as in the background."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            interrupts = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if interrupts else signal.SIG_DFL)


@pytest.fixture
def rnncli(tmp_path: Path) -> Run:
    """Return a function that runs `rnncli ARGS` in an empty folder, with no terminal."""

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes | str = ""
    ) -> subprocess.CompletedProcess[str]:
        dropped = ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
        environment = {k: v for k, v in os.environ.items() if k not in dropped}
        done = subprocess.run(
            [sys.executable, "-m", "rnncli", *arguments],
            cwd=tmp_path,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env={**environment, "PYTHONIOENCODING": "utf-8", **(env or {})},
            timeout=120,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run
