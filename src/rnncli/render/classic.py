"""The underscore-ruled table of Keras 1 and 2."""

from collections.abc import Iterator
from typing import Any

from rnncli.render import Target
from rnncli.render.text import printable, total
from rnncli.report import UNBUILT, Report, Table, Total
from rnncli.shapes import show

_LINE = {False: 65, True: 98}  # characters, without and with connections
_ENDS = {False: (0.45, 0.85, 1.0), True: (0.33, 0.55, 0.67, 1.0)}
_PARAMS = 2  # the column that is never cut


def render(report: Report, target: Target) -> str:
    """Return the table and the totals as Keras 2's `model.summary()` lays them out."""
    (table,) = report.tables
    keys = [column.key for column in table.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
    connected = "connected_to" in keys
    length = target.line_length or _LINE[connected]
    ends = [int(end * length) for end in _ENDS[connected]]
    longest = max((len(_count(row)) for row in rows), default=0)
    gap = 1 if connected else 0
    short = longest + gap - (ends[_PARAMS] - ends[_PARAMS - 1])
    if short > 0:
        ends = [end + short if index >= _PARAMS else end for index, end in enumerate(ends)]
        length += short
    return "\n".join([*_table(rows, ends, length, connected), *_totals(table), "_" * length])


def _table(
    rows: list[dict[str, Any]], ends: list[int], length: int, connected: bool
) -> Iterator[str]:
    names = ["Layer (type)", "Output Shape", "Param #", *(["Connected to"] if connected else [])]
    yield "_" * length
    yield _line(names, ends)
    yield "=" * length
    for index, row in enumerate(rows):
        connections = row.get("connected_to") or [""]
        name = f"{printable(row['name'])} ({printable(row['type'])})"
        yield _line([name, _shapes(row), _count(row), printable(connections[0])], ends)
        for more in connections[1:] if connected else ():
            yield _line(["", "", "", printable(more)], ends)
        yield ("=" if index == len(rows) - 1 else "_") * length


def _line(fields: list[str], ends: list[int]) -> str:
    """Return the fields, each cut and padded to end where its column ends, with a space after."""
    line = ""
    for field, end in zip(fields, ends, strict=False):
        line = (f"{line[:-1]} {field}" if line else field)[:end].ljust(end)
    return line


def _shapes(row: dict[str, Any]) -> str:
    shapes = row["output_shapes"]
    if shapes is None:
        return "multiple"
    return show(shapes[0]) if len(shapes) == 1 else f"[{', '.join(map(show, shapes))}]"


def _count(row: dict[str, Any]) -> str:
    count = row["params"]
    return "?" if count in (None, UNBUILT) else str(count)


def _totals(table: Table) -> Iterator[str]:
    for label, _, (count, _), lacks in table.totals:
        yield f"{label}: {total(Total(label, 'count', count, lacks))}"
