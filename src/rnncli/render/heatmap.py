"""A state over time as a picture for the terminal.

With colour each character shows two rows as half blocks, on the palette. Without, a character shows
one row in shades of the value's size.
"""

from collections.abc import Iterator
from math import isfinite

from rnncli.render import Target
from rnncli.render.grid import BOLD, Line, Part, styled
from rnncli.render.layout import sentence
from rnncli.render.palette import BAD, HIGH, LOW, Mark, code, hexadecimal, mark, place
from rnncli.render.text import printable, ticks
from rnncli.report import Picture

MARGIN = 7  # characters left of the picture, for the axis of rows
LINES = 32  # of a picture at most
LEVELS, LEVELS_ASCII = "▁▂▃▄▅▆▇█", ".:*#"
_BAD = "!"  # where a value is no number
_SHADES, _ASCII = (
    (" ░▒▓", "█", "▁"),
    (f" {LEVELS_ASCII[:-1]}", LEVELS_ASCII[-1], "_"),
)  # sizes; near the high and the low bound
_SWATCHES = 8  # of the legend, on either side of the middle


def room(columns: int | None, color: bool, unicode: bool) -> tuple[int, int]:
    """Return how many columns and rows a picture can have on a page of so many characters."""
    return max(10, (columns or 80) - MARGIN), LINES * (2 if color and unicode else 1)


def draw(picture: Picture, target: Target) -> list[str]:
    """Return the norm of the state as a line, the picture under it, axes and legend."""
    lines = [styled(target, line) for line in _lines(picture, target)]
    for note in notes(picture, _halves(target)):
        lines += sentence(note, target, "", indent=" " * MARGIN)
    return lines


def _lines(picture: Picture, target: Target) -> Iterator[Line]:
    yield [(printable(picture.title), BOLD)]
    levels = LEVELS if target.unicode else "".join((_ASCII[0], _ASCII[1]))
    top = max(filter(isfinite, picture.norms), default=0.0)
    line = "".join(_level(value / (top or 1.0), levels) for value in picture.norms)
    yield [(f"{'norm':>{MARGIN - 1}} {line}", "")]
    yield from _colored(picture, target) if _halves(target) else _shaded(picture, target)
    yield [(f"{'step':>{MARGIN - 1}} {axis(picture.size[0], len(picture.norms))}", "")]
    yield from _legend(picture, target)
    yield [(f"{'':{MARGIN}}norm up to {top:.3g}", "")]


def _halves(target: Target) -> bool:
    return target.color and target.unicode


def _level(share: float, levels: str) -> str:
    """Return the character for a share from 0 to 1 of the largest value."""
    return levels[min(len(levels) - 1, int(share * len(levels)))] if isfinite(share) else _BAD


def _label(picture: Picture, index: int) -> Part:
    """Return the number of a row's first unit, in the margin."""
    label = f"{1 + index * picture.size[1] // len(picture.values)}"
    return f"{label if index else f'unit {label}':>{MARGIN - 1}} ", ""


def _colored(picture: Picture, target: Target) -> Iterator[Line]:
    """Yield two rows a line: the foreground is the upper one, the background the lower."""
    rows = picture.values
    for index in range(0, len(rows), 2):
        line = [_label(picture, index)]
        below = rows[index + 1] if index + 1 < len(rows) else None
        for column, upper in enumerate(rows[index]):
            back = "" if below is None else f";48;{_color(picture, below[column], target)}"
            line.append(("▀", f"38;{_color(picture, upper, target)}{back}"))
        yield line


def _shaded(picture: Picture, target: Target) -> Iterator[Line]:
    shades, high, low = _SHADES if target.unicode else _ASCII
    marks = {HIGH: high, LOW: high if _signed(picture) else low, BAD: _BAD}
    for index, row in enumerate(picture.values):
        colors = ((mark(picture, value), value) for value in row)
        found = (marks[color] if color else _level(_size(picture, value), shades)
                 for color, value in colors)  # fmt: skip
        yield [_label(picture, index), ("".join(found), "")]


