"""The README says what the commands print."""

import re
from pathlib import Path

import pytest
import readme

from rnncli.cli import COMMANDS

TEXT = readme.README.read_text()


@pytest.mark.parametrize("block", readme.blocks(), ids=lambda block: block.splitlines()[0][2:60])
def test_every_block_prints_what_it_shows(block: str, tmp_path: Path) -> None:
    readme.prepare(tmp_path)
    for step in readme.steps(block):
        assert readme.run(step.command, tmp_path) == step.output.rstrip("\n")


def test_it_opens_with_the_two_commands() -> None:
    first, second = re.findall(r"^pip install .*$", TEXT, re.MULTILINE)[:2]
    assert first.endswith("rnncli forward --input-size 32 --units 64 --steps 100")
    assert second == 'pip install ".[dev]" && pytest -n auto'
    assert TEXT.index(first) < TEXT.index("## ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_block(command: str) -> None:
    assert any(f"$ rnncli {command}" in block for block in readme.blocks())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_change_log(command: str) -> None:
    assert f"`{command}`" in (readme.ROOT / "CHANGELOG.md").read_text()
