"""Text for people: sizes, counts and names, safe to print."""

from collections.abc import Iterator
from typing import Any

from rnncli.report import UNBUILT, AtLeast, Column, Table, Total
from rnncli.shapes import show
from rnncli.units import memory

BARS = "▁▂▃▄▅▆▇█"
_NUMBERS = ("count", "bytes", "number", "share")


def printable(text: str) -> str:
    """Return the text with what is invisible or would steer a terminal escaped: `\\x1b`, `\\u202e`.

    That is every character that Python does not count as printable: controls, bidirectional
    overrides, lone surrogates, odd spaces.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(ord(each)) for each in text)


def _escaped(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cells_of(table: Table) -> Iterator[list[str]]:
    """Yield the texts of each row, for people: what rows share stands in the first of them."""
    before: tuple[Any, ...] | None = None
    for row in table.rows:
        shared = before is not None
        cells = []
        for index, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            if column.kind == "group":
                shared = shared and before is not None and before[index] == value
            hidden = column.kind == "group" and shared
            cells.append("" if hidden else cell(column.kind, value))
        yield cells
        before = row


def total(each: Total, style: str = "") -> str:
    """Return the text of a total, for people, in the units of the table's style."""
    if each.kind == "memory" and each.value is not None:
        count, size = each.value
        shown, rest = f"{count:,}", f" ({memory(size, keras=style == 'keras')})"
    else:
        shown, rest = cell(each.kind, each.value), ""
    if each.lacks is None or each.value is None:
        return shown + rest
    return at_least(shown, each.lacks) + rest


def at_least(shown: str, layers: int) -> str:
    """Return `at least 128 (2 layers unknown)`; without layers, warnings say what is left out."""
    count = "1 layer" if layers == 1 else f"{layers:,} layers"
    return f"at least {shown} ({count} unknown)" if layers else f"at least {shown} (see warnings)"


def cell(kind: str, value: Any) -> str:
    """Return the text of one table cell, for people."""
    if kind == "held":
        return "unknown" if value is None else cell("flag", value)
    if value is None:
        return "" if kind in ("text", "group", "flag") else "?"
    if value is UNBUILT:
        return "0 (unbuilt)"
    if kind == "names":
        return ", ".join(map(printable, value))
    if kind == "shapes":
        return ", ".join("?" if shape is None else show(shape) for shape in value)
    if kind == "bytes":
        return memory(value)
    if kind == "number":
        return f"{value:.4g}"
    if kind == "share":
        return f"{value:.1%}"
    if kind == "flag":
        return "yes" if value else "no"
    if kind == "histogram":
        return _bars(value)
    if kind == "any":
        return _any(value)
    return f"{value:,}" if kind == "count" else raw(kind, value)


def raw(kind: str, value: Any) -> str:
    """Return the text of one table cell for programs: plain numbers, nothing for None."""
    if kind == "held":
        return "unknown" if value is None else raw("flag", value)
    if value is None or value is UNBUILT or isinstance(value, AtLeast):
        return ""
    if kind == "shape":
        return show(value)
    if kind in ("shapes", "names"):
        return cell(kind, value)
    if kind == "any":
        return str(value) if isinstance(value, int) else _any(value)
    if kind == "flag":
        return "true" if value else "false"
    if kind == "histogram":
        return " ".join(map(str, value))
    return printable(str(value))


def _bars(counts: tuple[int, ...]) -> str:
    """Return a histogram in block characters: the highest bar whole, an empty bin a dot."""
    most = max(counts)
    heights = (-(-len(BARS) * count // most) for count in counts) if most else (0,) * len(counts)
    return "".join(BARS[height - 1] if height else "·" for height in heights)


def _any(value: Any) -> str:
    """Return a value whose kind only its type tells: a count, a shape or a list of shapes."""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, AtLeast):
        return at_least(f"{value.value:,}", value.layers)
    if isinstance(value, tuple):
        nested = bool(value) and isinstance(value[0], tuple)
        return cell("shapes" if nested else "shape", value)
    return printable(str(value))


def ticks(steps: int, columns: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield the steps to label, with the column that each is in: round numbers, `width` apart."""
    unit = next(
        size * 10**power
        for power in range(30)
        for size in (1, 2, 5)
        if size * 10**power * columns >= width * steps or size * 10**power >= steps
    )
    for step in dict.fromkeys((1, *range(unit, steps + 1, unit))):
        column = -(-step * columns // steps) - 1 if columns < steps else step - 1
        if step == 1 or column >= width - 2:
            yield step, column


def right_aligned(column: Column) -> bool:
    """Whether the column holds numbers."""
    return column.kind in _NUMBERS
