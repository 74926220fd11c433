"""A report's picture, or else its table, as an SVG file, by rich's own export."""

import io

from rnncli.render import Target, render
from rnncli.report import Report


def svg(report: Report, format: str, target: Target) -> str:
    """Return the SVG of what `format` draws on this target, always in colour."""
    import rich.console
    from rich.text import Text

    from rnncli.render.heatmap import draw

    if report.picture is not None:
        content = draw(report.picture, color=True, unicode=True)
    else:
        text = render(report, format, target._replace(width=None, color=True, unicode=True))
        content = Text.from_ansi(text.rstrip("\n"))
    width = max((line.cell_len for line in content.split("\n")), default=1)
    console = rich.console.Console(
        width=max(20, width), record=True, file=io.StringIO(), force_terminal=True,
        color_system="truecolor", legacy_windows=False,
    )  # fmt: skip
    console.print(content, soft_wrap=True)
    return console.export_svg(title=f"rnncli {report.command}", unique_id="rnncli")
