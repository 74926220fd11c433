"""A curve over time for the terminal, on a log scale: a line of text per power of ten.

Its columns are those of the picture of a state, so that one can stand below the other.
"""

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10

from rnncli.render import Target
from rnncli.render.grid import BOLD, Line, styled
from rnncli.render.heatmap import LEVELS, LEVELS_ASCII, MARGIN, axis, swatch
from rnncli.render.layout import sentence
from rnncli.render.text import printable
from rnncli.report import Chart

LOWEST, HIGHEST = -6, 6  # powers of ten that are drawn
VANISHED, EXPLODED = -3, 3
_UNKNOWN = "?"


def draw(charts: Sequence[Chart], target: Target) -> list[str]:
    """Return each curve as the upper end of bars, with its axes, and what there is to say of all.

    An empty line stands before each of them.
    """
    lines = []
    for chart in charts:
        lines += ["", *(styled(target, line) for line in _lines(chart, target))]
    for note in dict.fromkeys(note for chart in charts for note in notes(chart)):
        lines += sentence(note, target, "", indent=" " * MARGIN)
    return lines


def powers(chart: Chart) -> range:
    """Return the powers of ten between which the curve lies, as far as they are drawn."""
    logs = [log10(value) for value in chart.values if value]
    low = min(VANISHED, *map(floor, logs), -1) if logs else VANISHED
    high = max(1, *map(ceil, logs)) if logs else 1
    return range(max(LOWEST, low), min(HIGHEST, high))


def height(value: float | None, shown: range) -> float:
    """Return how many powers of ten a value stands above the lowest that is drawn."""
    return max(0.0, min(float(len(shown)), log10(value) - shown[0])) if value else 0.0


def _lines(chart: Chart, target: Target) -> Iterator[Line]:
    yield [(printable(chart.title), BOLD)]
    levels = LEVELS if target.unicode else LEVELS_ASCII
    shown = powers(chart)
    heights = [height(value, shown) for value in chart.values]
    for place, power in reversed(list(enumerate(shown))):
        row = "".join(_bar(each - place, levels) for each in heights)
        if power == shown[0]:
            row = "".join(_UNKNOWN if value is None else bar
                          for value, bar in zip(chart.values, row, strict=True))  # fmt: skip
        yield [(f"{10.0**power:>{MARGIN - 1}g} ", ""), (row, _style(power, target))]
    yield [(f"{'step':>{MARGIN - 1}} {axis(chart.steps, len(chart.values))}", "")]


def _bar(share: float, levels: str) -> str:
    """Return the part of a bar in a line: `share` of the line's height, or all of it."""
    index = ceil(min(share, 1.0) * len(levels))
    return levels[index - 1] if index > 0 else " "


def _style(power: int, target: Target) -> str:
    """Return the colour of a line: blue where the gradient has vanished, red where it explodes."""
    if power >= EXPLODED:
        return f"38;{swatch(1.0, target)}"
    return f"38;{swatch(-0.5, target)}" if power < VANISHED else ""


def notes(chart: Chart) -> Iterator[str]:
    """Yield what the curve says, and what it leaves out."""
    known = [value for value in chart.values if value is not None]
    yield "Log scale: each line is ten times the one below."
    if any(value < 10.0**LOWEST for value in known):
        yield f"Below {10.0**LOWEST:g} nothing is drawn."
    if any(value > 10.0**HIGHEST for value in known):
        yield f"Above {10.0**HIGHEST:,.0f} it goes on."
    if len(known) < len(chart.values):
        yield f"{_UNKNOWN} is not known."
