"""A report's picture, or else its table, as an SVG file, by rich's own export."""

import io

from rnncli.render import Target, render
from rnncli.report import Report


def svg(report: Report, format: str, target: Target) -> str:
    """Return the SVG of what `format` draws on this target, always in colour."""
    import rich.console
    from rich.text import Text

    from rnncli.render.heatmap import draw

    target = target._replace(width=None, color=True, unicode=True)
    picture = report.picture
    lines = render(report, format, target) if picture is None else "\n".join(draw(picture, target))
    content = Text.from_ansi(lines.rstrip("\n"))
    width = max((line.cell_len for line in content.split("\n")), default=1)
    console = rich.console.Console(
        width=max(20, width), record=True, file=io.StringIO(), force_terminal=True,
        color_system="truecolor", legacy_windows=False,
    )  # fmt: skip
    console.print(content, soft_wrap=True)
    return console.export_svg(title=f"rnncli {report.command}", unique_id="rnncli")
