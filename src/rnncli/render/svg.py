"""A report's picture, or else its table, as an SVG file."""

from rnncli.render import Target, render
from rnncli.render.svg_elements import DARK, LIGHT
from rnncli.report import Report

ROOM = (240, 96)  # columns and rows of a picture


def svg(report: Report, format: str, target: Target, dark: bool = False) -> str:
    """Return the SVG of the report's picture, or of what `format` draws on this target."""
    look = DARK if dark else LIGHT
    if report.picture is not None:
        from rnncli.render import svg_chart, svg_picture
        from rnncli.render.svg_elements import stacked

        drawings = [svg_picture.drawing(report.picture, look)]
        for chart in report.charts:
            drawings.append(svg_chart.drawing(chart, drawings[-1].height, look))
        return stacked(report.picture.title, drawings, look)
    from rnncli.render import svg_table

    target = target._replace(width=None, color=True, unicode=True)
    return svg_table.elements(report.title, render(report, format, target), look)
