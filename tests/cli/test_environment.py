"""Whatever the locale, the terminal, the interpreter's flags or a layer's name: the same answer."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest

from rnncli.cli import COMMANDS, main
from rnncli.render import Target, render
from rnncli.report import Column, Report, Table

LIMITS = {"fit": ["--max-params", "50k"], "check": ["--units", "64", "--max-params", "50k"]}
LINES = [
    [command, *LIMITS.get(command, [])]
    for command in COMMANDS
    if command not in ("diff", "convert")  # they need files: see test_diff.py, test_convert.py
]
FORMATS = ["table", "json", "csv", "markdown", "latex"]

C_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
each_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a line, in this process, and returns what it prints."""

    def run(*arguments: str, **environment: str) -> str:
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["rnncli", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        done = capsys.readouterr()
        assert (left.value.code, done.err) == (0, "")
        return done.out

    return run


@each_line
@pytest.mark.parametrize("env", [{"PYTHONIOENCODING": "ascii"}, C_LOCALE], ids=["ascii", "C"])
def test_ascii(rnncli: Any, line: list[str], env: dict[str, str]) -> None:
    done = rnncli(*line, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert re.search(r"^\+[-=+]+\+$", done.stdout, re.MULTILINE) or line[0] == "explain"


@pytest.mark.parametrize("line", [["params", "--cell", "gru"], ["shapes"], ["summary"]])
def test_ascii_tables_stay_in_line(rnncli: Any, line: list[str]) -> None:
    plain = rnncli(*line, env={"PYTHONIOENCODING": "utf-8"}).stdout.splitlines()
    lines = rnncli(*line, env={"PYTHONIOENCODING": "ascii"}).stdout.splitlines()
    assert "\\x" not in "".join(lines)
    assert list(map(len, lines)) == list(map(len, plain))


@pytest.mark.parametrize("env", [{"LANG": "C"}, {"PYTHONIOENCODING": "latin-1"}, C_LOCALE])
def test_names_that_the_encoding_lacks(rnncli: Any, env: dict[str, str]) -> None:
    stack = ["--layer", "Input((3, 2))", "--layer", "LSTM(8, name='\\u03b1\\u4e2d')"]
    done = rnncli("summary", *stack, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("\\u03b1\\u4e2d" in done.stdout) == ("LANG" not in env)
    told = rnncli("params", *stack, "--layer-name", "β", env=env)
    assert told.returncode == 2
    assert told.stderr.startswith("error: the model has no layer called ")


@each_line
def test_csv_ends_lines_as_rfc_4180_does(show: Any, line: list[str]) -> None:
    text = show(*line, "--format", "csv")
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r") == text.count("\r\n")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) > 1


def test_csv_parts_tables_by_an_empty_line() -> None:
    table = Table((Column("a", "A"), Column("b", "B", "count")), (("x,y", 1000), ("\r\n", None)))
    text = render(Report("summary", {}, (table, table)), "csv", Target())
    one = 'a,b\r\n"x,y",1000\r\n\\x0d\\x0a,\r\n'
    assert text == f"{one}\r\n{one}"


@each_line
@pytest.mark.parametrize(
    ("env", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
     ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True)],
)  # fmt: skip
def test_colour(show: Any, line: list[str], env: dict[str, str], coloured: bool) -> None:
    plain, text = show(*line), show(*line, **env)
    assert ("\x1b[" in text) == coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == plain


@pytest.mark.parametrize("format", FORMATS[1:])
def test_only_tables_are_coloured(show: Any, format: str) -> None:
    assert "\x1b" not in show("summary", "--format", format, FORCE_COLOR="1")


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_on_a_terminal(env: dict[str, str], coloured: bool) -> None:
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run([sys.executable, "-m", "rnncli", "summary"], stdout=theirs,
                          env={**environment, **env}, timeout=60)  # fmt: skip
    os.close(theirs)
    text = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "6,208" in text
    assert ("\x1b[" in text) == coloured


@each_line
@pytest.mark.parametrize("columns", ["1", "20", "1000", "", "wide"])
def test_no_width_cuts_a_number(show: Any, line: list[str], columns: str) -> None:
    for number in re.findall(r"\d[\d,.]*\d", show(*line)):
        assert number in show(*line, COLUMNS=columns)


@pytest.mark.parametrize("columns", ["9" * 5000, "0" * 5000, "0", "١٢"])
def test_columns_that_no_terminal_has(show: Any, columns: str) -> None:
    assert show("summary", COLUMNS=columns) == show("summary")


@each_line
def test_without_warnings(rnncli: Any, line: list[str]) -> None:
    # Typer 0.20 itself uses what click 8.5 deprecates.
    warnings = "error,ignore::DeprecationWarning:typer"
    done = rnncli(*line, env={"PYTHONWARNINGS": warnings, "PYTHONDEVMODE": "1"})
    assert (done.returncode, done.stderr) == (0, "")


@each_line
def test_optimised(rnncli: Any, line: list[str]) -> None:
    plain, optimised = rnncli(*line), rnncli(*line, env={"PYTHONOPTIMIZE": "1"})
    assert plain.returncode == optimised.returncode == 0
    assert plain.stdout == optimised.stdout


# A layer's name, and how it is shown to people.
NAMES = [
    ("[red]", "[red]"),
    ("[/]", "[/]"),
    (":smile:", ":smile:"),
    ("\x1b[31mred", "\\x1b[31mred"),
    ("\x9b31m", "\\x9b31m"),
    ("a\nb\tc", "a\\x0ab\\x09c"),
    ("\u202eevil", "\\u202eevil"),
    ("\u2066x\u2069", "\\u2066x\\u2069"),
    ("\u200b", "\\u200b"),
    ("\U000e0041", "\\U000e0041"),
    ("\ud800", "\\ud800"),
    ("\U0001f600", "\U0001f600"),
    ("-", "-"),
]
each_name = pytest.mark.parametrize(("name", "shown"), NAMES, ids=[ascii(n) for n, _ in NAMES])


def stack(name: str) -> list[str]:
    return ["--layer", "Input((3, 2))", "--layer", f"LSTM(8, name={name!a})"]


@each_name
@pytest.mark.parametrize("command", ["summary", "params", "shapes", "cost"])
@pytest.mark.parametrize("format", ["table", "csv", "markdown"])
def test_odd_names(show: Any, command: str, format: str, name: str, shown: str) -> None:
    text = show(command, *stack(name), "--format", format)
    assert text.replace("\r\n", "\n").replace("\n", "").isprintable()
    if format == "markdown":
        text = re.sub(r"\\([\\|`<>*\[\]~&@])", r"\1", text)
    assert shown in text


@each_name
@pytest.mark.parametrize("command", ["summary", "params", "cost"])
def test_odd_names_in_json(show: Any, command: str, name: str, shown: str) -> None:
    text = show(command, *stack(name), "--format", "json")
    assert json.loads(text)["layers"][-1]["name"] == name
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("format", [*FORMATS, "classic"])
def test_a_name_of_almost_10_000_characters(show: Any, format: str) -> None:
    text = show("summary", *stack("x" * 9_900), "--format", format)
    assert "352" in text
    if format in ("json", "csv", "markdown"):  # Keras's tables cut a word to its column
        assert text.count("x") >= 9_900


def test_an_odd_name_in_an_error(rnncli: Any) -> None:
    told = rnncli("params", "--layer-name", "\x1b[31m\u202e[red]\n")
    error, hint = told.stderr.splitlines()
    assert error == "error: the model has no layer called '\\x1b[31m\\u202e[red]\\n'"
    assert hint == "hint: it has: simple_rnn"


INTERRUPTED = """
import os, signal, sys, time
from rnncli.graph import infer as graph
from rnncli.cli import main
graph.infer = lambda *arguments: (os.kill(os.getpid(), signal.SIGINT), time.sleep(60))
sys.argv = ["rnncli", "summary"]
main()
"""


def test_interrupted() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True)
    assert done.returncode == 130
    assert done.stdout == ""
    assert done.stderr.strip() == "error: interrupted"


def _calls(show: Any, depth: int) -> int:
    """Return how many calls a summary of so many layers makes."""
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        show("summary", "--depth", str(depth))
    finally:
        sys.setprofile(None)
    return count


def test_work_grows_with_the_layers_and_no_faster(show: Any) -> None:
    few, some, many = (_calls(show, depth) for depth in (50, 350, 650))
    assert many - some < 1.3 * (some - few)


def test_the_deepest_stack(show: Any) -> None:
    found = json.loads(show("summary", "--depth", "10000", "--format", "json"))
    assert len(found["layers"]) == 10_000
    assert found["totals"]["params"] == 6208 + 9999 * 8256
