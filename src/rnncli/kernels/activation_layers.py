"""What an activation is, and those with arguments: of Keras's layers and of ONNX's operators.

At a corner the derivative is that of PyTorch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[Array], Array]
Pull = Callable[[Array, Array], Array]
Bounds = tuple[float, float]


class Activation(NamedTuple):
    """A function, and how gradients go back through it.

    `pull(x, gradient)` is the gradient `(n, units)` by the input `x` `(1, units)`, of that by the
    output; None where values of several sequences depend on each other. `bounds` are what the
    values cannot leave.
    """

    function: Function
    pull: Pull | None
    bounds: Bounds | None = None


def each(function: Function, slope: Function, bounds: Bounds | None = None) -> Activation:
    """Return an activation of each value on its own; `slope` is its derivative."""
    return Activation(function, lambda x, gradient: gradient * slope(x), bounds)


def within(low: float, high: float, slope: float = 1.0) -> Function:
    """Return the derivative of a line between two corners."""
    return lambda x: np.where((x > low) & (x < high), slope, 0.0)


def relu(
    max_value: float | None, negative_slope: float | None, threshold: float | None
) -> Activation:
    """Return x from `threshold` up to `max_value`, and a slope below."""
    start, slope = threshold or 0.0, negative_slope or 0.0

    def apply(x: Array) -> Array:
        above = x if max_value is None else np.minimum(x, x.dtype.type(max_value))
        return np.where(x > start, above, slope * (x - start)).astype(x.dtype)

    top = np.inf if max_value is None else max_value
    return each(apply, lambda x: np.where(x > start, np.where(x < top, 1.0, 0.0), slope))


def leaky_relu(negative_slope: float) -> Activation:
    """Return x where positive, `negative_slope` x elsewhere."""
    return each(
        lambda x: np.where(x > 0, x, negative_slope * x),
        lambda x: np.where(x > 0, 1.0, negative_slope),
    )


def elu(alpha: float) -> Activation:
    """Return x where positive, `alpha` (exp(x) - 1) elsewhere."""
    return each(
        lambda x: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0))),
    )


def thresholded(theta: float) -> Activation:
    """Return x above `theta`, 0 elsewhere."""
    return each(lambda x: x * (x > theta), lambda x: np.where(x > theta, 1.0, 0.0))


def affine(alpha: float, beta: float) -> Activation:
    """Return `alpha` x + `beta`."""
    return each(lambda x: alpha * x + beta, lambda x: np.full_like(x, alpha))


def hard_sigmoid(alpha: float, beta: float) -> Activation:
    """Return `alpha` x + `beta`, kept between 0 and 1."""

    def line(x: Array) -> Array:
        result: Array = alpha * x + beta
        return result

    return each(lambda x: np.clip(line(x), 0, 1), lambda x: within(0, 1, alpha)(line(x)))


def scaled_tanh(alpha: float, beta: float) -> Activation:
    """Return `alpha` tanh(`beta` x)."""
    return each(
        lambda x: alpha * np.tanh(beta * x), lambda x: alpha * beta * (1 - np.tanh(beta * x) ** 2)
    )


def softmax(axis: int | tuple[int, ...]) -> Activation:
    """Return the shares along some axes."""
    axes = tuple(axis) if isinstance(axis, list | tuple) else axis

    def apply(x: Array) -> Array:
        shares = np.exp(x - x.max(axis=axes, keepdims=True))
        result: Array = shares / shares.sum(axis=axes, keepdims=True)
        return result

    def pull(x: Array, gradient: Array) -> Array:
        shares = apply(x)
        result: Array = shares * (gradient - (gradient * shares).sum(axis=-1, keepdims=True))
        return result

    alone = set(np.atleast_1d(axes).tolist()) <= {-1, 1}  # not that of the sequences
    return Activation(apply, pull if alone else None, (0, 1))


MAKERS: dict[str, Callable[..., Activation]] = {
    "ReLU": relu,
    "LeakyReLU": leaky_relu,
    "ELU": elu,
    "ThresholdedReLU": thresholded,
    "Softmax": softmax,
}

# Those of `activation_names.ARGUMENTS`.
WITH_ARGUMENTS: dict[str, Callable[..., Activation]] = {
    "affine": affine,
    "elu": elu,
    "hardsigmoid": hard_sigmoid,
    "leakyrelu": leaky_relu,
    "scaledtanh": scaled_tanh,
    "thresholdedrelu": thresholded,
}
