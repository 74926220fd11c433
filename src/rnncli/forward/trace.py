"""What is seen of a sequence step by step, kept in bounded memory and drawn as means."""

from collections.abc import Sequence

import numpy as np

from rnncli.layers.op import Array

BINS = 4096  # kept at most; more steps share one, so that a sequence of any length can be seen

Means = tuple[tuple[float, ...], ...]


class Trace:
    """A row of values and a norm per step, summed in bins of `1, 2, 4, ...` steps."""

    def __init__(self, title: str, reverse: bool) -> None:
        self.title, self.reverse = title, reverse
        self.steps = self.units = 0
        self.size = 1  # steps in a bin
        self.sums: Array = np.empty((0, 0))

    def add(self, values: Array, norm: float) -> None:
        """Take the values `(units,)` of the next step that was taken."""
        if not self.steps:
            self.units = len(values)
            self.sums = np.zeros((BINS, self.units + 1))
        elif self.steps == BINS * self.size:
            self.sums[: BINS // 2] = self.sums[::2] + self.sums[1::2]
            self.sums[BINS // 2 :] = 0
            self.size *= 2
        row = self.sums[self.steps // self.size]
        row[:-1] += values
        row[-1] += norm
        self.steps += 1

    def means(self, columns: int, rows: int) -> tuple[Means, tuple[float, ...]]:
        """Return the values as `rows` of units by `columns` of steps at most, and the norms.

        The first step of the sequence comes first, whichever way it was read.
        """
        if not self.steps:
            return (), ()
        used = -(-self.steps // self.size)
        counts = np.full(used, self.size)
        counts[-1] = self.steps - (used - 1) * self.size
        starts = _starts(used, columns)
        sums = np.add.reduceat(self.sums[:used], starts)
        found = sums / np.add.reduceat(counts, starts)[:, None]
        if self.reverse:
            found = found[::-1]
        starts = _starts(self.units, rows)
        sizes = np.diff([*starts, self.units])
        values = np.add.reduceat(found[:, :-1], starts, axis=1) / sizes
        return tuple(map(_floats, values.T)), _floats(found[:, -1])


def _starts(length: int, parts: int) -> Array:
    """Return where each of `parts` even parts begins, all of them where there are fewer."""
    count = min(length, parts)
    return np.arange(count) * length // count


def _floats(values: Array) -> tuple[float, ...]:
    found: Sequence[float] = values.tolist()
    return tuple(found)
