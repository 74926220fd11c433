"""What layers compute, as `keras.ops` calls it; Keras's layouts of tensors and kernels."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.kernels import windows
from rnncli.kernels.activations import softmax

Array = NDArray[Any]


def _sizes(value: Any, axes: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,) * axes


def _last(function: Callable[[Array], Array], x: Array, data_format: str | None) -> Array:
    """Return a function of images with their channels last on images that may have them first."""
    if data_format != "channels_first":
        return function(x)
    return np.moveaxis(function(np.moveaxis(x, 1, -1)), -1, 1)


def conv(
    inputs: Array, kernel: Array, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Array:  # fmt: skip
    """Return a convolution; the kernel's channels say in how many groups."""
    axes = kernel.ndim - 2
    moves = _sizes(strides, axes), _sizes(dilation_rate, axes)

    def run(x: Array) -> Array:
        groups = x.shape[-1] // kernel.shape[-2]
        return windows.convolve(x, kernel, *moves, padding, groups)

    return _last(run, inputs, data_format)


def depthwise_conv(
    inputs: Array, kernel: Array, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Array:  # fmt: skip
    """Return a convolution of each channel alone."""
    axes = kernel.ndim - 2
    moves = _sizes(strides, axes), _sizes(dilation_rate, axes)
    return _last(lambda x: windows.depthwise(x, kernel, *moves, padding), inputs, data_format)


def separable_conv(
    inputs: Array, depthwise_kernel: Array, pointwise_kernel: Array, strides: Any = 1,
    padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1,
) -> Array:  # fmt: skip
    """Return a convolution of each channel alone, then one of all channels at each place."""
    found = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(found, pointwise_kernel, data_format=data_format)


def conv_transpose(
    inputs: Array, kernel: Array, strides: Any = 1, padding: str = "valid",
    output_padding: Any = None, data_format: str | None = None, dilation_rate: Any = 1,
) -> Array:  # fmt: skip
    """Return a transposed convolution; `kernel` is `(*window, filters, channels)`."""
    axes = kernel.ndim - 2
    step, wide = _sizes(strides, axes), _sizes(dilation_rate, axes)
    more = (None,) * axes if output_padding is None else _sizes(output_padding, axes)

    def run(x: Array) -> Array:
        sizes = tuple(_grown(*each, padding) for each in
                      zip(x.shape[1:-1], kernel.shape, step, wide, more, strict=False))  # fmt: skip
        return windows.transposed(x, kernel, step, wide, sizes)

    return _last(run, inputs, data_format)


def _grown(size: int, window: int, stride: int, dilation: int, more: Any, padding: str) -> int:
    reach = dilation * (window - 1) + 1
    if more is None:
        return size * stride + (max(reach - stride, 0) if padding == "valid" else 0)
    cut = 2 * (reach // 2) if padding == "same" else 0
    return (size - 1) * stride + reach - cut + int(more)


def _pool(
    inputs: Array, pool_size: Any, strides: Any, padding: str, data_format: Any, average: bool
) -> Array:
    axes = inputs.ndim - 2
    window = _sizes(pool_size, axes)
    moves = window if strides is None else _sizes(strides, axes)
    return _last(lambda x: windows.pooled(x, window, moves, padding, average), inputs, data_format)


def max_pool(
    inputs: Array, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: Any = None,
) -> Array:  # fmt: skip
    """Return the largest of each window."""
    return _pool(inputs, pool_size, strides, padding, data_format, average=False)


def average_pool(
    inputs: Array, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: Any = None,
) -> Array:  # fmt: skip
    """Return the mean of each window."""
    return _pool(inputs, pool_size, strides, padding, data_format, average=True)


def adaptive_max_pool(inputs: Array, output_size: Any, data_format: Any = None) -> Array:
    """Return the largest of as many windows as asked for."""
    size = _sizes(output_size, inputs.ndim - 2)
    return _last(lambda x: windows.adaptive(x, size, average=False), inputs, data_format)


def adaptive_average_pool(inputs: Array, output_size: Any, data_format: Any = None) -> Array:
    """Return the mean of as many windows as asked for."""
    size = _sizes(output_size, inputs.ndim - 2)
    return _last(lambda x: windows.adaptive(x, size, average=True), inputs, data_format)


def layer_norm(
    x: Array, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Array:  # fmt: skip
    """Return numbers of mean 0 and variance 1 along axes, then scaled and moved."""
    least = 1e-7 if epsilon is None else epsilon
    variance = np.var(x, axis=axis, keepdims=True)
    if rms_scaling:
        found = x / np.sqrt(variance + least)
        return found if gamma is None else found * _along(x, gamma, axis)  # type: ignore[no-any-return]
    found = (x - np.mean(x, axis=axis, keepdims=True)) / np.sqrt(variance + least)
    found = found if gamma is None else found * _along(x, gamma, axis)
    return found if beta is None else found + _along(x, beta, axis)  # type: ignore[no-any-return]


def rms_norm(x: Array, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Array:
    """Return numbers over the root of their mean square along axes."""
    least = 1e-7 if epsilon is None else epsilon
    found: Array = x / np.sqrt(np.mean(np.square(x), axis=axis, keepdims=True) + least)
    return found if scale is None else found * scale  # along the last axes, whatever `axis`


def _along(x: Array, values: Any, axis: Any) -> Array:
    axes = {each % x.ndim for each in _sizes(axis, 1)}
    return np.reshape(values, [x.shape[at] if at in axes else 1 for at in range(x.ndim)])


def attention(
    query: Array, key: Array, value: Array, bias: Any = None, mask: Any = None, scale: Any = None,
    is_causal: bool = False, attn_logits_soft_cap: float | None = None,
) -> Array:  # fmt: skip
    """Return attention of `(batch, steps, heads, depth)`; heads of key and value may be fewer."""
    times = query.shape[2] // key.shape[2]
    key, value = (np.repeat(each, times, axis=2) for each in (key, value))
    factor = 1 / np.sqrt(query.shape[-1]) if scale is None else scale
    scores = np.einsum("btnh,bsnh->bnts", query, key) * np.asarray(factor, query.dtype)
    if attn_logits_soft_cap is not None:
        scores = attn_logits_soft_cap * np.tanh(scores / attn_logits_soft_cap)
    scores = scores if bias is None else scores + bias
    seen = np.ones(scores.shape, bool) if mask is None else np.broadcast_to(mask, scores.shape)
    if is_causal:
        seen = seen & np.tril(np.ones(scores.shape[-2:], bool))
    found: Array = np.einsum("bnts,bsnh->btnh", softmax(np.where(seen, scores, -1e30)), value)
    return found


def unfold(
    x: Array, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Array:
    """Return the windows of images `(batch, channels, rows, columns)` as columns."""
    around = [(0, 0), (0, 0), *((each, each) for each in _sizes(padding, 2))]
    moved = np.moveaxis(np.pad(x, around), 1, -1)
    view = windows.windows(moved, _sizes(kernel_size, 2), _sizes(stride, 2), _sizes(dilation, 2),
                           "valid")  # fmt: skip
    batch, rows, columns = view.shape[:3]
    return view.reshape(batch, rows * columns, -1).transpose(0, 2, 1)


def fold(
    x: Array, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
    stride: Any = 1,
) -> Array:  # fmt: skip
    """Return images whose windows, added where they overlap, are these columns."""
    window, wide = _sizes(kernel_size, 2), _sizes(dilation, 2)
    edge, step, size = _sizes(padding, 2), _sizes(stride, 2), _sizes(output_size, 2)
    whole = [dim + 2 * each for dim, each in zip(size, edge, strict=True)]
    many = [(dim - d * (w - 1) - 1) // s + 1
            for dim, w, d, s in zip(whole, window, wide, step, strict=True)]  # fmt: skip
    apart = x.reshape(len(x), -1, *window, *many)
    found = np.zeros((len(x), apart.shape[1], *whole), x.dtype)
    for high, across in product(*map(range, window)):
        places = tuple(slice(at * d, at * d + (n - 1) * s + 1, s) for at, d, n, s in
                       zip((high, across), wide, many, step, strict=True))  # fmt: skip
        found[(slice(None), slice(None), *places)] += apart[:, :, high, across]
    return found[:, :, edge[0] : edge[0] + size[0], edge[1] : edge[1] + size[1]]
