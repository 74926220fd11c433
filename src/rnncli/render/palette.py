"""The diverging palette of pictures: blue is low, near white the middle, red high.

It is even to the eye: from the middle outwards each stop is as far from the one before, in CIELAB,
as the next, and as dark on either side. Values at a bound of their activation have colours of their
own, beyond the ends of the palette.
"""

from math import isfinite
from typing import NamedTuple

from rnncli.report import Picture

NEAR = 1e-3  # of the range between the bounds: how near one counts as saturated

# From CIELAB (96, 0, 0) to (40, 8, -46) and to (40, 56, 34).
COLD = ("f3f3f3", "dcdfea", "c5cce1", "aeb8d8", "96a5cf", "7d93c6", "6481bc", "476fb3", "1d5eaa")
HOT = ("f3f3f3", "f1dbd8", "ecc2bd", "e6aaa2", "df9288", "d67970", "cc6058", "c14640", "b4252a")
# The nearest of the 256 colours that terminals share.
COLD_256 = (255, 189, 153, 111, 69, 62, 26, 25)
HOT_256 = (255, 224, 217, 210, 203, 167, 160, 124)


class Mark(NamedTuple):
    """A colour of its own: in hexadecimal, and among 256."""

    hex: str
    code: int


LOW, HIGH, BAD = Mark("00d7ff", 45), Mark("ffd700", 220), Mark("ff00ff", 201)


def place(picture: Picture, value: float) -> float:
    """Return where a value stands on the scale: -1 its low end, 0 the middle, 1 its high end."""
    low, high = picture.scale
    share = (2 * value - low - high) / (high - low)
    return max(-1.0, min(1.0, share)) if isfinite(value) else value


def mark(picture: Picture, value: float) -> Mark | None:
    """Return the colour of a value that is no number or near a bound, None for others."""
    if not isfinite(value):
        return BAD
    if picture.bounds is None:
        return None
    low, high = picture.bounds
    margin = NEAR * (high - low)
    return HIGH if value >= high - margin else LOW if value <= low + margin else None


def hexadecimal(share: float) -> str:
    """Return the colour of a place on the scale, from -1 to 1, as `rrggbb`."""
    stops = HOT if share > 0 else COLD
    at = abs(share) * (len(stops) - 1)
    index = min(int(at), len(stops) - 2)
    pairs = zip(bytes.fromhex(stops[index]), bytes.fromhex(stops[index + 1]), strict=True)
    return bytes(round(a + (b - a) * (at - index)) for a, b in pairs).hex()


def code(share: float) -> int:
    """Return the colour of a place on the scale, from -1 to 1, among 256."""
    ramp = HOT_256 if share > 0 else COLD_256
    return ramp[round(abs(share) * (len(ramp) - 1))]
