"""A report's picture, or else its table, as an SVG file."""

from rnncli.render import Target, render
from rnncli.render.svg_elements import DARK, LIGHT
from rnncli.report import Report

ROOM = (240, 96)  # columns and rows of a picture


def svg(report: Report, format: str, target: Target, dark: bool = False) -> str:
    """Return the SVG of the report's picture, or of what `format` draws on this target."""
    look = DARK if dark else LIGHT
    if report.picture is not None:
        from rnncli.render import svg_picture

        return svg_picture.elements(report.picture, look)
    from rnncli.render import svg_table

    target = target._replace(width=None, color=True, unicode=True)
    return svg_table.elements(report.title, render(report, format, target), look)
