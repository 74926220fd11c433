"""Text for people: the report's lines, tables, totals and notes, as wide as the page."""

from collections.abc import Iterator

from rnncli.render import Target
from rnncli.render.grid import BOLD, NUMBER, styled, width
from rnncli.render.layout import lay_out, sentence
from rnncli.render.text import printable, total
from rnncli.report import Report, Table


def render(report: Report, target: Target) -> str:
    """Return the report as text."""
    lines: list[str] = []
    for line in report.lines:
        lines += sentence(line, target, BOLD, indent="")
    lines += [""] if lines else []
    for table in report.tables:
        lines += _table(table, target)
    for note in report.notes:
        lines += sentence(note, target)
    if report.picture is not None:
        from rnncli.render.heatmap import draw

        lines += ["", *draw(report.picture, target)]
    if report.charts:
        from rnncli.render import chart

        lines += chart.draw(report.charts, target)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _table(table: Table, target: Target) -> Iterator[str]:
    """Yield the title, the rows in the table's own style where that fits, and the totals."""
    if table.title:
        yield from sentence(table.title, target, BOLD, indent="")
    drawn = None
    if table.style == "keras":
        from rnncli.render.keras import draw

        drawn = draw(table, target)
    yield from lay_out(table, target) if drawn is None else drawn
    for each in table.totals:
        label, text = f" {printable(each.label)}: ", printable(total(each, table.style))
        if target.width is not None and width(label + text) > target.width:
            yield from sentence(label.strip() + " " + text, target, "")
        else:
            value, _, rest = text.partition(" (")
            after = f" ({rest}" if rest else ""
            yield styled(target, [(label, BOLD), (value, NUMBER), (after, "")])
