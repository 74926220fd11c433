"""The one drawer of ruled tables, and styled text without rich.

Whoever lays a table out folds its cells into lines first, each no wider than its column. rich takes
50 ms to load: it is asked only how wide characters are that are not plainly one column each.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from rnncli.render import Target

# Styles, as the codes of ANSI's SGR sequence; a style of "" is none.
BOLD, DIM, NUMBER = "1", "2", "38;5;34"

Part = tuple[str, str]  # text and its style
Line = Sequence[Part]
Cell = Sequence[Line]
Justify = Literal["left", "center", "right"]


class Column(NamedTuple):
    """A column of `width` characters, without its padding."""

    head: Cell
    width: int
    justify: Justify = "left"


_Rule = tuple[str, str, str, str]  # at the left, in cells, between them, at the right


class _Rules(NamedTuple):
    """The characters of each kind of line."""

    top: _Rule
    heading: _Rule
    below_heading: _Rule
    row: _Rule
    between: _Rule
    bottom: _Rule


_LINE, _CELLS = ("+", "-", "+", "+"), ("|", " ", "|", "|")
_ASCII = _Rules(_LINE, _CELLS, _LINE, _CELLS, _LINE, _LINE)
_UNICODE = _Rules(
    ("┏", "━", "┳", "┓"),
    ("┃", " ", "┃", "┃"),
    ("┡", "━", "╇", "┩"),
    ("│", " ", "│", "│"),
    ("├", "─", "┼", "┤"),
    ("└", "─", "┴", "┘"),
)


def draw(
    target: Target, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], ruled: bool = False
) -> Iterator[str]:
    """Yield the lines of a table: a heading, and the rows, if `ruled` with a rule between."""
    rules = _UNICODE if target.unicode else _ASCII
    yield _rule(rules.top, columns)
    yield from _row(target, [column.head for column in columns], columns, rules.heading, sunk=True)
    yield _rule(rules.below_heading, columns)
    between = _rule(rules.between, columns)
    for index, row in enumerate(rows):
        if index and ruled:
            yield between
        yield from _row(target, row, columns, rules.row)
    yield _rule(rules.bottom, columns)


def _row(
    target: Target, row: Sequence[Cell], columns: Sequence[Column], rule: _Rule, sunk: bool = False
) -> Iterator[str]:
    """Yield the row's lines; cells of fewer lines are at its top, or `sunk` to its bottom."""
    height = max(map(len, row))
    cells = []
    for cell, column in zip(row, columns, strict=True):
        blank = [" " * column.width] * (height - len(cell))
        lines = [_padded(target, line, column) for line in cell]
        cells.append([*blank, *lines] if sunk else [*lines, *blank])
    left, _, middle, right = rule
    for parts in zip(*cells, strict=True):
        yield f"{left} {f' {middle} '.join(parts)} {right}"


def _padded(target: Target, line: Line, column: Column) -> str:
    gap = column.width - width(plain(line))
    left = {"left": 0, "center": gap // 2, "right": gap}[column.justify]
    return " " * left + styled(target, line) + " " * (gap - left)


def styled(target: Target, line: Line) -> str:
    """Return the line in colour where the target shows any."""
    if not target.color:
        return plain(line)
    return "".join(f"\x1b[{style}m{text}\x1b[0m" if style and text else text
                   for text, style in line)  # fmt: skip


def plain(line: Line) -> str:
    """Return the line's text."""
    return "".join(text for text, _ in line)


def width(text: str) -> int:
    """Return how many columns of a terminal printable text takes."""
    if text.isascii() or all(each < "\u0300" or each in "→└…−∂▁▂▃▄▅▆▇█" for each in text):
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _rule(rule: _Rule, columns: Sequence[Column]) -> str:
    left, fill, middle, right = rule
    return left + middle.join(fill * (column.width + 2) for column in columns) + right
