"""A report without colours whose lines nobody folds: what a file or a pipe gets, without rich."""

from collections.abc import Iterator

from rnncli.render import Target
from rnncli.render.grid import Column, Pen, is_narrow
from rnncli.render.text import cell, cells_of, printable, right_aligned
from rnncli.report import Report, Table


def plain_text(report: Report, target: Target) -> str | None:
    """Return the lines, tables, totals and notes, None where it takes rich to draw them."""
    if target.color or target.width is not None or report.picture is not None:
        return None
    lines = [printable(line) for line in report.lines]
    if lines:
        lines.append("")
    for table in report.tables:
        grid = _grid(table, target)
        if grid is None:
            return None
        lines += [printable(table.title)] if table.title else []
        lines += grid
        totals = (f" {label}: {cell(kind, value)}" for label, kind, value in table.totals)
        lines += map(printable, totals)
    lines += [f" {printable(note)}" for note in report.notes]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _grid(table: Table, target: Target) -> Iterator[str] | None:
    """Return the table's lines, each column as wide as its widest cell."""
    arrow = "→" if target.unicode else ">"
    heads = [*([""] if table.marked else []), *(column.header for column in table.columns)]
    numbers = [*([False] if table.marked else []), *map(right_aligned, table.columns)]
    rows = [
        [*([arrow if index in table.marked else ""] if table.marked else []), *row]
        for index, row in enumerate(cells_of(table))
    ]
    if not all(is_narrow(text) for row in (heads, *rows) for text in row):
        return None
    columns = [
        Column(head, max(map(len, texts)), "right" if number else "left")
        for head, number, *texts in zip(heads, numbers, heads, *rows, strict=True)
    ]
    return Pen(target).table(columns, [[[(text, "")] for text in row] for row in rows], ruled=False)
