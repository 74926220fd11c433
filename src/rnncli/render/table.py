"""Tables for people, in the look of Keras's summary."""

from typing import TYPE_CHECKING

from rnncli.render import Target
from rnncli.render.text import cell, cells_of, printable, right_aligned
from rnncli.report import Report, Table

if TYPE_CHECKING:
    import rich.console
    import rich.table

WIDEST = 100_000  # characters of a line that never folds: what a pipe gets


def render(report: Report, target: Target) -> str:
    """Return the report's lines, tables, totals and notes as text."""
    from rnncli.render.plain import plain_text

    text = plain_text(report, target)
    return _drawn(report, target) if text is None else text


def _drawn(report: Report, target: Target) -> str:
    """Return the same by rich, which folds and colours."""
    from rich.text import Text

    console = make_console(target)
    with console.capture() as captured:
        for line in report.lines:
            console.print(Text(printable(line), style="bold"), soft_wrap=True)
        if report.lines:
            console.print()
        for table in report.tables:
            if table.title:
                console.print(Text(printable(table.title), style="bold"))
            _print_grid(console, _grid(table, target))
            for label, kind, value in table.totals:
                total = Text(f" {printable(label)}: ", style="bold")
                console.print(total.append(cell(kind, value), "not bold color(34)"))
        for note in report.notes:
            console.print(Text(f" {printable(note)}", style="dim"))
        if report.picture is not None:
            from rnncli.render.heatmap import draw

            console.print()
            console.print(draw(report.picture, target.color, target.unicode), soft_wrap=True)
    return "\n".join(line.rstrip() for line in captured.get().split("\n"))


def make_console(target: Target) -> "rich.console.Console":
    """Return a console as wide as the target, or that never folds."""
    import rich.console

    return rich.console.Console(
        width=target.width or WIDEST,
        force_terminal=target.color,
        color_system="256" if target.color else None,
        no_color=not target.color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _print_grid(console: "rich.console.Console", grid: "rich.table.Table") -> None:
    """Print a table that may fold its text but runs over the page before it cuts a number."""
    from rich.measure import Measurement

    endless = console.options.update_width(WIDEST)
    least = Measurement.get(console, endless, grid).minimum
    console.print(grid, width=max(console.width, least), crop=False)


def _grid(table: Table, target: Target) -> "rich.table.Table":
    import rich.box
    import rich.table
    from rich.text import Text

    box = rich.box.HEAVY_HEAD if target.unicode else rich.box.ASCII2
    grid = rich.table.Table(box=box, safe_box=False)
    if table.marked:
        grid.add_column("")
    for column in table.columns:
        number = right_aligned(column)
        justify = "right" if number else "left"
        grid.add_column(Text(column.header), justify=justify, no_wrap=number, overflow="fold")  # type: ignore[arg-type]
    arrow = "→" if target.unicode else ">"
    for index, row in enumerate(cells_of(table)):
        chosen = index in table.marked
        cells = [Text(text, style="color(34)" if right_aligned(column) else "")
                 for column, text in zip(table.columns, row, strict=True)]  # fmt: skip
        mark = [Text(arrow if chosen else "")] if table.marked else []
        grid.add_row(*mark, *cells, style="bold" if chosen else None)
    return grid
