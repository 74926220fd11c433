"""Layers without cells as PyTorch and ONNX define them, on their own layouts, in plain NumPy.

They are there to check a conversion: strides and padding, which no weight depends on, are left out.
Values have the channels last, as in Keras. Sources: the documentation of `torch.nn`, and ONNX's
`Operators.md`.
"""

from collections.abc import Mapping

import numpy as np

from rnncli.layers.op import Array

EPSILON = 1e-3


def literal(
    framework: str, kind: str, arrays: Mapping[str, Array], x: Array, groups: int, transposed: bool
) -> Array:
    """Return what a layer of a kind of Keras computes with arrays as `framework` stores them.

    `transposed` is `transB` of a Gemm.
    """
    wide = {key: array.astype(np.float64) for key, array in arrays.items()}
    if kind == "Embedding":
        return wide["embeddings"][x]
    if kind == "Dense":
        turned = framework == "torch" or transposed
        kernel = wide["kernel"].T if turned else wide["kernel"]
        return x @ kernel + wide.get("bias", 0)
    if kind == "PReLU":
        slopes = wide["alpha"].ravel()
        return np.where(x > 0, x, slopes * x)
    if kind.startswith("Separable"):
        inner = _convolved(x, wide["depthwise_kernel"], groups)
        return _convolved(inner, wide["pointwise_kernel"], 1) + wide.get("bias", 0)
    if kind.endswith("Transpose"):
        return _transposed(x, wide["kernel"]) + wide.get("bias", 0)
    if kind.startswith(("Conv", "Depthwise")):
        return _convolved(x, wide["kernel"], groups) + wide.get("bias", 0)
    return _normalized(kind, wide, x)


def _convolved(x: Array, kernel: Array, groups: int) -> Array:
    """Return a correlation with `(outputs, inputs / groups, *window)`."""
    window = kernel.shape[2:]
    axes = tuple(range(1, 1 + len(window)))
    places = np.lib.stride_tricks.sliding_window_view(x, window, axes)  # (b, *out, c, *window)
    parts = np.split(places, groups, axis=1 + len(window))
    filters = np.split(kernel, groups)
    inner = range(1, kernel.ndim)
    last = range(x.ndim - 1, x.ndim - 1 + len(inner))
    found = [
        np.tensordot(part, each, (tuple(last), tuple(inner)))
        for part, each in zip(parts, filters, strict=True)
    ]
    return np.concatenate(found, axis=-1)


def _transposed(x: Array, kernel: Array) -> Array:
    """Return what `(inputs, outputs, *window)` spreads each value over."""
    window = kernel.shape[2:]
    edges = [(0, 0), *((size - 1, size - 1) for size in window), (0, 0)]
    flipped = np.flip(kernel, tuple(range(2, kernel.ndim))).swapaxes(0, 1)
    found: Array = _convolved(np.pad(x, edges), flipped, 1)
    return found


def _normalized(kind: str, arrays: Mapping[str, Array], x: Array) -> Array:
    if kind == "BatchNormalization":
        spread = np.sqrt(arrays["moving_variance"] + EPSILON)
        normal: Array = (x - arrays["moving_mean"]) / spread * arrays["gamma"] + arrays["beta"]
        return normal
    rank = next(iter(arrays.values())).ndim
    axes = tuple(range(1 if kind == "GroupNormalization" else x.ndim - rank, x.ndim))
    if kind == "RMSNormalization":
        root = np.sqrt(np.square(x).mean(axis=axes, keepdims=True) + EPSILON)
        scaled: Array = x / root * arrays["scale"]
        return scaled
    shifted = x - x.mean(axis=axes, keepdims=True)
    variance = np.square(shifted).mean(axis=axes, keepdims=True)
    normal = shifted / np.sqrt(variance + EPSILON) * arrays.get("gamma", 1)
    result: Array = normal + arrays.get("beta", 0)
    return result
