"""The console blocks of the README and of `docs/`: what they run, and what they say comes out.

Usage: python tests/readme.py [PAGE ...]   rewrites the outputs from what the commands print now.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^( *)```console\n(.*?)```", re.DOTALL | re.MULTILINE)


# What stands for jq where there is none: the value at a path such as .totals.params.
JQ = """\
#!/usr/bin/env python3
import json, sys
value = json.load(sys.stdin)
for key in filter(None, sys.argv[1].split(".")):
    value = value[key]
print(json.dumps(value, indent=2))
"""


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
    if shutil.which("jq") is None:
        (folder / "bin").mkdir()
        (folder / "bin" / "jq").write_text(JQ)
        (folder / "bin" / "jq").chmod(0o755)


def start(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Return what became of a command without a terminal, its stderr among its stdout."""
    own = Path(sys.executable).parent
    path = os.pathsep.join([str(own), os.environ["PATH"], str(folder / "bin")])
    dropped = ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    environment = {k: v for k, v in os.environ.items() if k not in dropped}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**environment, "PATH": path, "PYTHONIOENCODING": "utf-8", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
    )


def run(command: str, folder: Path) -> str:
    """Return what a command prints."""
    return start(command, folder).stdout.rstrip("\n")


def text() -> str:
    """Return all pages, one after another."""
    return "\n".join(page.read_text() for page in PAGES)


def blocks(language: str = "console") -> list[str]:
    """Return the blocks in a language of all pages."""
    found = re.findall(rf"^ *```{language}\n(.*?)```", text(), re.DOTALL | re.MULTILINE)
    return [dedent(block) for block in found]


def table(header: str) -> list[list[str]]:
    """Return the cells of the table below a header such as `| Bound | At most | Of |`."""
    below = text().partition(f"{header}\n")[2].splitlines()[1:]
    rows = []
    for line in below:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def known() -> str:
    """Return the table of the cells and layers that rnncli knows, a row per file of `layers/`."""
    from rnncli.layers import TABLE

    rows: dict[str, list[str]] = {}
    for name, family in TABLE.items():
        if "." not in name:
            title = "recurrent" if family.startswith("rnn") else family
            rows.setdefault(title, []).append(f"`{name}`")
        elif name.startswith("torch."):
            rows.setdefault("PyTorch's, as `nn.`", []).append(f"`{name[6:]}`")
    lines = (f"| {family} | {' '.join(names)} |" for family, names in rows.items())
    return "\n".join(("| Family | Layers |", "|---|---|", *lines))


def formats() -> str:
    """Return the suffixes of the files that rnncli reads, as the table of readers has them."""
    from rnncli.formats import SUFFIXES

    return " ".join(f"`{suffix}`" for suffix in SUFFIXES)


FORMATS = re.compile(r"(<!-- formats: .*? -->\n).*?(?=<!-- end -->)", re.DOTALL)
KNOWN = re.compile(r"(<!-- known: .*? -->\n).*?(?=<!-- end -->)", re.DOTALL)


def written(match: re.Match[str]) -> str:
    """Return a block with the outputs that its commands have now."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        parts = []
        for step in steps(dedent(match[2])):
            shown = step.command.replace("\n", "\n> ")
            parts += [f"$ {shown}", *filter(None, [run(step.command, Path(folder))])]
    lines = "\n".join(("```console", *parts, "```")).splitlines()
    return "\n".join(f"{match[1]}{line}".rstrip(" ") if match[1] else line for line in lines)


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]) if sys.argv[1:] else PAGES:
        found = KNOWN.sub(lambda match: f"{match[1]}{known()}\n", page.read_text())
        found = FORMATS.sub(lambda match: f"{match[1]}{formats()}\n", found)
        page.write_text(BLOCK.sub(written, found))
