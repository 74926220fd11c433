"""What the other pages say, and the pictures, hold too."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import readme

from rnncli.cli import COMMANDS

ROOT = readme.ROOT
PAGES = tuple(
    str(path.relative_to(ROOT))
    for path in (
        *readme.PAGES,
        *map(ROOT.joinpath, ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    )
)
# Options of other programs: of gh, the benchmarks and the fuzzer.
OTHERS = {"--body-file", "--peers", "--inputs"}

every_page = pytest.mark.parametrize("page", PAGES)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_change_log(command: str) -> None:
    assert f"`{command}`" in (ROOT / "CHANGELOG.md").read_text()


@every_page
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text())
    folder = (ROOT / page).parent
    assert [link for link in links if not (folder / link).exists()] == []


@every_page
def test_every_path_exists(page: str) -> None:
    pattern = r"`((?:src|tests|docs|benchmarks|fuzz|\.ci)/[\w./*]*)`"
    paths = re.findall(pattern, (ROOT / page).read_text())
    assert [path for path in paths if not list(ROOT.glob(path))] == []


@every_page
def test_every_option_exists(page: str) -> None:
    known = set(re.findall(r"--[a-z][\w-]*", readme.run("rnncli --help-all", ROOT)))
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", (ROOT / page).read_text()))
    assert named - known - OTHERS == set()


def test_the_pictures_show_what_the_program_draws(tmp_path: Path) -> None:
    script = ROOT / "docs" / "pictures.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=120)
    shown = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.svg")}
    assert shown == {path.name: path.read_text() for path in tmp_path.glob("*.svg")}
    assert ">34,570</tspan>" in shown["summary.svg"]
