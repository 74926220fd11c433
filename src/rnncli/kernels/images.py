"""Images of another size, `(batch, rows, columns, channels)`.

Each axis is a matrix of weights, pixel centres at half positions, as `tf.image.resize` has it
without antialiasing. Kernels: bicubic after Keys (1981) with a = -0.5, Lanczos windows of 3 and 5.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _cubic(x: Array) -> Array:
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(radius: int) -> Callable[[Array], Array]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


_KERNELS: dict[str, tuple[Callable[[Array], Array], float]] = {
    "bilinear": (lambda x: np.maximum(1 - x, 0), 1),
    "bicubic": (_cubic, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
}


def _weights(size: int, new: int, method: str, antialias: bool) -> Array:
    """Return `(new, size)`: what each old pixel adds to each new one; rows sum to 1."""
    scale = size / new
    centres = (np.arange(new) + 0.5) * scale
    if method == "nearest":
        nearest: Array = np.eye(size)[np.minimum(np.floor(centres).astype(int), size - 1)]
        return nearest
    kernel, radius = _KERNELS[method]
    if method == "bicubic" and not antialias:  # TensorFlow looks them up in a table of 1,024
        centres = np.round((centres - 0.5) * 1024) / 1024 + 0.5
    wide = max(scale, 1.0) if antialias else 1.0
    distance = np.abs(np.arange(size) + 0.5 - centres[:, None]) / wide
    if method == "bilinear" and not antialias:  # past the outermost centres the border repeats
        centres = np.clip(centres, 0.5, size - 0.5)
        distance = np.abs(np.arange(size) + 0.5 - centres[:, None])
    weights = np.where(distance <= radius, kernel(distance), 0)
    shares: Array = weights / weights.sum(axis=1, keepdims=True)
    return shares


def resized(x: Array, size: tuple[int, int], method: str, antialias: bool = False) -> Array:
    """Return `(batch, *size, channels)` by a method of Keras: nearest, bilinear, bicubic, …"""
    for axis, new in enumerate(size, 1):
        weights = _weights(x.shape[axis], new, method, antialias).astype(x.dtype)
        x = np.moveaxis(np.tensordot(x, weights, axes=(axis, 1)), -1, axis)
    return x


def is_known(method: str) -> bool:
    """Whether `resized` knows the method."""
    return method == "nearest" or method in _KERNELS


def _excess(old: tuple[int, int], new: tuple[int, int]) -> tuple[int, int]:
    """Return height and width of the ratio of `new` that the other side of `old` leads to."""
    (height, width), (tall, wide) = old, new
    return int(float(width * tall) / wide), int(float(height * wide) / tall)


def cropped(x: Array, size: tuple[int, int]) -> Array:
    """Return the largest middle of the images that has the ratio of `size`."""
    old: tuple[int, int] = x.shape[1:3]
    sides = [max(min(a, b), 1) for a, b in zip(old, _excess(old, size), strict=True)]
    top, left = ((a - b) // 2 for a, b in zip(old, sides, strict=True))
    return x[:, top : top + sides[0], left : left + sides[1]]


def padded(x: Array, size: tuple[int, int], value: float) -> Array:
    """Return the images with borders that bring them near the ratio of `size`."""
    old: tuple[int, int] = x.shape[1:3]
    tall, wide = ((max(a, b) - a) // 2 for a, b in zip(old, _excess(old, size), strict=True))
    ends = [(0, 0), (tall, tall), (wide, wide), (0, 0)]
    return np.pad(x, ends, constant_values=value)
