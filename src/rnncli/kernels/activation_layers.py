"""Activations with arguments, as Keras's layers have them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[Array], Array]


def relu(
    max_value: float | None, negative_slope: float | None, threshold: float | None
) -> Function:
    """Return x from `threshold` up to `max_value`, and a slope below."""
    start, slope = threshold or 0.0, negative_slope or 0.0

    def apply(x: Array) -> Array:
        above = x if max_value is None else np.minimum(x, x.dtype.type(max_value))
        return np.where(x > start, above, slope * (x - start)).astype(x.dtype)

    return apply


def leaky_relu(negative_slope: float) -> Function:
    """Return x where positive, `negative_slope` x elsewhere."""
    return lambda x: np.where(x > 0, x, x.dtype.type(negative_slope) * x)


def elu(alpha: float) -> Function:
    """Return x where positive, `alpha` (exp(x) - 1) elsewhere."""
    return lambda x: np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0)))


def thresholded(theta: float) -> Function:
    """Return x above `theta`, 0 elsewhere."""
    return lambda x: x * (x > theta)


def softmax(axis: int | tuple[int, ...]) -> Function:
    """Return the shares along some axes."""
    axes = tuple(axis) if isinstance(axis, list | tuple) else axis

    def apply(x: Array) -> Array:
        shares = np.exp(x - x.max(axis=axes, keepdims=True))
        result: Array = shares / shares.sum(axis=axes, keepdims=True)
        return result

    return apply


MAKERS: dict[str, Callable[..., Function]] = {
    "ReLU": relu,
    "LeakyReLU": leaky_relu,
    "ELU": elu,
    "ThresholdedReLU": thresholded,
    "Softmax": softmax,
}
