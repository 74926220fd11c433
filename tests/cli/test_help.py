"""Help: short, within 100 columns, and the same wherever it is shown."""

import re
from typing import Any

import pytest
import typer

from rnncli.cells import CELLS, snake_case
from rnncli.cli import COMMANDS, GUIDE, app, main
from rnncli.layers.rnn.structure import MERGE_MODES
from rnncli.layers.rnn.weight_layouts import LAYOUTS
from rnncli.render import CHECK_ONLY, FORMATS, SUMMARY_ONLY
from rnncli.storage import ITEM_SIZE

LINES = [[], ["--help"], ["--help-all"], *([command, "--help"] for command in COMMANDS)]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a line, in this process, and returns what it prints."""

    def run(*arguments: str, columns: int = 200) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr("sys.argv", ["rnncli", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        done = capsys.readouterr()
        assert (left.value.code, done.err) == (0, "")
        return done.out

    return run


@pytest.mark.parametrize("columns", [20, 80, 100, 300])
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_within_the_columns(show: Any, line: list[str], columns: int) -> None:
    lines = show(*line, columns=columns).splitlines()
    assert max(map(len, lines)) <= 100
    prose = [each for each in lines if not each.lstrip().startswith("rnncli ")]
    assert max(map(len, prose)) <= max(columns, 80)


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_it_is_plain_text(show: Any, line: list[str]) -> None:
    text = show(*line)
    assert text.isascii()
    assert "\\[" not in text
    assert "..." not in re.sub(r"\[?(ARGS|FILE)\]\.\.\.", "", text)


def test_the_guide_has_three_examples(show: Any) -> None:
    assert show() == GUIDE
    assert len(re.findall(r"^  rnncli ", GUIDE, re.MULTILINE)) == 3
    assert len(GUIDE.splitlines()) <= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_come_first(show: Any, command: str) -> None:
    text = show(command, "--help")
    assert text.startswith(f"Usage: rnncli {command} [OPTIONS]")
    assert text.index("Examples:") < text.index("Options:")
    examples = re.findall(rf"^    rnncli {command}\b.*$", text, re.MULTILINE)
    assert len(examples) >= 3
    assert show(command, "-h") == text


@pytest.mark.parametrize("command", COMMANDS)
def test_own_options_come_first_and_cell_flags_last(show: Any, command: str) -> None:
    headings = re.findall(r"^(\S.*):$", show(command, "--help").split("\n\n", 3)[3], re.MULTILINE)
    assert headings[0] == "Options"
    assert headings[-1].startswith("Cell flags") or "--cell" not in show(command, "--help")
    assert len(headings) == len(set(headings))
    assert " range>" not in show(command, "--help")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(show: Any, command: str) -> None:
    group: Any = typer.main.get_command(app)
    context = group.make_context("rnncli", [])
    text = " ".join(show(command, "--help").split())
    for each in group.get_command(context, command).params:
        if each.param_type_name == "option":
            assert each.opts[0] in text
            assert each.help
            assert each.help in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_of_commands_says_what_each_command_says(show: Any, command: str) -> None:
    told = re.search(rf"^  {command} +(.*(?:\n {{9,}}.*)*)", show("--help"), re.MULTILINE)
    assert told is not None
    own = show(command, "--help").split("\n\n")[1]
    assert " ".join(told[1].split()).rstrip(".") == " ".join(own.split()).rstrip(".")


# What the choices of an option are taken from, by the option.
TABLES = {
    "--cell": {snake_case(cell.name) for cell in CELLS},
    "--merge-mode": {str(mode).lower() for mode in MERGE_MODES},
    "--convention": set(LAYOUTS) - {"cudnn", "tflite"},
    "--to": set(LAYOUTS) - {"cudnn", "tflite"},
}


@pytest.mark.parametrize("command", COMMANDS)
def test_choices_are_those_of_the_tables(show: Any, command: str) -> None:
    text = show(command, "--help", columns=300)
    found = {
        option: set(choices.split("|"))
        for option, choices in re.findall(r"(--[a-z-]+) [<[]([^]>]*)[]>]", text)
    }
    for option in TABLES.keys() & found.keys():
        assert found[option] == TABLES[option], option
    own = {"summary": SUMMARY_ONLY, "check": CHECK_ONLY}.get(command, ())
    assert found["--format"] == {*FORMATS, *own}
    assert found.get("--dtype", set()) <= {*ITEM_SIZE}


def test_every_table_of_choices_is_an_options(show: Any) -> None:
    page = show("--help-all", columns=300)
    assert {f"{option} <" in page or f"{option} [" in page for option in TABLES} == {True}


def test_all_help_is_the_help_of_all(show: Any) -> None:
    page = show("--help-all")
    assert page.startswith(show("--help"))
    for command in COMMANDS:
        assert show(command, "--help") in page


def test_the_version(show: Any) -> None:
    import rnncli

    assert show("--version") == f"rnncli {rnncli.__version__}\n"
