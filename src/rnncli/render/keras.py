"""The table of Keras 3's `model.summary()`, character for character at the same width.

One difference is deliberate: a number is never cut or folded, its column widens instead.
"""

from collections.abc import Iterable
from itertools import count, pairwise
from typing import Any, Literal

from rnncli.errors import UsageError
from rnncli.render import Target
from rnncli.render.grid import Cell, Column, Part, Pen, plain
from rnncli.render.text import memory, printable
from rnncli.report import Report
from rnncli.shapes import Shape

_LINE = {False: 88, True: 108}  # characters, without and with connections; Keras's defaults
_TRAINABLE = 12  # characters more for the column Trainable
_NARROWEST = 4  # characters of a column
_NUMBERS = (1, 2)  # columns whose numbers are never cut
_JUSTIFY: dict[str, Literal["right", "center"]] = {"Param #": "right", "Trainable": "center"}
_ENDS = {False: (0.45, 0.80, 1.0), True: (0.3, 0.56, 0.74, 1.0)}  # where columns end, as shares
_NUMBER, _NONE, _CLASS = "color(34)", "color(45)", "color(33)"
_TRAINS = {True: ("Y", f"bold {_NUMBER}"), False: ("N", "bold color(9)"), None: ("-", "bold")}


def render(report: Report, target: Target) -> str:
    """Return the model's name, the table and the totals."""
    table, pen = report.tables[0], Pen(target)
    keys = [column.key for column in table.columns]
    connected, trainable = "connected_to" in keys, "trainable" in keys
    rows = [_cells(row, connected, trainable) for row in report.data["layers"]]
    columns = _columns(rows, _length(target, connected, trainable), connected, trainable)
    lines = [pen.line((printable(table.title), "bold")), *pen.table(columns, rows)]
    for label, _, (number, size) in table.totals:
        amount = (f"{number:,}", _NUMBER), (f" ({memory(size)})", "")
        lines.append(pen.line((f" {label}: ", "bold"), *amount))
    return "\n".join(lines)


def _length(target: Target, connected: bool, trainable: bool) -> int:
    """Return the line length asked for, or the one that Keras takes: the terminal's less 4 at most.

    Raises: UsageError if a column would have fewer than 4 characters, where Keras gives up too.
    """
    ends = _ends(connected, trainable)
    least = next(length for length in count(1) if min(_asked(length, ends)) >= _NARROWEST)
    if target.line_length is None:
        length = _LINE[connected] + (_TRAINABLE if trainable else 0)
        return length if target.columns is None else max(least, min(length, target.columns - 4))
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


def _columns(rows: list[list[Cell]], length: int, connected: bool, trainable: bool) -> list[Column]:
    names = ["Layer (type)", "Output Shape", "Param #"]
    names += ["Connected to"] if connected else []
    names += ["Trainable"] if trainable else []
    widths = _widths(length, _ends(connected, trainable), rows)
    return [
        Column(name, width, _JUSTIFY.get(name, "left"))
        for name, width in zip(names, widths, strict=True)
    ]


def _ends(connected: bool, trainable: bool) -> list[float]:
    ends = list(_ENDS[connected])
    return [*(end * 0.90 for end in ends), 1.0] if trainable else ends


def _widths(length: int, ends: list[float], rows: list[list[Cell]]) -> list[int]:
    """Return each column's width without padding and rules, wide enough for every number.

    Keras asks for columns that fill the line by themselves. rich then takes what padding and rules
    need from every column alike, rounding as it goes.
    """
    widths = _asked(length, ends)
    excess = sum(widths) + 3 * len(widths) + 1 - length
    given = []
    for left, width in zip(range(len(widths), 0, -1), widths, strict=True):
        share = min(width + 2, round(excess / left))
        excess -= share
        given.append(max(1, width - share))
    for column in _NUMBERS:
        words = (word for row in rows for word in plain(row[column]).split())
        numbers = (len(word) for word in words if any(map(str.isdigit, word)))
        given[column] = max(given[column], *numbers, 0)
    return given


def _cells(row: dict[str, Any], connected: bool, trainable: bool) -> list[Cell]:
    depth = row.get("depth", 0)
    prefix = "   " * depth + "└ " if depth else ""
    name = (f"{prefix}{printable(row['name'])} (", ""), (printable(row["type"]), _CLASS), (")", "")
    cells: list[Cell] = [name, _shapes(row["output_shapes"]), _params(row)]
    if connected:
        cells.append(_connections([] if depth else row["connected_to"]))
    if trainable:
        cells.append([_TRAINS[row["trainable"]]])
    return cells


def _params(row: dict[str, Any]) -> Cell:
    if row.get("unbuilt"):
        return ("0", _NUMBER), (" (unbuilt)", "")
    return [("?" if row["params"] is None else f"{row['params']:,}", _NUMBER)]


def _shapes(shapes: tuple[Shape, ...] | None) -> Cell:
    if shapes is None:
        return [("?", "")]
    parts = _joined(map(_shape, shapes))
    return parts if len(shapes) == 1 else [("[", ""), *parts, ("]", "")]


def _shape(shape: Shape) -> list[Part]:
    dims = ([(str(dim), _NONE if dim is None else _NUMBER)] for dim in shape)
    return [("(", ""), *_joined(dims), (")", "")]


def _connections(refs: list[str]) -> Cell:
    if not refs:
        return [("-", "")]
    parts = []
    for ref in refs:
        name, call, tensor = ref.rsplit("[", 2)
        parts.append([(f"{printable(name)}[", ""), (call[:-1], _NUMBER), ("][", ""),
                      (tensor[:-1], _NUMBER), ("]", "")])  # fmt: skip
    return _joined(parts)


def _joined(cells: Iterable[list[Part]]) -> list[Part]:
    """Return the cells as one, with commas between them."""
    found = []
    for index, parts in enumerate(cells):
        found += [(", ", ""), *parts] if index else parts
    return found
