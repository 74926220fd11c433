"""Linear algebra that NumPy has not, or has otherwise than `keras.ops`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def cholesky(x: Array, upper: bool = False) -> Array:
    """Return the lower factor, or its transpose where `upper`."""
    lower = np.linalg.cholesky(x)
    return np.swapaxes(lower, -1, -2) if upper else lower


def cholesky_inverse(x: Array, upper: bool = False) -> Array:
    """Return the inverse of the matrix whose Cholesky factor is `x`."""
    factor = np.swapaxes(x, -1, -2) if upper else x
    whole = factor @ np.swapaxes(factor, -1, -2)
    return np.linalg.inv(whole)


def cross(
    x1: Array, x2: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """Return the product of vectors of 2 or 3 numbers; of two of 2, only the third number."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(np.asarray(x1), axisa, -1), np.moveaxis(np.asarray(x2), axisb, -1)
    flat = a.shape[-1] == b.shape[-1] == 2
    a, b = (_three(each) for each in (a, b))
    found = np.stack([a[..., i] * b[..., j] - a[..., j] * b[..., i]
                      for i, j in ((1, 2), (2, 0), (0, 1))], -1)  # fmt: skip
    return found[..., 2] if flat else np.moveaxis(found, -1, axisc)


def _three(vectors: Array) -> Array:
    if vectors.shape[-1] == 3:
        return vectors
    return np.concatenate([vectors, np.zeros_like(vectors[..., :1])], -1)


def solve(a: Array, b: Array) -> Array:
    """Return x where `a @ x` is b; b is `(..., n)` or `(..., n, k)`."""
    b = np.asarray(b)
    if b.ndim == np.asarray(a).ndim - 1:
        return np.linalg.solve(a, b[..., None])[..., 0]
    return np.linalg.solve(a, b)


def lu_factor(x: Array) -> tuple[Array, Array]:
    """Return both factors in one matrix, and the row that each row was swapped with."""
    found = np.array(x)
    size = min(found.shape[-2:])
    pivots = np.zeros((*found.shape[:-2], size), np.int32)
    for place in np.ndindex(found.shape[:-2]):
        one = found[place]
        for row in range(size):
            best = row + int(np.abs(one[row:, row]).argmax())
            pivots[(*place, row)] = best
            one[[row, best]] = one[[best, row]]
            if one[row, row]:
                one[row + 1 :, row] /= one[row, row]
                one[row + 1 :, row + 1 :] -= np.outer(one[row + 1 :, row], one[row, row + 1 :])
    return found, pivots
