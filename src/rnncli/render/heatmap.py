"""A state over time as a picture for the terminal.

With colour each character shows two rows as half blocks, on a diverging scale centred at 0: blue is
negative, red positive. Without, a character shows one row in shades of its size.
"""

from typing import TYPE_CHECKING

from rnncli.render.text import printable
from rnncli.report import Picture

if TYPE_CHECKING:
    from rich.text import Text

MARGIN = 7  # characters left of the picture, for the axis of rows
_LEVELS = "▁▂▃▄▅▆▇█"
_SHADES = " ░▒▓█"
_ASCII = " .:*#"
_COLD, _ZERO, _HOT = (40, 90, 200), (238, 238, 238), (200, 40, 50)  # RGB at -limit, 0, +limit


def draw(picture: Picture, color: bool, unicode: bool) -> "Text":
    """Return the norm of the state as a line, the picture under it, axes and scale."""
    from rich.text import Text

    limit = max((abs(value) for row in picture.values for value in row), default=0.0) or 1.0
    text = Text().append(printable(picture.title), "bold").append("\n")
    text.append(f"{'norm':>{MARGIN - 1}} ").append(_line(picture.norms, unicode))
    text.append(f"  max {max(picture.norms, default=0.0):.3g}\n")
    _rows(text, picture, limit, color, unicode)
    steps, units = picture.size
    columns = len(picture.values[0]) if picture.values else 0
    text.append(f"{'':{MARGIN}}{'1':<{max(1, columns - len(str(steps)))}}{steps}  step\n")
    text.append(_scale(limit, color, unicode))
    for what, whole, shown in (("steps", steps, columns), ("units", units, len(picture.values))):
        if shown < whole:
            factor = f"each {what[:-1]} drawn is the mean of {whole / shown:.3g} {what}"
            text.append(f"\n{'':{MARGIN}}{factor}")
    return text


def _line(values: tuple[float, ...], unicode: bool) -> str:
    """Return the values as the heights of one line of characters."""
    levels = _LEVELS if unicode else _ASCII
    top = max(values, default=0.0) or 1.0
    return "".join(levels[min(len(levels) - 1, int(value / top * len(levels)))] for value in values)


def _rows(text: "Text", picture: Picture, limit: float, color: bool, unicode: bool) -> None:
    from rich.style import Style
    from rich.text import Text

    rows = picture.values
    units = picture.size[1]
    halves = color and unicode
    for index in range(0, len(rows), 2 if halves else 1):
        unit = 1 + index * units // len(rows)
        text.append(f"{unit:>{MARGIN - 1}} ")
        if halves:
            below = rows[index + 1] if index + 1 < len(rows) else None
            for column, upper in enumerate(rows[index]):
                back = None if below is None else _rgb(below[column] / limit)
                text.append("▀", Style(color=_rgb(upper / limit), bgcolor=back))
        else:
            shades = _SHADES if unicode else _ASCII
            line = (shades[_shade(value / limit, len(shades))] for value in rows[index])
            text.append_text(Text("".join(line)))
        text.append("\n")


def _shade(share: float, levels: int) -> int:
    return min(levels - 1, int(abs(share) * levels))


def _rgb(share: float) -> str:
    """Return the colour of a value between -1 and 1."""
    end = _HOT if share > 0 else _COLD
    size = min(1.0, abs(share))
    mixed = (round(zero + (to - zero) * size) for zero, to in zip(_ZERO, end, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _scale(limit: float, color: bool, unicode: bool) -> "Text":
    """Return the legend of the scale."""
    from rich.style import Style
    from rich.text import Text

    if color and unicode:
        text = Text(f"{'':{MARGIN}}{-limit:.3g} ")
        for step in range(-8, 9):
            text.append("█", Style(color=_rgb(step / 8)))
        return text.append(f" {limit:.3g}")
    shades = _SHADES if unicode else _ASCII
    return Text(f"{'':{MARGIN}}0 {shades} {limit:.3g} (size; the sign is not shown)")
