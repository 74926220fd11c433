"""Values in blocks: those of arrays, and those that a file holds and are read where asked for."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any, Protocol

import numpy as np

from rnncli.layers.op import Array

VALUES = 1 << 20  # of a block; more where a chunk of the file has more
_CHUNKS = 1 << 10  # of a file, in one block: the library takes some 6 KB for each
Index = tuple[slice, ...]


class Values(Protocol):
    """An array, or a dataset of HDF5: one that is stored in chunks says so in `chunks`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""

    def __getitem__(self, index: Index, /) -> Any:
        """Return a part as an array."""


def blocks(*values: Values) -> Iterator[tuple[Index, tuple[Array, ...]]]:
    """Yield all values of arrays of one shape in blocks, with the place of each block.

    A chunk of a file is unpacked whole, so blocks end where chunks do.
    """
    for index in _places(values[0].shape, _grain(values)):
        yield index, tuple(np.asarray(each[index]) for each in values)


def whole(values: Values) -> Array:
    """Return all values as an array."""
    if isinstance(values, np.ndarray):
        return values
    found = np.empty(values.shape, values.dtype)
    for index, (block,) in blocks(values):
        found[index] = block
    return found


def size(values: Values) -> int:
    """Return the number of values."""
    return prod(values.shape)


def _grain(values: tuple[Values, ...]) -> tuple[int, ...] | None:
    """Return the largest chunk along each axis, None where there are none."""
    grains = [grain for each in values if (grain := getattr(each, "chunks", None))]
    return tuple(map(max, zip(*grains, strict=True))) if grains else None


def _places(shape: tuple[int, ...], grain: tuple[int, ...] | None) -> Iterator[Index]:
    sizes = _block(shape, grain)
    starts = (range(0, length, step) for length, step in zip(shape, sizes, strict=True))
    for corner in product(*starts):
        yield tuple(slice(at, min(at + step, length))
                    for at, step, length in zip(corner, sizes, shape, strict=True))  # fmt: skip


def _block(shape: tuple[int, ...], grain: tuple[int, ...] | None) -> list[int]:
    """Return the shape of a block: a grain, made larger from the last axis on."""
    found, left = list(grain or (1,) * len(shape)), _CHUNKS if grain else VALUES
    for axis in reversed(range(len(shape))):
        needed = -(-shape[axis] // found[axis])
        taken = max(1, min(needed, left, VALUES // max(1, prod(found))))
        found[axis] *= taken
        left //= taken
        if taken < needed:
            break
    return found
