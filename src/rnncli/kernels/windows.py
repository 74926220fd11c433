"""Windows moved over steps, images and volumes: convolutions and pools, channels on the last axis.

A convolution is one matrix product of all windows with the kernel (Chellapilla et al., 2006).
"""

from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Sizes = tuple[int, ...]


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
        x = np.pad(x, [(0, 0), *added, (0, 0)], constant_values=fill)
    reach = tuple(each * (size - 1) + 1 for size, each in zip(window, dilation, strict=True))
    view = sliding_window_view(x, reach, axis=axes)
    moved = (slice(None), *(slice(None, None, stride) for stride in strides), slice(None))
    return view[(*moved, *(slice(None, None, each) for each in dilation))]


def convolve(
    x: Array, kernel: Array, strides: Sizes, dilation: Sizes, padding: str, groups: int = 1
) -> Array:
    """Return `(batch, *positions, filters)`; `kernel` is `(*window, channels/groups, filters)`."""
    axes = kernel.ndim - 2
    view = windows(x, kernel.shape[:axes], strides, dilation, padding)
    view = np.moveaxis(view, 1 + axes, -1)
    positions, depth = view.shape[: 1 + axes], kernel.shape[-2]
    rows, width = prod(kernel.shape[:-1]), kernel.shape[-1] // groups
    parts = []
    for group in range(groups):
        columns = view[..., group * depth : (group + 1) * depth].reshape(-1, rows)
        share = kernel[..., group * width : (group + 1) * width].reshape(rows, width)
        parts.append(columns @ share)
    outputs = parts[0] if groups == 1 else np.concatenate(parts, axis=-1)
    return outputs.reshape(*positions, kernel.shape[-1])


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
