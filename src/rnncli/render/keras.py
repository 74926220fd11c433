"""The table of Keras 3's `model.summary()`, character for character at the same width.

One difference is deliberate: a number is never cut or folded, its column widens instead.
"""

from collections.abc import Iterable, Iterator
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

from rnncli.errors import UsageError
from rnncli.render import Target, grid
from rnncli.render.grid import BOLD, NUMBER, Cell, Column, Justify, Line, Part, plain, width
from rnncli.render.layout import NAME
from rnncli.render.text import printable
from rnncli.report import UNBUILT, Table
from rnncli.shapes import Shape

if TYPE_CHECKING:
    from rich.text import Text

_LINE = {False: 88, True: 108}  # characters, without and with connections; Keras's defaults
_TRAINABLE = 12  # characters more for the column Trainable
_NARROWEST = 4  # characters of a column
_NUMBERS = (1, 2)  # columns whose numbers are never cut
_JUSTIFY: dict[str, Justify] = {"Param #": "right", "Trainable": "center"}
_ENDS = {False: (0.45, 0.80, 1.0), True: (0.3, 0.56, 0.74, 1.0)}  # where columns end, as shares
_NONE, _CLASS = "38;5;45", "38;5;33"
_TRAINS = {True: ("Y", f"1;{NUMBER}"), False: ("N", "1;91"), None: ("-", BOLD)}


def draw(table: Table, target: Target) -> list[str] | None:
    """Return the table without its title and totals, None where the page is too narrow for it."""
    keys = [column.key for column in table.columns]
    connected, trainable = "connected_to" in keys, "trainable" in keys
    rows = [_cells(dict(zip(keys, row, strict=True)), connected, trainable) for row in table.rows]
    length = _length(target, connected, trainable)
    widths = _widths(length, _ends(connected, trainable), rows)
    if target.line_length is None and target.width is not None:
        excess = sum(widths) + 3 * len(widths) + 1 - target.width
        widths[0] -= max(0, excess)
        if widths[0] < (NAME if excess > 0 else _NARROWEST):
            return None
    columns = []
    for name, size in zip(_names(connected, trainable), widths, strict=True):
        justify = _JUSTIFY.get(name, "left")
        columns.append(Column(folded([(name, BOLD)], size, justify), size, justify))
    cells = [
        [folded(cell, column.width, column.justify)
         for cell, column in zip(row, columns, strict=True)]
        for row in rows
    ]  # fmt: skip
    return list(grid.draw(target, columns, cells, ruled=True))


def folded(cell: Line, size: int, justify: Justify) -> Cell:
    """Return the cell's lines as rich folds them, for Keras leaves that to rich."""
    if width(plain(cell)) <= size:
        return [cell]
    from rich.console import Console
    from rich.text import Text

    lines = Text.assemble(*cell).wrap(Console(), size, justify=justify, overflow="ellipsis")
    return [list(_parts(line)) for line in lines]


def _parts(line: "Text") -> Iterator[Part]:
    """Yield what each span of a line of rich's covers, and what none does."""
    end = 0
    for start, stop, style in sorted(line.spans):
        if start > end:
            yield line.plain[end:start], ""
        yield line.plain[start:stop], str(style)
        end = stop
    yield line.plain[end:], ""


def _length(target: Target, connected: bool, trainable: bool) -> int:
    """Return the line length asked for, or the one that Keras takes: the terminal's less 4 at most.

    Raises: UsageError if a column would have fewer than 4 characters, where Keras gives up too.
    """
    ends = _ends(connected, trainable)
    least = next(length for length in count(1) if min(_asked(length, ends)) >= _NARROWEST)
    if target.line_length is None:
        length = _LINE[connected] + (_TRAINABLE if trainable else 0)
        return length if target.width is None else max(least, min(length, target.width - 4))
    if min(_asked(target.line_length, ends)) < _NARROWEST:
        raise UsageError(
            f"a line length of {target.line_length} is too narrow for {len(ends)} columns",
            f"use --line-length {least} or more",
        )
    return target.line_length


def _asked(length: int, ends: list[float]) -> list[int]:
    """Return the columns' widths as Keras asks rich for them; they add up to the whole line."""
    stops = [int(end * length) for end in ends]
    return [after - before for before, after in pairwise([0, *stops])]


def _names(connected: bool, trainable: bool) -> list[str]:
    names = ["Layer (type)", "Output Shape", "Param #"]
    return [*names, *(["Connected to"] if connected else []), *(["Trainable"] if trainable else [])]


def _ends(connected: bool, trainable: bool) -> list[float]:
    ends = list(_ENDS[connected])
    return [*(end * 0.90 for end in ends), 1.0] if trainable else ends


def _widths(length: int, ends: list[float], rows: list[list[Line]]) -> list[int]:
    """Return each column's width without padding and rules, wide enough for every number.

    Keras asks for columns that fill the line by themselves. rich then takes what padding and rules
    need from every column alike, rounding as it goes.
    """
    widths = _asked(length, ends)
    excess = sum(widths) + 3 * len(widths) + 1 - length
    given = []
    for left, asked in zip(range(len(widths), 0, -1), widths, strict=True):
        share = min(asked + 2, round(excess / left))
        excess -= share
        given.append(max(1, asked - share))
    for column in _NUMBERS:
        words = (word for row in rows for word in plain(row[column]).split())
        numbers = (len(word) for word in words if any(map(str.isdigit, word)))
        given[column] = max(given[column], *numbers, 0)
    return given


def _cells(row: dict[str, Any], connected: bool, trainable: bool) -> list[Line]:
    depth = row.get("depth", 0)
    prefix = "   " * depth + "└ " if depth else ""
    name = (f"{prefix}{printable(row['name'])} (", ""), (printable(row["type"]), _CLASS), (")", "")
    cells: list[Line] = [name, _shapes(row["output_shapes"]), _params(row["params"])]
    if connected:
        cells.append(_connections(() if depth else row["connected_to"]))
    if trainable:
        cells.append([_TRAINS[row["trainable"]]])
    return cells


def _params(count: Any) -> Line:
    if count is UNBUILT:
        return ("0", NUMBER), (" (unbuilt)", "")
    return [("?" if count is None else f"{count:,}", NUMBER)]


def _shapes(shapes: tuple[Shape, ...] | None) -> Line:
    if shapes is None:
        return [("?", "")]
    parts = _joined(map(_shape, shapes))
    return parts if len(shapes) == 1 else [("[", ""), *parts, ("]", "")]


def _shape(shape: Shape) -> list[Part]:
    dims = ([(str(dim), _NONE if dim is None else NUMBER)] for dim in shape)
    return [("(", ""), *_joined(dims), (")", "")]


def _connections(refs: Iterable[str]) -> Line:
    if not refs:
        return [("-", "")]
    parts = []
    for ref in refs:
        name, call, tensor = ref.rsplit("[", 2)
        parts.append([(f"{printable(name)}[", ""), (call[:-1], NUMBER), ("][", ""),
                      (tensor[:-1], NUMBER), ("]", "")])  # fmt: skip
    return _joined(parts)


def _joined(cells: Iterable[list[Part]]) -> list[Part]:
    """Return the cells as one, with commas between them."""
    found = []
    for index, parts in enumerate(cells):
        found += [(", ", ""), *parts] if index else parts
    return found
