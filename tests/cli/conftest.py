"""Commands run as a user runs them: in a process of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


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
