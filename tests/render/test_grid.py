"""The ruled table beside rich's own, which draws Keras's."""

import re
from typing import Any

import rich.box
import rich.console
import rich.table
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from rnncli.render import Target
from rnncli.render.grid import Column, Line, draw, plain, styled
from rnncli.render.keras import folded

WORDS = st.text(st.sampled_from("ab1,.()[]_ └中é"), max_size=30).map(str.strip)
STYLES = st.sampled_from(["", "1", "38;5;34"])
LINES = st.lists(st.tuples(WORDS, STYLES), min_size=1, max_size=3)
JUSTIFY: Any = st.sampled_from(["left", "center", "right"])
Heading = tuple[str, int, Any]


@st.composite
def tables(draw: Any) -> tuple[list[Heading], list[list[Line]]]:
    names = st.sampled_from(["Name", "Output Shape", ""])
    columns = draw(st.lists(st.tuples(names, st.integers(1, 20), JUSTIFY), min_size=1, max_size=4))
    count = len(columns)
    return columns, draw(st.lists(st.lists(LINES, min_size=count, max_size=count), max_size=4))


def by_rich(columns: list[Heading], rows: list[list[Line]], unicode: bool) -> str:
    """Return what rich draws, without colour."""
    box = rich.box.HEAVY_HEAD if unicode else rich.box.ASCII2
    width = sum(size + 3 for _, size, _ in columns) + 1
    heads = (rich.table.Column(name, width=size, justify=how) for name, size, how in columns)
    table = rich.table.Table(*heads, width=width, show_lines=True, box=box, safe_box=False)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console = rich.console.Console(width=1000, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip("\n")


@given(table=tables(), unicode=st.booleans(), color=st.booleans())
def test_the_table_is_rich_s(
    table: tuple[list[Heading], list[list[Line]]], unicode: bool, color: bool
) -> None:
    headings, rows = table
    columns = [Column(folded([(name, "1")], size, how), size, how) for name, size, how in headings]
    cells = [
        [folded(cell, size, how) for cell, (_, size, how) in zip(row, headings, strict=True)]
        for row in rows
    ]
    text = "\n".join(draw(Target(color=color, unicode=unicode), columns, cells, ruled=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == by_rich(headings, rows, unicode)


def test_parts_are_coloured() -> None:
    target = Target(color=True)
    assert styled(target, [("a", "1"), ("b", ""), ("c", "38;5;34")]) == (
        "\x1b[1ma\x1b[0mb\x1b[38;5;34mc\x1b[0m"
    )
    (line,) = [each for each in draw(target, [Column([[("x", "1")]], 3, "right")],
                                     [[[[("7", "38;5;34")]]]]) if "7" in each]  # fmt: skip
    assert line == "│   \x1b[38;5;34m7\x1b[0m │"


def test_a_folded_line_keeps_its_colours() -> None:
    parts = [("ab cd ", ""), ("ef", "1"), (")", "")]
    assert folded(parts, 5, "left") == [[("ab cd", "")], [("ef", "1"), (")  ", "")]]
