"""The README and the pages in `docs/` say what the commands print."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import readme

from rnncli.cli import COMMANDS
from rnncli.errors import ExitCode
from rnncli.formats import SUFFIXES, limits
from rnncli.units import parse_amount

TEXT = readme.README.read_text()
LIMITS = {
    "fit": "--max-params 50k",
    "check": "--units 64 --max-params 50k",
    "diff": "tests/goldens/pairs/gru.keras tests/goldens/pairs/gru.keras",
    "convert": "--to torch -o weights.npz",
}


@pytest.mark.parametrize("block", readme.blocks(), ids=lambda block: block.splitlines()[0][2:60])
def test_every_block_prints_what_it_shows(block: str, tmp_path: Path) -> None:
    readme.prepare(tmp_path)
    for step in readme.steps(block):
        assert readme.run(step.command, tmp_path) == step.output.rstrip("\n")


def test_it_opens_with_the_two_commands() -> None:
    first, second = re.findall(r"^pip install .*$", TEXT, re.MULTILINE)[:2]
    assert first == "pip install . && rnncli forward --input-size 32 --units 64 --steps 100"
    assert second == 'pip install ".[dev]" && pytest -n auto'
    assert TEXT.index(second) < TEXT.index(f"$ {first.partition('&& ')[2]}") < TEXT.index("## ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_block(command: str) -> None:
    assert any(f"$ rnncli {command}" in block for block in readme.blocks())


def recipes() -> list[str]:
    """Return the lines of YAML and shell that call rnncli on files."""
    text = "\n".join(readme.blocks("yaml"))
    return re.findall(r"(?:run|entry): (rnncli .*)", text)


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_works(recipe: str, tmp_path: Path) -> None:
    readme.prepare(tmp_path)
    golden = readme.ROOT / "tests" / "goldens" / "keras" / "k3" / "lstm_stack.keras"
    (tmp_path / "model.keras").symlink_to(golden)
    command = recipe if "model.keras" in recipe else f"{recipe} model.keras"
    done = readme.start(command, tmp_path, GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    assert (done.returncode, "error" in done.stdout) == (0, False), done.stdout


def test_the_message_of_a_missing_extra(tmp_path: Path) -> None:
    (tmp_path / "h5py.py").write_text("raise ImportError('no h5py')")
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    done = readme.start("rnncli summary model.h5", tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, readme.blocks("text")[0])


def test_every_extra_that_is_named_exists() -> None:
    project = tomllib.loads((readme.ROOT / "pyproject.toml").read_text())["project"]
    named = [cells[1] for cells in readme.table("| To read | Install |")]
    extras = [extra for extra in project["optional-dependencies"] if extra not in ("dev", "fuzz")]
    assert named == [f'`pip install "rnncli[{extra}]"`' for extra in extras]


def test_every_suffix_is_in_the_table_of_formats() -> None:
    formats = " ".join(cells[0] for cells in readme.table("| Format | Needs | Read |"))
    assert [suffix for suffix in SUFFIXES if f"`{suffix}`" not in formats] == [".json"]


def test_the_table_of_bounds() -> None:
    rows = readme.table("| Bound | At most | Of |")
    stated = {name.strip("`"): parse_amount(amount) for name, amount, _ in rows}
    assert stated == {name: value for name, value in vars(limits).items() if name.isupper()}


def test_the_table_of_exit_codes() -> None:
    stated = [int(cells[0]) for cells in readme.table("| Exit code | Means |")]
    assert stated == [code.value for code in ExitCode]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_table_of_keys(command: str, tmp_path: Path) -> None:
    rows = readme.table("| Command | Keys between `schema`, `command` and `warnings` |")
    stated = {name.strip("`"): re.findall("`(.*?)`", keys) for name, keys in rows}
    readme.prepare(tmp_path)
    line = f"rnncli {command} {LIMITS.get(command, '')} --format json"
    found = list(json.loads(readme.run(line, tmp_path)))
    assert found == ["schema", "command", *stated[command], "warnings"]


def test_the_list_of_formats() -> None:
    assert readme.FORMATS.search(TEXT)[0].endswith(f"-->\n{readme.formats()}\n")


def test_the_terms_that_footers_name_are_in_the_glossary() -> None:
    terms = {row[0] for row in readme.table("| Term | Means |")}
    lines = ["forward --stats", "cost", "explain", "explain --cell gru",
             "weights tests/goldens/keras/k3/lstm_stack.keras"]  # fmt: skip
    for line in lines:
        (named,) = re.findall(r"docs/glossary.md explains (.*)\.",
                              readme.run(f"rnncli {line}", readme.ROOT))  # fmt: skip
        assert set(re.split(r", | and ", named)) <= terms
    assert [row[0] for row in readme.table("| Term | Means |")] == sorted(terms, key=str.lower)


def test_the_table_of_layers() -> None:
    assert readme.KNOWN.search(TEXT)[0].endswith(f"-->\n{readme.known()}\n")
