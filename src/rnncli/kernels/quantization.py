"""Values of few bits: unpacked, scaled, rounded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_FLOAT8_MAX, _FLOAT8_LEAST = 448.0, -6  # of float8_e4m3fn: largest value, least normal exponent
_FLOAT8_BITS = 3  # of its mantissa
_EPSILON = 1e-7  # Keras's


def unpacked(packed: Array, size: int, axis: int, signed: bool = True) -> Array:
    """Return the values of 4 bits, two a byte along an axis, of which there are `size`."""
    pairs = np.moveaxis(packed.astype(np.int64) & 0xFF, axis, 0)
    values = np.stack((pairs & 0xF, pairs >> 4), axis=1).reshape(-1, *pairs.shape[1:])[:size]
    if signed:
        values = (values ^ 8) - 8
    return np.moveaxis(values, 0, axis)


def grouped(values: Array, scale: Array, zero: Array, group: Array, axis: int) -> Array:
    """Return values less their group's zero, times its scale; groups go along `axis`."""
    index = group.astype(np.int64)
    result: Array = (values - zero.take(index, axis)) * scale.take(index, axis)
    return result


def rounded(x: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return whole numbers from -127 to 127, and what `x` was multiplied with to get them."""
    largest = np.abs(x).max(axis=axes, keepdims=True)
    scale = (127 / (largest + x.dtype.type(_EPSILON))).astype(x.dtype)
    return np.clip(np.round(x * scale), -127, 127), scale


def through_float8(x: Array, scale: Array) -> Array:
    """Return `x` as float8_e4m3fn holds it in units of `scale`."""
    y = np.clip(x / scale, -_FLOAT8_MAX, _FLOAT8_MAX)
    _, exponent = np.frexp(y)
    step = np.exp2(np.maximum(exponent - 1, _FLOAT8_LEAST) - _FLOAT8_BITS)
    result: Array = (np.round(y / step) * step * scale).astype(x.dtype)
    return result


def through_bfloat16(x: Array) -> Array:
    """Return `x` as bfloat16 holds it, rounded to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded_up = bits + 0x7FFF + ((bits >> 16) & 1)
    return (rounded_up & np.uint32(0xFFFF0000)).view(np.float32).astype(x.dtype)
