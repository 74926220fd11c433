"""Figures of arrays of any size, gathered block by block."""

from collections.abc import Iterator
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np

from rnncli.forward.statistics import Stats
from rnncli.layers.op import Array, Notes

BINS = 16
_BLOCK = 1 << 20  # values at a time


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


def figures(array: Array) -> Figures:
    """Return the figures of an array; of complex numbers the norm and the counts alone."""
    array, times = once(array)
    stats, squares, zeros, nan, inf = Stats(), 0.0, 0, 0, 0
    for block in blocks(array):
        missing, endless = np.isnan(block), np.isinf(block)
        nan, inf = nan + int(missing.sum()), inf + int(endless.sum())
        finite = _wide(block[~(missing | endless)])
        zeros += int(np.count_nonzero(finite == 0))
        squares += float(np.square(np.abs(finite)).sum())
        if array.dtype.kind != "c":
            stats.add(finite)
    found = stats.summary(Notes())
    some = array.size > nan + inf
    histogram = _histogram(array, stats.low, stats.high) if stats.count else None
    return Figures(
        found["min"], found["max"], found["mean"], found["std"],
        sqrt(times * squares) if some else None, times * zeros, times * nan, times * inf,
        None if histogram is None else tuple(times * count for count in histogram),
    )  # fmt: skip


def once(array: Array, *others: Array) -> tuple[Array, int]:
    """Return the values without those that a stride of 0 repeats, and how often each is there.

    A file of a few bytes can state a tensor of any size in this way. An axis counts as repeated
    where it is in all `others` too.
    """
    strides = [each.strides for each in (array, *others)]
    repeated = [axis for axis in range(array.ndim) if not any(each[axis] for each in strides)]
    if not array.size or not repeated:
        return array, 1
    index = tuple(slice(0, 1) if axis in repeated else slice(None) for axis in range(array.ndim))
    return array[index], array.size // array[index].size


def blocks(array: Array) -> Iterator[Array]:
    """Yield all values, flat, in blocks of bounded size."""
    if array.size <= _BLOCK:
        yield array.reshape(-1)
        return
    row = array.size // len(array)
    if row > _BLOCK:
        for part in array:
            yield from blocks(part)
        return
    count = _BLOCK // row
    for start in range(0, len(array), count):
        yield array[start : start + count].reshape(-1)


def _wide(block: Array) -> Array:
    return block.astype(np.complex128 if block.dtype.kind == "c" else np.float64)


def _histogram(array: Array, low: float, high: float) -> tuple[int, ...] | None:
    if not isfinite(high - low):
        return None
    total = np.zeros(BINS, np.int64)
    for block in blocks(array):
        wide = _wide(block)
        total += np.histogram(wide[np.isfinite(wide)], BINS, (low, high))[0]
    return tuple(map(int, total))
