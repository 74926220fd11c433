"""A curve over time as SVG: bars on a log scale, their axes, and what there is to say of it."""

from collections.abc import Iterator

from rnncli.render.chart import EXPLODED, VANISHED, height, notes, powers
from rnncli.render.palette import BAD, hexadecimal
from rnncli.render.svg_elements import LEFT, Drawing, Look, Span, rect, side, small, steps, text
from rnncli.render.text import printable
from rnncli.report import Chart

_TITLE, _POWER = 44, 24  # height of the title, and of a power of ten


def drawing(chart: Chart, top: float, look: Look) -> Drawing:
    """Return the curve, drawn from `top` pixels on."""
    shown, width = powers(chart), side(len(chart.values))
    upper = top + _TITLE
    bottom = upper + _POWER * len(shown)
    said = list(notes(chart))
    parts = [
        text(LEFT, top + 26, [Span(printable(chart.title), look.text, bold=True)], 16),
        *_scale(shown, upper, bottom, width * len(chart.values), look),
        *_bars(chart, shown, bottom, width, look),
        *steps(chart.steps, len(chart.values), bottom, width, look),
        *(small(LEFT, bottom + 44 + 18 * index, line, look.faint)
          for index, line in enumerate(said)),
    ]  # fmt: skip
    return Drawing(parts, LEFT + width * len(chart.values), bottom + 44 + 18 * len(said))


def _scale(shown: range, upper: float, bottom: float, width: int, look: Look) -> Iterator[str]:
    """Yield a rule at each power of ten, and what it is."""
    for place, power in enumerate([*shown, shown[-1] + 1]):
        y = bottom - _POWER * place
        yield rect(LEFT, y, width, 1, look.rule)
        yield small(LEFT - 8, y + 4, f"{10.0**power:g}", look.faint, anchor="end")


def _bars(chart: Chart, shown: range, bottom: float, width: int, look: Look) -> Iterator[str]:
    """Yield a bar per column; one whose value is not known is as high as the scale."""
    for index, value in enumerate(chart.values):
        x, up = LEFT + index * width, len(shown) if value is None else height(value, shown)
        if up:
            fill = _fill(value, look)
            yield rect(x, bottom - _POWER * up, width, _POWER * up, fill)


def _fill(value: float | None, look: Look) -> str:
    if value is None:
        return f"#{BAD.hex}"
    if value >= 10.0**EXPLODED:
        return f"#{hexadecimal(1.0)}"
    return f"#{hexadecimal(-0.5)}" if value < 10.0**VANISHED else look.rule
