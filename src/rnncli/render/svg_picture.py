"""A picture of a state as SVG: the norm, the map, axes and legend."""

from collections.abc import Iterator
from itertools import groupby
from math import isfinite

from rnncli.render.heatmap import notes, ticks
from rnncli.render.palette import BAD, HIGH, LOW, hexadecimal, mark, place
from rnncli.render.svg_elements import Look, Span, document, rect, text
from rnncli.render.text import printable
from rnncli.report import Picture

LEFT, TOP, RIGHT = 64, 44, 24  # pixels around the map
NORM, GAP = 40, 10  # height of the norm's bars, and between two parts
_WIDTH, _HEIGHT = 720, 420  # of the map at most, but for cells of a pixel
_BAR = 200  # width of the legend's scale


def elements(picture: Picture, look: Look) -> str:
    """Return the SVG of the picture."""
    columns, rows = len(picture.norms), len(picture.values)
    cell = _side(_WIDTH, columns), _side(_HEIGHT, rows)
    top = TOP + NORM + GAP
    bottom = top + rows * cell[1]
    below = list(_legend(picture, bottom + 54, look))
    said = list(notes(picture, signs=True))
    parts = [
        text(LEFT, 26, [Span(printable(picture.title), look.text, bold=True)], 16),
        *_norm(picture, cell[0], look),
        *_map(picture, top, cell),
        *_units(picture, top, cell[1], look),
        *_steps(picture, bottom, cell[0], look),
        *below,
        *(_text(LEFT, bottom + 106 + 18 * index, line, look.faint)
          for index, line in enumerate(said)),
    ]  # fmt: skip
    width = max(LEFT + columns * cell[0] + RIGHT, LEFT + 560)
    return document(picture.title, width, bottom + 100 + 18 * len(said), look, parts)


def _text(x: float, y: float, content: str, fill: str, anchor: str = "start") -> str:
    return text(x, y, [Span(content, fill)], 12, anchor=anchor)


def _side(room: int, cells: int) -> int:
    return max(1, min(18, room // max(1, cells)))


def _norm(picture: Picture, width: int, look: Look) -> Iterator[str]:
    """Yield a bar per column, as high as the norm, and the largest norm at the axis."""
    top = max(filter(isfinite, picture.norms), default=0.0)
    for index, norm in enumerate(picture.norms):
        height = round(NORM * norm / (top or 1)) if isfinite(norm) else NORM
        fill = look.rule if isfinite(norm) else f"#{BAD.hex}"
        yield rect(LEFT + index * width, TOP + NORM - height, width, height, fill)
    yield _text(LEFT - 8, TOP + 10, f"{top:.3g}", look.faint, anchor="end")
    yield _text(LEFT - 8, TOP + NORM - 6, "norm", look.text, anchor="end")


def _map(picture: Picture, top: int, cell: tuple[int, int]) -> Iterator[str]:
    """Yield the cells, neighbours of one colour as one rectangle."""
    width, height = cell
    for number, row in enumerate(picture.values):
        column = 0
        for fill, group in groupby(_fill(picture, value) for value in row):
            length = len(list(group))
            yield rect(LEFT + column * width, top + number * height, length * width, height, fill)
            column += length


def _fill(picture: Picture, value: float) -> str:
    special = mark(picture, value)
    return f"#{hexadecimal(place(picture, value)) if special is None else special.hex}"


def _units(picture: Picture, top: int, height: int, look: Look) -> Iterator[str]:
    """Yield the axis of units: the number of a row's first unit, where there is room."""
    rows = len(picture.values)
    every = -(-16 // height)
    for index in range(0, rows, every):
        label = f"{1 + index * picture.size[1] // rows:,}"
        yield _text(LEFT - 8, top + index * height + height / 2 + 4, label, look.faint,
                   anchor="end")  # fmt: skip
    yield _text(8, top + 12, "unit", look.text)


def _steps(picture: Picture, bottom: int, width: int, look: Look) -> Iterator[str]:
    """Yield the axis of steps: marks and round numbers below their columns."""
    steps, columns = picture.size[0], len(picture.norms)
    apart = -(-(8 * len(f"{steps:,}") + 14) // width)
    for step, column in ticks(steps, columns, apart):
        middle = LEFT + (column + 0.5) * width
        yield rect(middle - 0.5, bottom + 2, 1, 4, look.rule)
        yield _text(middle, bottom + 19, f"{step:,}", look.faint, anchor="middle")
    yield _text(LEFT - 8, bottom + 19, "step", look.text, anchor="end")


def _legend(picture: Picture, y: int, look: Look) -> Iterator[str]:
    """Yield the scale with its ends and its middle, and the colours beside it."""
    low, high = picture.scale
    for index in range(_BAR // 4):
        share = 2 * index / (_BAR // 4 - 1) - 1
        yield rect(LEFT + 4 * index, y, 4, 14, f"#{hexadecimal(share)}")
    for share, value in ((0.0, low), (0.5, (low + high) / 2), (1.0, high)):
        yield _text(LEFT + share * _BAR, y + 29, f"{value:.3g}", look.faint, anchor="middle")
    marks = []
    if picture.bounds is not None:
        marks = [(f"at {end:.3g}", color.hex)
                 for end, color in zip(picture.bounds, (LOW, HIGH), strict=True)]  # fmt: skip
    if not all(isfinite(value) for row in picture.values for value in row):
        marks.append(("NaN or Inf", BAD.hex))
    x = LEFT + _BAR + 24
    for label, fill in marks:
        yield rect(x, y, 14, 14, f"#{fill}")
        yield _text(x + 20, y + 12, label, look.text)
        x += 34 + 7 * len(label)
    if picture.saturated is not None:
        said = f"saturated: {picture.saturated:.1%} of all values"
        yield _text(LEFT + _BAR + 24, y + 29, said, look.text)
