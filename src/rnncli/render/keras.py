"""The table of Keras 3's `model.summary()`, character for character at the same width.

One difference is deliberate: a number is never cut or folded, its column widens instead.
"""

from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

from rnncli.errors import UsageError
from rnncli.render import Target
from rnncli.render.table import make_console
from rnncli.render.text import memory, printable
from rnncli.report import Report
from rnncli.shapes import Shape

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_LINE = {False: 88, True: 108}  # characters, without and with connections; Keras's defaults
_TRAINABLE = 12  # characters more for the column Trainable
_NARROWEST = 4  # characters of a column
_NUMBERS = (1, 2)  # columns whose numbers are never cut
_ENDS = {False: (0.45, 0.80, 1.0), True: (0.3, 0.56, 0.74, 1.0)}  # where columns end, as shares
_NUMBER, _NONE, _CLASS = "color(34)", "color(45)", "color(33)"
_ASCII = str.maketrans("└…", "+~")  # one character for one, so that columns stay in line
_TRAINS = {True: ("Y", f"bold {_NUMBER}"), False: ("N", "bold color(9)"), None: ("-", "bold")}


def render(report: Report, target: Target) -> str:
    """Return the model's name, the table and the totals."""
    from rich.text import Text

    table = report.tables[0]
    keys = [column.key for column in table.columns]
    connected, trainable = "connected_to" in keys, "trainable" in keys
    rows = [_cells(row, connected, trainable) for row in report.data["layers"]]
    length = _length(target, connected, trainable)
    console = make_console(target)
    with console.capture() as captured:
        console.print(Text(printable(table.title), style="bold"))
        console.print(_grid(rows, length, connected, trainable, target))
        for label, _, (number, size) in table.totals:
            line = Text(f" {label}: ", style="bold")
            console.print(line.append(f"{number:,}", f"not bold {_NUMBER}")
                          .append(f" ({memory(size)})", "not bold"))  # fmt: skip
    text = str(captured.get())
    return text if target.unicode else text.translate(_ASCII)


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


def _grid(
    rows: list[list["Text"]], length: int, connected: bool, trainable: bool, target: Target
) -> "Table":
    import rich.box
    from rich.table import Column, Table

    names = ["Layer (type)", "Output Shape", "Param #"]
    names += ["Connected to"] if connected else []
    names += ["Trainable"] if trainable else []
    justify = {"Param #": "right", "Trainable": "center"}
    widths = _widths(length, _ends(connected, trainable), rows)
    columns = [
        Column(name, justify=justify.get(name, "left"), width=width)  # type: ignore[arg-type]
        for name, width in zip(names, widths, strict=True)
    ]
    box = rich.box.HEAVY_HEAD if target.unicode else rich.box.ASCII2
    total = sum(widths) + 3 * len(widths) + 1
    grid = Table(*columns, width=total, show_lines=True, box=box, safe_box=False)
    for row in rows:
        grid.add_row(*row)
    return grid


def _ends(connected: bool, trainable: bool) -> list[float]:
    ends = list(_ENDS[connected])
    return [*(end * 0.90 for end in ends), 1.0] if trainable else ends


def _widths(length: int, ends: list[float], rows: list[list["Text"]]) -> list[int]:
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
        words = (word for row in rows for word in row[column].plain.split())
        numbers = (len(word) for word in words if any(map(str.isdigit, word)))
        given[column] = max(given[column], *numbers, 0)
    return given


def _cells(row: dict[str, Any], connected: bool, trainable: bool) -> list["Text"]:
    from rich.text import Text

    depth = row.get("depth", 0)
    prefix = "   " * depth + "└ " if depth else ""
    name = Text(f"{prefix}{printable(row['name'])} (").append(printable(row["type"]), _CLASS)
    cells = [name.append(")"), _shapes(row["output_shapes"]), _params(row)]
    if connected:
        cells.append(_connections([] if depth else row["connected_to"]))
    if trainable:
        cells.append(Text(*_TRAINS[row["trainable"]]))
    return cells


def _params(row: dict[str, Any]) -> "Text":
    from rich.text import Text

    if row.get("unbuilt"):
        return Text("0", _NUMBER).append(" (unbuilt)", "default")
    return Text("?" if row["params"] is None else f"{row['params']:,}", _NUMBER)


def _shapes(shapes: tuple[Shape, ...] | None) -> "Text":
    from rich.text import Text

    if shapes is None:
        return Text("?")
    parts = Text(", ").join(map(_shape, shapes))
    return parts if len(shapes) == 1 else Text("[").append_text(parts).append("]")


def _shape(shape: Shape) -> "Text":
    from rich.text import Text

    dims = [Text(str(dim), _NONE if dim is None else _NUMBER) for dim in shape]
    return Text("(").append_text(Text(", ").join(dims)).append(")")


def _connections(refs: list[str]) -> "Text":
    from rich.text import Text

    if not refs:
        return Text("-")
    parts = []
    for ref in refs:
        name, call, tensor = ref.rsplit("[", 2)
        part = Text(f"{printable(name)}[").append(call[:-1], _NUMBER).append("][")
        parts.append(part.append(tensor[:-1], _NUMBER).append("]"))
    return Text(", ").join(parts)
