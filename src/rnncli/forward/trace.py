"""What is seen of a sequence step by step, kept in bounded memory and drawn as extremes."""

from collections.abc import Sequence

import numpy as np

from rnncli.kernels.activation_layers import Bounds
from rnncli.kernels.activations import near
from rnncli.layers.op import Array

BINS = 4096  # kept at most; more steps share one, so that a sequence of any length can be seen

Rows = tuple[tuple[float, ...], ...]


class Trace:
    """The values and a norm of each step, of which bins of `1, 2, 4, ...` steps keep the extremes.

    `bounds` are what the values cannot leave, None where there are none.
    """

    def __init__(self, title: str, reverse: bool, bounds: Bounds | None = None) -> None:
        self.title, self.reverse, self.bounds = title, reverse, bounds
        self.steps = self.units = self.near = 0
        self.size = 1  # steps in a bin
        self.low: Array = np.empty((0, 0))  # a row per bin: the units, then the norm
        self.high = self.low

    def add(self, values: Array, norm: float) -> None:
        """Take the values `(units,)` of the next step that was taken."""
        if not self.steps:
            self.units = len(values)
            self.low = np.full((BINS, self.units + 1), np.inf)
            self.high = -self.low
        elif self.steps == BINS * self.size:
            for kept, extreme in ((self.low, np.minimum), (self.high, np.maximum)):
                kept[: BINS // 2] = extreme(kept[::2], kept[1::2])
            self.low[BINS // 2 :], self.high[BINS // 2 :] = np.inf, -np.inf
            self.size *= 2
        row = [*values, norm]
        place = self.steps // self.size
        np.minimum(self.low[place], row, out=self.low[place])
        np.maximum(self.high[place], row, out=self.high[place])
        self.near += near(self.bounds, values)
        self.steps += 1

    @property
    def saturated(self) -> float | None:
        """The share of all values that are near a bound, None where there are no bounds."""
        return self.near / (self.steps * self.units) if self.bounds and self.steps else None

    def scale(self, auto: bool) -> Bounds:
        """Return the values at the ends of the palette: the bounds, or with `auto` the extremes.

        Values that may be negative have a scale with 0 in its middle.
        """
        if self.bounds and not auto:
            return self.bounds
        used = -(-self.steps // self.size)
        ends = np.array([extremes[:used, :-1] for extremes in (self.low, self.high)])
        ends = ends[np.isfinite(ends)]
        low, high = (float(ends.min()), float(ends.max())) if ends.size else (0.0, 0.0)
        if self.bounds != (0, 1):
            low, high = min(low, -high), max(high, -low)
        return (low, high) if low < high else (low - 1, high + 1)

    def cells(self, columns: int, rows: int) -> tuple[Rows, tuple[float, ...]]:
        """Return the values as `rows` of units by `columns` of steps at most, and the norms.

        Of the values that share a cell it is the one of largest magnitude; between 0 and 1 the one
        farthest from 0.5, so that a closed gate shows as an open one does. The first step of the
        sequence comes first, whichever way it was read.
        """
        if not self.steps:
            return (), ()
        used = -(-self.steps // self.size)
        starts = _starts(used, columns)
        low = np.minimum.reduceat(self.low[:used], starts)
        high = np.maximum.reduceat(self.high[:used], starts)
        if self.reverse:
            low, high = low[::-1], high[::-1]
        starts = _starts(self.units, rows)
        middle = sum(self.bounds or (0, 0)) / 2
        least = np.minimum.reduceat(low[:, :-1], starts, axis=1)
        most = np.maximum.reduceat(high[:, :-1], starts, axis=1)
        values = np.where(most - middle >= middle - least, most, least)
        return tuple(map(_floats, values.T)), _floats(high[:, -1])


def _starts(length: int, parts: int) -> Array:
    """Return where each of `parts` even parts begins, all of them where there are fewer."""
    count = min(length, parts)
    return np.arange(count) * length // count


def _floats(values: Array) -> tuple[float, ...]:
    found: Sequence[float] = values.tolist()
    return tuple(found)
