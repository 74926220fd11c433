"""Markdown: tables that fit a pull-request comment."""

from collections.abc import Iterator

from rnncli.render import Target
from rnncli.render.text import cells_of, printable, right_aligned, total
from rnncli.report import Report, Table


def render(report: Report, target: Target) -> str:
    """Return the report's lines as a code block, its tables, totals and notes."""
    parts = []
    if report.lines:
        parts.append("\n".join(("```", *map(printable, report.lines), "```")))
    for table in report.tables:
        if table.title:
            parts.append(f"**{_escaped(table.title)}**")
        parts.append("\n".join(_lines(table)))
        if table.totals:
            totals = (f"{each.label}: {total(each, table.style)}" for each in table.totals)
            parts.append("\n".join(f"- {_escaped(text)}" for text in totals))
    parts += [_escaped(note) for note in report.notes]
    return "\n\n".join(parts)


def _lines(table: Table) -> Iterator[str]:
    yield _row([_escaped(column.header) for column in table.columns])
    yield _row(["---:" if right_aligned(column) else "---" for column in table.columns])
    for index, row in enumerate(cells_of(table)):
        cells = [_escaped(text) for text in row]
        chosen = index in table.marked
        yield _row([f"**{text}**" if text and chosen else text for text in cells])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Return the text with what Markdown would read as structure, a link or HTML escaped."""
    text = printable(text)
    for character in "\\|`<>*[]~&@":
        text = text.replace(character, f"\\{character}")
    return text
