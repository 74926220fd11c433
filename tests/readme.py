"""The README's console blocks: what they run, and what they say comes out.

Usage: python tests/readme.py   rewrites the outputs from what the commands print now.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


class Step(NamedTuple):
    """One command of a block and the output below it."""

    command: str
    output: str


def steps(block: str) -> Iterator[Step]:
    """Yield the commands of a block; a line that ends in a backslash goes on."""
    command, output = "", []
    for line in block.splitlines():
        if line.startswith("$ ") or (command.endswith("\\") and line.startswith("> ")):
            if line.startswith("$ "):
                if command:
                    yield Step(command, "\n".join(output))
                command, output = line[2:], []
            else:
                command += "\n" + line[2:]
        else:
            output.append(line)
    if command:
        yield Step(command, "\n".join(output))


def prepare(folder: Path) -> None:
    """Make a folder look like the checkout to what reads it; what is written stays in it."""
    (folder / "tests").symlink_to(ROOT / "tests")


def run(command: str, folder: Path) -> str:
    """Return what a command prints, stderr included, without a terminal."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    dropped = ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    environment = {k: v for k, v in os.environ.items() if k not in dropped}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**environment, "PATH": path, "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    return done.stdout.decode().rstrip("\n")


def blocks() -> list[str]:
    """Return the README's console blocks."""
    return BLOCK.findall(README.read_text())


def main() -> None:
    """Rewrite the outputs."""

    def written(match: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder))
            parts = []
            for step in steps(match[1]):
                shown = step.command.replace("\n", "\n> ")
                parts += [f"$ {shown}", *filter(None, [run(step.command, Path(folder))])]
        return "```console\n" + "\n".join(parts) + "\n```"

    README.write_text(BLOCK.sub(written, README.read_text()))


if __name__ == "__main__":
    main()
