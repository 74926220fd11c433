"""Windows moved over steps, images and volumes: convolutions and pools, channels on the last axis.

A convolution is a matrix product of windows with the kernel (Chellapilla et al., 2006), a block of
them at a time.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Sizes = tuple[int, ...]

_BORDERS = 1 << 24  # positions, borders included, that any input may be given
_BLOCK = 1 << 20  # bytes of windows that are copied side by side for one product


def ends(size: int, window: int, stride: int, dilation: int, padding: str) -> tuple[int, int]:
    """Return how many positions are added before and after an axis."""
    reach = dilation * (window - 1)
    if padding == "causal":
        return reach, 0
    if padding == "valid":
        return 0, 0
    total = max((-(-size // stride) - 1) * stride + reach + 1 - size, 0)
    return total // 2, total - total // 2


def windows(
    x: Array, window: Sizes, strides: Sizes, dilation: Sizes, padding: str, fill: float = 0.0
) -> Array:
    """Return a view `(batch, *positions, channels, *window)` of `x` `(batch, *space, channels)`."""
    axes = tuple(range(1, 1 + len(window)))
    sizes = zip(x.shape[1:-1], window, strides, dilation, strict=True)
    added = [ends(*each, padding) for each in sizes]
    if any(map(any, added)):
        _check_padding(x, added)
        x = np.pad(x, [(0, 0), *added, (0, 0)], constant_values=fill)
    reach = tuple(each * (size - 1) + 1 for size, each in zip(window, dilation, strict=True))
    view = sliding_window_view(x, reach, axis=axes)
    moved = (slice(None), *(slice(None, None, stride) for stride in strides), slice(None))
    return view[(*moved, *(slice(None, None, each) for each in dilation))]


def _check_padding(x: Array, added: Sequence[tuple[int, int]]) -> None:
    """Raises: ValueError where borders would take far more memory than all else."""
    size = prod(side + sum(ends) for side, ends in zip(x.shape[1:], added, strict=False))
    if size > max(_BORDERS, 1000 * prod(x.shape[1:-1])):
        raise ValueError(f"its borders would make {size:,} positions of {x.shape[1:-1]}")


def convolve(
    x: Array, kernel: Array, strides: Sizes, dilation: Sizes, padding: str, groups: int = 1
) -> Array:
    """Return `(batch, *positions, filters)`; `kernel` is `(*window, channels/groups, filters)`."""
    axes, depth, width = kernel.ndim - 2, kernel.shape[-2], kernel.shape[-1] // groups
    view = windows(x, kernel.shape[:axes], strides, dilation, padding)
    view = np.moveaxis(view, 1 + axes, -1)
    rows = prod(kernel.shape[:-1])
    outputs = np.empty((*view.shape[: 1 + axes], kernel.shape[-1]), np.result_type(x, kernel))
    for group in range(groups):
        share = kernel[..., group * width : (group + 1) * width].reshape(rows, width)
        channels = slice(group * depth, (group + 1) * depth)
        filters = slice(group * width, (group + 1) * width)
        for block in _blocks(outputs.shape[:-1], rows * x.dtype.itemsize):
            part = view[block]
            columns = part[..., channels].reshape(-1, rows)
            outputs[block][..., filters] = (columns @ share).reshape(*part.shape[: axes + 1], width)
    return outputs


def _blocks(positions: Sizes, size: int) -> Iterator[tuple[slice, slice]]:
    """Yield blocks of the batch and of the first axis whose windows, of `size` bytes per position,
    stay small enough for a processor's cache."""
    batch, first, *rest = positions
    row = max(size * prod(rest), 1)
    lines = min(max(_BLOCK // row, 1), max(first, 1))
    many = max(_BLOCK // (row * lines), 1) if lines >= first else 1
    for start in range(0, batch, many):
        for line in range(0, first, lines):
            yield slice(start, start + many), slice(line, line + lines)


def depthwise(x: Array, kernel: Array, strides: Sizes, dilation: Sizes, padding: str) -> Array:
    """Return `(batch, *positions, channels * depth)`; `kernel` is `(*window, channels, depth)`."""
    axes = kernel.ndim - 2
    view = windows(x, kernel.shape[:axes], strides, dilation, padding)
    total = np.zeros((*view.shape[: 1 + axes], *kernel.shape[-2:]), x.dtype)
    for tap in product(*map(range, kernel.shape[:axes])):
        part: Array = view[(Ellipsis, *tap)]  # type: ignore[arg-type]
        total += part[..., None] * kernel[tap]
    return total.reshape(*total.shape[:-2], -1)


def transposed(x: Array, kernel: Array, strides: Sizes, dilation: Sizes, sizes: Sizes) -> Array:
    """Return the transposed convolution `(batch, *sizes, filters)`.

    `kernel` is `(*window, filters, channels)`. What the forward convolution would have padded is
    cut off, as in TensorFlow's `conv2d_transpose`.
    """
    axes = kernel.ndim - 2
    geometry = list(zip(x.shape[1:-1], kernel.shape, strides, dilation, sizes, strict=False))
    full = [(n - 1) * stride + step * (k - 1) + 1 for n, k, stride, step, _ in geometry]
    before = [max(whole - each[4], 0) // 2 for whole, each in zip(full, geometry, strict=True)]
    reach = [max(whole, cut + each[4]) for whole, cut, each in zip(full, before, geometry,
                                                                    strict=True)]  # fmt: skip
    outputs = np.zeros((len(x), *reach, kernel.shape[-2]), x.dtype)
    for tap in product(*map(range, kernel.shape[:axes])):
        places = tuple(
            slice(at * step, at * step + (n - 1) * stride + 1, stride)
            for at, (n, _, stride, step, _) in zip(tap, geometry, strict=True)
        )
        outputs[(slice(None), *places)] += x @ kernel[tap].T
    kept = tuple(slice(cut, cut + each[4]) for cut, each in zip(before, geometry, strict=True))
    return outputs[(slice(None), *kept)]


def pooled(x: Array, window: Sizes, strides: Sizes, padding: str, average: bool) -> Array:
    """Return the largest or the mean of each window; padding is not averaged over."""
    ones, over = (1,) * len(window), tuple(range(-len(window), 0))
    if not average:
        largest: Array = windows(x, window, strides, ones, padding, -np.inf).max(axis=over)
        return largest
    here = windows(np.ones_like(x[:1]), window, strides, ones, padding).sum(axis=over)
    mean: Array = windows(x, window, strides, ones, padding).sum(axis=over) / here
    return mean


def adaptive(x: Array, sizes: Sizes, average: bool) -> Array:
    """Return pools of as many equal windows, overlapping where they must, as `sizes` says."""
    reduce = np.mean if average else np.max
    for axis, size in enumerate(sizes, 1):
        many = x.shape[axis]
        parts = []
        for index in range(size):
            start, stop = index * many // size, -(-(index + 1) * many // size)
            part = x.take(range(start, stop), axis=axis)
            parts.append(reduce(part, axis=axis, keepdims=True))
        x = np.concatenate(parts, axis=axis)
    return x