def _signed(picture: Picture) -> bool:
    return picture.scale[0] == -picture.scale[1]


def _size(picture: Picture, value: float) -> float:
    """Return how far a value stands from 0, or from the low end of a scale that has no middle 0."""
    share = place(picture, value)
    return abs(share) if _signed(picture) else (share + 1) / 2


def _color(picture: Picture, value: float, target: Target) -> str:
    """Return the colour of a value as part of an SGR sequence."""
    special = mark(picture, value)
    return swatch(place(picture, value) if special is None else special, target)


def swatch(color: float | Mark, target: Target) -> str:
    """Return a place on the palette, or a mark, as the rest of an SGR sequence."""
    if not target.truecolor:
        return f"5;{color.code if isinstance(color, Mark) else code(color)}"
    found = color.hex if isinstance(color, Mark) else hexadecimal(color)
    return f"2;{';'.join(map(str, bytes.fromhex(found)))}"


def axis(steps: int, columns: int) -> str:
    """Return the axis of steps: numbers that begin under their columns."""
    line = ""
    for step, column in ticks(steps, columns, len(f"{steps:,}") + 3):
        if column + len(f"{step:,}") <= columns or step == 1:
            line = f"{line:<{column}}{step:,}"
    return line


def _legend(picture: Picture, target: Target) -> Iterator[Line]:
    """Yield the scale, then what stands for saturated values, and for NaN if there are any."""
    low, high = (f"{value:.3g}" for value in picture.scale)
    margin: Part = (" " * MARGIN, "")
    bad = not all(isfinite(value) for row in picture.values for value in row)
    if not _halves(target):
        shades, full, closed = _SHADES if target.unicode else _ASCII
        yield [margin, (f"{'0' if _signed(picture) else low} {shades} {high}", "")]
        marks: list[Line] = (
            [] if _signed(picture) else [[(f"{closed} at {_bound(picture, 0)}", "")]]
        )
        at = f"{_bound(picture, 0)} or " * _signed(picture) + _bound(picture, 1)
        marks.append([(f"{full} at {at}", "")])
        wrong: Line = [(f"{_BAD} NaN or Inf", "")]
    else:
        shares = (index / _SWATCHES for index in range(-_SWATCHES, _SWATCHES + 1))
        bar = [("█", f"38;{swatch(share, target)}") for share in shares]
        yield [margin, (f"{low} ", ""), *bar, (f" {high}", "")]
        marks = [[("█", f"38;{swatch(color, target)}"), (f" at {_bound(picture, end)}", "")]
                 for end, color in enumerate((LOW, HIGH))]  # fmt: skip
        wrong = [("█", f"38;{swatch(BAD, target)}"), (" NaN or Inf", "")]
    if picture.bounds is not None:
        share = f": saturated, {picture.saturated:.1%}" if picture.saturated is not None else ""
        line = [part for each in marks for part in (*each, ("  ", ""))][:-1]
        yield [margin, *line, (share, "")]
    if bad:
        yield [margin, *wrong]


def _bound(picture: Picture, end: int) -> str:
    return f"{(picture.bounds or (0, 0))[end]:.3g}"


def notes(picture: Picture, signs: bool) -> Iterator[str]:
    """Yield what a cell stands for where it is more than one value."""
    if not signs and _signed(picture):
        yield "Shades show the size of a value, not its sign."
    (steps, units), columns, rows = picture.size, len(picture.norms), len(picture.values)
    shared = []
    if columns < steps:
        shared.append(f"{steps:,} steps in {columns} columns")
    if rows < units:
        shared.append(f"{units:,} units in {rows} rows")
    if shared:
        which = "farthest from 0.5" if picture.bounds == (0, 1) else "of largest magnitude"
        yield f"{', '.join(shared)}: a cell shows the value {which} in it."
