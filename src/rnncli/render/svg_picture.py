"""A picture of a state as SVG: the norm, the map, axes and legend."""

from collections.abc import Iterator
from itertools import groupby
from math import isfinite

from rnncli.render.heatmap import notes
from rnncli.render.palette import BAD, HIGH, LOW, hexadecimal, mark, place
from rnncli.render.svg_elements import LEFT, Drawing, Look, Span, rect, side, small, steps, text
from rnncli.render.text import printable
from rnncli.report import Picture

TOP = 44  # pixels above the map
NORM, GAP = 40, 10  # height of the norm's bars, and between two parts
_HEIGHT = 420  # of the map at most, but for cells of a pixel
_BAR = 200  # width of the legend's scale


def drawing(picture: Picture, look: Look) -> Drawing:
    """Return the picture, drawn from the top on."""
    columns, rows = len(picture.norms), len(picture.values)
    cell = side(columns), side(rows, _HEIGHT)
    top = TOP + NORM + GAP
    bottom = top + rows * cell[1]
    below = list(_legend(picture, bottom + 54, look))
    said = list(notes(picture, signs=True))
    parts = [
        text(LEFT, 26, [Span(printable(picture.title), look.text, bold=True)], 16),
        *_norm(picture, cell[0], look),
        *_map(picture, top, cell),
        *_units(picture, top, cell[1], look),
        *steps(picture.size[0], columns, bottom, cell[0], look),
        *below,
        *(small(LEFT, bottom + 106 + 18 * index, line, look.faint)
          for index, line in enumerate(said)),
    ]  # fmt: skip
    return Drawing(parts, LEFT + columns * cell[0], bottom + 100 + 18 * len(said))


def _norm(picture: Picture, width: int, look: Look) -> Iterator[str]:
    """Yield a bar per column, as high as the norm, and the largest norm at the axis."""
    top = max(filter(isfinite, picture.norms), default=0.0)
    for index, norm in enumerate(picture.norms):
        height = round(NORM * norm / (top or 1)) if isfinite(norm) else NORM
        fill = look.rule if isfinite(norm) else f"#{BAD.hex}"
        yield rect(LEFT + index * width, TOP + NORM - height, width, height, fill)
    yield small(LEFT - 8, TOP + 10, f"{top:.3g}", look.faint, anchor="end")
    yield small(LEFT - 8, TOP + NORM - 6, "norm", look.text, anchor="end")


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
        yield small(LEFT - 8, top + index * height + height / 2 + 4, label, look.faint,
                   anchor="end")  # fmt: skip
    yield small(8, top + 12, "unit", look.text)


def _legend(picture: Picture, y: int, look: Look) -> Iterator[str]:
    """Yield the scale with its ends and its middle, and the colours beside it."""
    low, high = picture.scale
    for index in range(_BAR // 4):
        share = 2 * index / (_BAR // 4 - 1) - 1
        yield rect(LEFT + 4 * index, y, 4, 14, f"#{hexadecimal(share)}")
    for share, value in ((0.0, low), (0.5, (low + high) / 2), (1.0, high)):
        yield small(LEFT + share * _BAR, y + 29, f"{value:.3g}", look.faint, anchor="middle")
    marks = []
    if picture.bounds is not None:
        marks = [(f"at {end:.3g}", color.hex)
                 for end, color in zip(picture.bounds, (LOW, HIGH), strict=True)]  # fmt: skip
    if not all(isfinite(value) for row in picture.values for value in row):
        marks.append(("NaN or Inf", BAD.hex))
    x = LEFT + _BAR + 24
    for label, fill in marks:
        yield rect(x, y, 14, 14, f"#{fill}")
        yield small(x + 20, y + 12, label, look.text)
        x += 34 + 7 * len(label)
    if picture.saturated is not None:
        said = f"saturated: {picture.saturated:.1%} of all values"
        yield small(LEFT + _BAR + 24, y + 29, said, look.text)
