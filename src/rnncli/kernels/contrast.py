"""The contrast of images `(batch, rows, columns, channels)`.

Contrast-limited adaptive histogram equalization after Zuiderveld (1994), as Keras has it
(`keras/src/layers/preprocessing/image_preprocessing/clahe.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Range = tuple[float, float]
_LEVELS = 256


def scaled(x: Array, old: Range, new: Range) -> Array:
    """Return values of the range `old` in the range `new`."""
    if tuple(old) == tuple(new):
        return x
    shares = (x - x.dtype.type(old[0])) / x.dtype.type(old[1] - old[0])
    result: Array = shares * x.dtype.type(new[1] - new[0]) + x.dtype.type(new[0])
    return result


def stretched(x: Array, low: float, high: float) -> Array:
    """Return images whose axes 1 and 2 fill the range; one of one colour stays as it is."""
    pixels = scaled(x, (low, high), (0, 255))
    least, most = (reduce(pixels, axis=(1, 2), keepdims=True) for reduce in (np.min, np.max))
    scale = x.dtype.type(255) / (most - least)
    filled = np.clip(pixels * scale - least * scale, 0, 255)
    filled = scaled(filled, (0, 255), (low, high))
    return np.where(np.isnan(filled), x, filled)


def equalized(x: Array, limit: float, grid: tuple[int, int]) -> Array:
    """Return images of levels 0 to 255 whose levels are as frequent as `limit` lets them be.

    Each tile of the grid has its own mapping; between the centres of tiles they are interpolated.
    """
    rows, columns = x.shape[1:3]
    tall, wide = -(-rows // grid[0]), -(-columns // grid[1])
    ends = [(0, 0), (0, tall * grid[0] - rows), (0, wide * grid[1] - columns), (0, 0)]
    levels = np.clip(np.pad(x, ends, mode="symmetric"), 0, 255).astype(np.int64)
    repeated = [(0, 0), (1, 1), (1, 1), (0, 0), (0, 0)]  # beyond the outermost centres
    maps = np.pad(_maps(levels, grid, (tall, wide), limit), repeated, mode="edge")
    (above, below, down), (left, right, across) = (
        _between(size, many) for size, many in zip((tall, wide), grid, strict=True)
    )
    batch, channel = np.arange(len(x))[:, None, None, None], np.arange(x.shape[-1])

    def mapped(row: Array, column: Array) -> Any:
        return maps[batch, row[:, None, None], column[:, None], channel, levels]

    down, across = down[:, None, None], across[:, None]
    top = mapped(above, left) * (1 - across) + mapped(above, right) * across
    bottom = mapped(below, left) * (1 - across) + mapped(below, right) * across
    result: Array = (top * (1 - down) + bottom * down)[:, :rows, :columns]
    return result


def _maps(levels: Array, grid: tuple[int, int], tile: tuple[int, int], limit: float) -> Array:
    """Return the new level of each old one in each tile, `(batch, *grid, channels, 256)`."""
    batch, channels, size = len(levels), levels.shape[-1], tile[0] * tile[1]
    tiles = levels.reshape(batch, grid[0], tile[0], grid[1], tile[1], channels)
    tiles = tiles.transpose(0, 1, 3, 5, 2, 4).reshape(-1, size)
    places = tiles + _LEVELS * np.arange(len(tiles))[:, None]
    counts = np.bincount(places.ravel(), minlength=_LEVELS * len(tiles))
    counts = counts.reshape(len(tiles), _LEVELS).astype(np.float32)
    if limit > 0:
        kept = np.minimum(counts, np.float32(limit * size / _LEVELS))
        counts = kept + (counts - kept).sum(axis=-1, keepdims=True) / np.float32(_LEVELS)
    total = counts.cumsum(axis=-1)
    least = total.min(axis=-1, keepdims=True)
    rest = np.float32(size) - least
    mapped: Array = np.clip((total - least) * 255 / np.where(rest == 0, 1, rest), 0, 255)
    return mapped.reshape(batch, *grid, channels, _LEVELS)


def _between(size: int, many: int) -> tuple[Array, Array, Array]:
    """Return, for each position of an axis, its two tiles and the share of the second."""
    place = (np.arange(size * many, dtype=np.float32) - np.float32(size / 2)) / size + 1
    first = np.floor(place)
    ends = (np.clip(first, 0, many + 1), np.clip(first + 1, 0, many + 1))
    return ends[0].astype(np.int64), ends[1].astype(np.int64), place - first
