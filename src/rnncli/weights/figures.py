"""Figures of arrays of any size, gathered block by block."""

from collections.abc import Sequence
from math import isfinite, prod, sqrt
from typing import NamedTuple

import numpy as np

from rnncli.forward.blocks import VALUES, Values, blocks, size, whole
from rnncli.forward.statistics import Stats
from rnncli.layers.op import Array, Notes
from rnncli.weights.layouts import GateAxis

BINS = 16


class Figures(NamedTuple):
    """What is known of values, None where they could not be read.

    All but the counts are of the finite values, None without any. `norm` is the root of the sum
    of squares; `histogram` counts values in bins of equal width from `min` to `max`.
    """

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    norm: float | None
    zeros: int | None
    nan: int | None
    inf: int | None
    histogram: tuple[int, ...] | None


class _Share:
    """What is gathered of one gate, or of a whole weight."""

    def __init__(self) -> None:
        self.stats, self.squares = Stats(), 0.0
        self.zeros = self.nan = self.inf = self.size = 0
        self.bins: Array | None = None

    def add(self, block: Array) -> None:
        """Take values into account."""
        missing, endless = np.isnan(block), np.isinf(block)
        self.nan += int(missing.sum())
        self.inf += int(endless.sum())
        self.size += block.size
        finite = wide(block[~(missing | endless)])
        self.zeros += int(np.count_nonzero(finite == 0))
        self.squares += float(np.square(np.abs(finite)).sum())
        if block.dtype.kind != "c":
            self.stats.add(finite)

    def sort(self, block: Array) -> None:
        """Count values per bin, once the extremes are known."""
        low, high = self.stats.low, self.stats.high
        if self.stats.count and isfinite(high - low):
            doubled = wide(block)
            bins = np.histogram(doubled[np.isfinite(doubled)], BINS, (low, high))[0]
            self.bins = bins if self.bins is None else self.bins + bins

    def figures(self, times: int) -> Figures:
        """Return the figures of values each of which is there several times."""
        found, some = self.stats.summary(Notes()), self.size > self.nan + self.inf
        return Figures(
            found["min"], found["max"], found["mean"], found["std"],
            sqrt(times * self.squares) if some else None,
            times * self.zeros, times * self.nan, times * self.inf,
            None if self.bins is None else tuple(times * int(count) for count in self.bins),
        )  # fmt: skip


def figures(parts: Sequence[Values], gates: GateAxis | None = None) -> list[Figures]:
    """Return the figures of the values that the parts hold between them, or of each gate.

    A part that is larger than a block is read twice. Several parts are one gate each. Of complex
    numbers there are the norm and the counts alone.
    """
    parts, times = [whole(each) if size(each) <= VALUES else each for each in parts], 1
    if len(parts) == 1:
        parts[0], times = once(parts[0], kept=gates and gates.axis)
    shares = [_Share() for _ in range(len(gates.names) if gates else 1)]
    for take in (_Share.add, _Share.sort):
        for number, part in enumerate(parts):
            for index, (block,) in blocks(part):
                if gates is None or len(parts) > 1:
                    take(shares[number if gates else 0], block)
                else:
                    for gate, share in gates.shares(index, block):
                        take(shares[gate], share)
    return [share.figures(times) for share in shares]


def once(values: Values, *others: Values, kept: int | None = None) -> tuple[Values, int]:
    """Return the values without those that a stride of 0 repeats, and how often each is there.

    A file of a few bytes can state a tensor of any size in this way. An axis counts as repeated
    where it is in all `others` too, and is not to be `kept`.
    """
    arrays = [each for each in (values, *others) if isinstance(each, np.ndarray)]
    if len(arrays) <= len(others) or not size(values):
        return values, 1
    repeated = [axis for axis in range(arrays[0].ndim)
                if axis != kept and not any(each.strides[axis] for each in arrays)]  # fmt: skip
    index = tuple(slice(0, 1) if axis in repeated else slice(None)
                  for axis in range(arrays[0].ndim))  # fmt: skip
    return arrays[0][index], prod(values.shape[axis] for axis in repeated)


def wide(block: Array) -> Array:
    """Return values in double precision, complex ones as such."""
    with np.errstate(invalid="ignore"):  # of signalling NaNs, which files may hold
        return block.astype(np.complex128 if block.dtype.kind == "c" else np.float64)
