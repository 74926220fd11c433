"""The ruled table beside rich's own."""

import re
from typing import Any

import rich.box
import rich.console
import rich.table
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from rnncli.render import Target
from rnncli.render.grid import Cell, Column, Pen, plain

WORDS = st.text(st.sampled_from("ab1,.()[]_ └中é"), max_size=30).map(str.strip)
STYLES = st.sampled_from(["", "bold", "color(34)"])
CELLS = st.lists(st.tuples(WORDS, STYLES), min_size=1, max_size=3)
JUSTIFY: Any = st.sampled_from(["left", "center", "right"])


@st.composite
def tables(draw: Any) -> tuple[list[Column], list[list[Cell]]]:
    names = st.sampled_from(["Name", "Output Shape", ""])
    column = st.builds(Column, names, st.integers(1, 20), JUSTIFY)
    columns = draw(st.lists(column, min_size=1, max_size=4))
    count = len(columns)
    return columns, draw(st.lists(st.lists(CELLS, min_size=count, max_size=count), max_size=4))


def by_rich(columns: list[Column], rows: list[list[Cell]], unicode: bool) -> str:
    """Return what rich draws, without colour."""
    box = rich.box.HEAVY_HEAD if unicode else rich.box.ASCII2
    width = sum(column.width + 3 for column in columns) + 1
    heads = (
        rich.table.Column(each.name, width=each.width, justify=each.justify) for each in columns
    )
    table = rich.table.Table(*heads, width=width, show_lines=True, box=box, safe_box=False)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console = rich.console.Console(width=1000, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip("\n")


@given(table=tables(), unicode=st.booleans(), color=st.booleans())
def test_the_table_is_rich_s(
    table: tuple[list[Column], list[list[Cell]]], unicode: bool, color: bool
) -> None:
    columns, rows = table
    text = "\n".join(Pen(Target(color=color, unicode=unicode)).table(columns, rows))
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == by_rich(columns, rows, unicode)


def test_parts_are_coloured() -> None:
    pen = Pen(Target(color=True))
    assert pen.line(("a", "bold"), ("b", ""), ("c", "color(34)")) == (
        "\x1b[1ma\x1b[0mb\x1b[38;5;34mc\x1b[0m"
    )
    (line,) = [each for each in pen.table([Column("x", 3, "right")], [[[("7", "color(34)")]]])
               if "7" in each]  # fmt: skip
    assert line == "│   \x1b[38;5;34m7\x1b[0m │"
