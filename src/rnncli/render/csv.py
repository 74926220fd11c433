"""CSV (RFC 4180): the raw rows of the report's tables."""

import csv
import io

from rnncli.render import Target
from rnncli.render.text import raw
from rnncli.report import Report


def render(report: Report, target: Target) -> str:
    """Return each table as a header of column keys and its rows, tables parted by an empty line."""
    parts = []
    for table in report.tables:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(column.key for column in table.columns)
        for row in table.rows:
            cells = (raw(c.kind, value) for c, value in zip(table.columns, row, strict=True))
            writer.writerow(map(_harmless, cells))
        parts.append(buffer.getvalue())
    return "\r\n".join(parts)


def _harmless(cell: str) -> str:
    """Return the cell, after an apostrophe where a spreadsheet would run it as a formula."""
    if not cell.startswith(("=", "+", "-", "@")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
