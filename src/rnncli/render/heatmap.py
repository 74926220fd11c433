"""A state over time as a picture for the terminal.

With colour each character shows two rows as half blocks, on a diverging scale centred at 0: blue is
negative, red positive. Without, a character shows one row in shades of its size.
"""

from collections.abc import Iterator
from math import isfinite

from rnncli.render import Target
from rnncli.render.grid import BOLD, Line, Part, styled
from rnncli.render.text import printable
from rnncli.report import Picture

MARGIN = 7  # characters left of the picture, for the axis of rows
LINES = 32  # of a picture at most
_LEVELS = "▁▂▃▄▅▆▇█"
_SHADES = " ░▒▓█"
_ASCII = " .:*#"
_BAD = "!"  # where a value is no number
# The scale in the 256 colours that terminals share, from 0 outwards, always darker.
_HOT = (231, 230, 229, 222, 216, 215, 209, 203, 196, 160, 124, 88)
_COLD = (231, 195, 159, 153, 117, 111, 75, 69, 63, 21, 19, 17)
_GREEN = 46  # where a value is no number; nowhere on the scale


def room(columns: int | None, color: bool, unicode: bool) -> tuple[int, int]:
    """Return how many columns and rows a picture can have on a page of so many characters."""
    return max(10, (columns or 80) - MARGIN), LINES * (2 if color and unicode else 1)


def draw(picture: Picture, target: Target) -> list[str]:
    """Return the norm of the state as a line, the picture under it, axes and scale."""
    color, unicode = target.color, target.unicode
    return [styled(target, line) for line in parts_of(picture, color, unicode)]


def parts_of(picture: Picture, color: bool, unicode: bool) -> Iterator[Line]:
    """Yield the lines of the picture, for a terminal with or without colour."""
    values = [value for row in picture.values for value in row]
    limit = max((abs(value) for value in values if isfinite(value)), default=0.0) or 1.0
    bad = not all(map(isfinite, values))
    yield [(printable(picture.title), BOLD)]
    line, top = _line(picture.norms, unicode)
    yield [(f"{'norm':>{MARGIN - 1}} {line}", "")]
    yield from _rows(picture, limit, color, unicode)
    columns = len(picture.norms)
    yield [(f"{'':{MARGIN}}{_axis(picture.size[0], columns)}", "")]
    yield _scale(limit, bad, color, unicode)
    yield [(f"{'':{MARGIN}}norm up to {top:.3g}", "")]
    for what, whole, part, parts in (
        ("steps", picture.size[0], columns, "columns"),
        ("units", picture.size[1], len(picture.values), "rows"),
    ):
        if part < whole:
            mean = f"each the mean of {whole / part:.3g} {what}"
            yield [(f"{'':{MARGIN}}{whole:,} {what} in {part} {parts}, {mean}", "")]


def _line(values: tuple[float, ...], unicode: bool) -> tuple[str, float]:
    """Return the values as the heights of one line of characters, and the largest."""
    levels = _LEVELS if unicode else _ASCII
    top = max(filter(isfinite, values), default=0.0)
    return "".join(_level(value / (top or 1.0), levels) for value in values), top


def _level(share: float, levels: str) -> str:
    """Return the character for a share from 0 to 1 of the largest value."""
    return levels[min(len(levels) - 1, int(share * len(levels)))] if isfinite(share) else _BAD


def _rows(picture: Picture, limit: float, color: bool, unicode: bool) -> Iterator[Line]:
    """Yield the lines of the picture, each with the number of its first unit."""
    rows, units = picture.values, picture.size[1]
    shades = _SHADES if unicode else _ASCII
    halves = color and unicode
    for index in range(0, len(rows), 2 if halves else 1):
        label = f"{1 + index * units // len(rows)}"
        line: list[Part] = [(f"{label if index else f'unit {label}':>{MARGIN - 1}} ", "")]
        if halves:
            below = rows[index + 1] if index + 1 < len(rows) else None
            for column, upper in enumerate(rows[index]):
                back = "" if below is None else f";48;5;{_color(below[column] / limit)}"
                line.append(("▀", f"38;5;{_color(upper / limit)}{back}"))
        else:
            line.append(("".join(_level(abs(v) / limit, shades) for v in rows[index]), ""))
        yield line


def _axis(steps: int, columns: int) -> str:
    """Return the axis of steps: the first and the last under their columns, where there is room."""
    last = f"{steps:,}"
    middle = "step".center(columns - 2 * len(last))
    if columns < 2 * len(last) + len(" step "):
        return "step 1" if steps == 1 else f"step 1 to {last}"
    return f"{'1':<{len(last)}}{middle}{last}"


def _color(share: float) -> int:
    """Return the colour of a value between -1 and 1."""
    if not isfinite(share):
        return _GREEN
    ramp = _HOT if share > 0 else _COLD
    return ramp[round(min(1.0, abs(share)) * (len(ramp) - 1))]


def _scale(limit: float, bad: bool, color: bool, unicode: bool) -> Line:
    """Return the legend of the scale, with what stands for NaN and Inf if any is `bad`."""
    if color and unicode:
        line = [(f"{'':{MARGIN}}{-limit:.3g} ", "")]
        end = len(_HOT) - 1
        line += [("█", f"38;5;{_color(step / end)}") for step in range(-end, end + 1)]
        line.append((f" {limit:.3g}", ""))
        return [*line, ("   ", ""), ("█", f"38;5;{_GREEN}"), (" NaN or Inf", "")] if bad else line
    shades = _SHADES if unicode else _ASCII
    text = f"{'':{MARGIN}}0 {shades} {limit:.3g} (size; the sign is not shown)"
    return [(f"{text}   {_BAD} NaN or Inf" if bad else text, "")]
