"""Derivatives of activations, for dual numbers: a value, and how it moves with what is looked at.

Source: the definitions in `kernels.activations`; at a corner the derivative is that of PyTorch, 0.
"""

from collections.abc import Callable

import numpy as np

from rnncli.activation_names import Applied
from rnncli.kernels.activations import Array, activation, sigmoid

_STEP = 1e-6  # of the difference for activations without a derivative in the table


def moved(name: str | Applied | None, value: Array, tangent: Array) -> Array:
    """Return how an activation of `value` `(units,)` moves along each `tangent` `(n, units)`.

    For activations that are not in the table it is a central difference in float64, right to nine
    digits where the function is smooth; that also holds for those that mix units, as softmax.
    """
    derivative = _TABLE.get(name or "linear") if not isinstance(name, Applied) else None
    if derivative is not None:
        return tangent * derivative(value)
    function = activation(name)
    size = np.abs(tangent).max(axis=-1, keepdims=True)
    step = _STEP / np.where(size > 0, size, 1)
    found: Array = (function(value + step * tangent) - function(value - step * tangent)) / (
        2 * step
    )
    return found


def _inside(low: float, high: float, slope: float) -> Callable[[Array], Array]:
    """Return the derivative of a line that is cut off on both sides."""
    return lambda x: np.where((x > low) & (x < high), slope, 0.0)


_TABLE: dict[str, Callable[[Array], Array]] = {
    "linear": np.ones_like,
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "sigmoid": lambda x: sigmoid(x) * (1 - sigmoid(x)),
    "relu": lambda x: np.where(x > 0, 1.0, 0.0),
    "relu6": _inside(0, 6, 1),
    "hard_tanh": _inside(-1, 1, 1),
    "hard_sigmoid": _inside(-3, 3, 1 / 6),
    "hard_sigmoid_keras2": _inside(-2.5, 2.5, 0.2),
    "softsign": lambda x: 1 / (1 + np.abs(x)) ** 2,
    "softplus": sigmoid,
    "exponential": np.exp,
    "silu": lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
    "swish": lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
}
