"""Numbers of a tensor in other places: blocks of pixels into channels and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def depth_to_space(x: Array, block_size: int, data_format: str = "channels_last") -> Array:
    """Return images larger by `block_size` each way, whose pixels were channels."""
    if data_format == "channels_first":
        return np.moveaxis(depth_to_space(np.moveaxis(x, 1, -1), block_size), -1, 1)
    batch, rows, columns, channels = x.shape
    deep = channels // block_size**2
    apart = x.reshape(batch, rows, columns, block_size, block_size, deep)
    return apart.transpose(0, 1, 3, 2, 4, 5).reshape(
        batch, rows * block_size, columns * block_size, deep
    )


def space_to_depth(x: Array, block_size: int, data_format: str = "channels_last") -> Array:
    """Return images smaller by `block_size` each way, whose channels were pixels."""
    if data_format == "channels_first":
        return np.moveaxis(space_to_depth(np.moveaxis(x, 1, -1), block_size), -1, 1)
    batch, rows, columns, channels = x.shape
    high, wide = rows // block_size, columns // block_size
    apart = x.reshape(batch, high, block_size, wide, block_size, channels)
    return apart.transpose(0, 1, 3, 2, 4, 5).reshape(batch, high, wide, block_size**2 * channels)
