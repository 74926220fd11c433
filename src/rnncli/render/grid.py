"""A ruled table of styled cells: what rich's `Table` draws with lines between the rows.

rich takes 0.2 ms for a row and 50 ms to load. It folds and colours cells; those that need neither
are padded here, and a table of them loads no rich.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from rnncli.render import Target
from rnncli.render.table import make_console

if TYPE_CHECKING:
    import rich.console
    from rich.style import Style

Part = tuple[str, str]  # text and its style, as rich writes styles
Cell = Sequence[Part]


class Column(NamedTuple):
    """A column of `width` characters, without its padding."""

    name: str
    width: int
    justify: Literal["left", "center", "right"] = "left"


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


class Pen:
    """Writes styled text for a target."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @cached_property
    def _console(self) -> "rich.console.Console":
        return make_console(self.target)

    def line(self, *parts: Part) -> str:
        """Return the parts as one line that never folds."""
        return "".join(self._styled(text, style) for text, style in parts)

    def table(
        self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], ruled: bool = True
    ) -> Iterator[str]:
        """Yield the lines of a table: a heading, and the rows, if `ruled` with a rule between."""
        rules = _UNICODE if self.target.unicode else _ASCII
        yield _rule(rules.top, columns)
        heading = [[(column.name, "bold")] for column in columns]
        yield from self._row(heading, columns, rules.heading, sunk=True)
        yield _rule(rules.below_heading, columns)
        between = _rule(rules.between, columns)
        for index, row in enumerate(rows):
            if index and ruled:
                yield between
            yield from self._row(row, columns, rules.row)
        yield _rule(rules.bottom, columns)

    def _row(
        self, row: Sequence[Cell], columns: Sequence[Column], rule: _Rule, sunk: bool = False
    ) -> Iterator[str]:
        """Yield the row's lines; cells of fewer lines are at its top, or `sunk` to its bottom."""
        cells = [self._lines(cell, column) for cell, column in zip(row, columns, strict=True)]
        height = max(map(len, cells))
        for lines, column in zip(cells, columns, strict=True):
            blank = [" " * column.width] * (height - len(lines))
            lines[:] = [*blank, *lines] if sunk else [*lines, *blank]
        left, _, middle, right = rule
        for line in zip(*cells, strict=True):
            yield f"{left} {f' {middle} '.join(line)} {right}"

    def _lines(self, cell: Cell, column: Column) -> list[str]:
        """Return the cell's lines, each as wide as the column."""
        text = plain(cell)
        if len(text) <= column.width and is_narrow(text):
            gap = column.width - len(text)
            left = {"left": 0, "center": gap // 2, "right": gap}[column.justify]
            return [" " * left + self.line(*cell) + " " * (gap - left)]
        from rich.text import Text

        lines = Text.assemble(*cell).wrap(
            self._console, column.width, justify=column.justify, overflow="ellipsis"
        )
        return [
            "".join(self._styled(part.text, part.style) for part in line.render(self._console))
            for line in lines
        ]

    def _styled(self, text: str, style: "str | Style | None") -> str:
        if not self.target.color or not style:
            return text
        from rich.color import ColorSystem

        found = self._console.get_style(style)
        return found.render(text, color_system=ColorSystem.EIGHT_BIT)


def is_narrow(text: str) -> bool:
    """Whether printable text takes a column per character, as far as that is plain to see."""
    return text.isascii() or all(each < "\u0300" or each in "→└" for each in text)


def plain(cell: Cell) -> str:
    """Return the cell's text."""
    return "".join(text for text, _ in cell)


def _rule(rule: _Rule, columns: Sequence[Column]) -> str:
    left, fill, middle, right = rule
    return left + middle.join(fill * (column.width + 2) for column in columns) + right
