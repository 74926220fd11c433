"""Convolutions: a window moved over steps or an image."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rnncli.kernels.activations import activation
from rnncli.layers.layer_type import channels_first, pair
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.model import Config


def channels_last(config: Config, x: Array) -> Array:
    """Return the input with its channels on the last axis."""
    return np.moveaxis(x, 1, -1) if channels_first(config) else x


def as_it_was(config: Config, x: Array) -> Array:
    """Return the output with its channels where the layer has them."""
    return np.moveaxis(x, -1, 1) if channels_first(config) else x


def _ends(size: int, window: int, stride: int, dilation: int, padding: str) -> tuple[int, int]:
    """Return how many positions are added before and after an axis."""
    reach = dilation * (window - 1)
    if padding == "causal":
        return reach, 0
    if padding == "valid":
        return 0, 0
    total = max((-(-size // stride) - 1) * stride + reach + 1 - size, 0)
    return total // 2, total - total // 2


def windows(
    x: Array,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: str,
    fill: float = 0.0,
) -> Array:
    """Return a view `(batch, *positions, channels, *window)` of `x` `(batch, *space, channels)`."""
    axes = tuple(range(1, 1 + len(window)))
    sizes = zip(x.shape[1:-1], window, strides, dilation, strict=True)
    ends = [_ends(*each, padding) for each in sizes]
    if any(map(any, ends)):
        x = np.pad(x, [(0, 0), *ends, (0, 0)], constant_values=fill)
    reach = tuple(each * (size - 1) + 1 for size, each in zip(window, dilation, strict=True))
    view = sliding_window_view(x, reach, axis=axes)
    moved = (slice(None), *(slice(None, None, stride) for stride in strides), slice(None))
    return view[(*moved, *(slice(None, None, each) for each in dilation))]


def _finished(setup: OpContext, outputs: Array) -> Array:
    if "bias" in setup.weights:
        outputs = outputs + setup.weights["bias"]
    return as_it_was(setup.config, activation(setup.config["activation"])(outputs))


def _convolution(setup: OpContext) -> Op:
    config, kernel = setup.config, setup.weights["kernel"]
    axes, groups = kernel.ndim - 2, config["groups"]
    shares = np.split(np.moveaxis(kernel, -2, 0), groups, axis=-1)  # (channels, *window, filters)
    strides, dilation = pair(config["strides"], axes), pair(config["dilation_rate"], axes)

    def convolve(x: Array) -> Array:
        view = windows(channels_last(config, x), kernel.shape[:axes], strides, dilation,
                       config["padding"])  # fmt: skip
        parts = zip(np.split(view, groups, axis=1 + axes), shares, strict=True)
        products = [np.tensordot(part, share, axes=axes + 1) for part, share in parts]
        return _finished(setup, np.concatenate(products, axis=-1))

    return Plain(convolve)


def _separable(setup: OpContext) -> Op:
    config, depthwise = setup.config, setup.weights["depthwise_kernel"]
    pointwise = setup.weights["pointwise_kernel"][0]
    strides, dilation = pair(config["strides"]), pair(config["dilation_rate"])

    def convolve(x: Array) -> Array:
        view = windows(channels_last(config, x), depthwise.shape[:1], strides, dilation,
                       config["padding"])  # fmt: skip
        inner = np.einsum("btck,kcm->btcm", view, depthwise)
        return _finished(setup, inner.reshape(*inner.shape[:2], -1) @ pointwise)

    return Plain(convolve)


OPS = {"Conv1D": _convolution, "Conv2D": _convolution, "SeparableConv1D": _separable}
