"""Keras's activations on arrays; each keeps the dtype it is given.

Sources: the definitions of `keras.activations`; erf after W. J. Cody (1969), rational Chebyshev
approximations of the error function.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.activation_names import Applied, check_activation, layer_of_name
from rnncli.kernels.activation_layers import MAKERS

Array = NDArray[Any]
Function = Callable[[Array], Array]

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805
_GELU = 0.7071067811865476  # 1 / sqrt(2)


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), without overflow."""
    result: Array = 0.5 * np.tanh(0.5 * x) + 0.5
    return result


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softmax(x: Array) -> Array:
    """Return exp(x) over its sum along the last axis."""
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Array = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


def log_softmax(x: Array) -> Array:
    """Return the logarithm of `softmax`."""
    shifted = x - x.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def elu(x: Array, alpha: float = 1.0) -> Array:
    """Return x where positive, alpha (exp(x) - 1) elsewhere."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    """Return x where positive, negative_slope x elsewhere."""
    return np.where(x > 0, x, negative_slope * x)


def erf(x: Array) -> Array:
    """Return the error function, to 1e-15 in float64."""
    wide = x.astype(np.float64)
    size = np.abs(wide)
    square = wide * wide
    small = wide * _rational(square, _ERF_P, _ERF_Q)
    middle = np.exp(-square) * _rational(np.clip(size, 0.4, 4.1), _ERFC_P, _ERFC_Q)
    result = np.where(size < 0.5, small, np.sign(wide) * (1 - np.where(size < 4, middle, 0)))
    far = size >= 4
    if far.any():
        result[far] = np.sign(wide[far]) * (1 - _erfc_far(size[far]))
    return result.astype(x.dtype)


def _erfc_far(size: Array) -> Array:
    inverse = 1 / (size * size)
    series = inverse * _rational(inverse, _FAR_P, _FAR_Q)
    scaled: Array = np.exp(-np.minimum(size * size, 700)) / size * (1 / np.sqrt(np.pi) + series)
    return scaled


def _rational(x: Array, above: tuple[float, ...], below: tuple[float, ...]) -> Array:
    return np.polyval(above, x) / np.polyval(below, x)


# Cody's coefficients, highest power first: |x| < 0.5, 0.5 <= |x| < 4, and |x| >= 4.
_ERF_P = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
          3.77485237685302021e2, 3.20937758913846947e3)  # fmt: skip
_ERF_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
          2.84423683343917062e3)  # fmt: skip
_ERFC_P = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
           6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
           1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)  # fmt: skip
_ERFC_Q = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
           1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
           3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip
_FAR_P = (-1.63153871373020978e-2, -3.05326634961232344e-1, -3.60344899949804439e-1,
          -1.25781726111229246e-1, -1.60837851487422766e-2, -6.58749161529837803e-4)  # fmt: skip
_FAR_Q = (1.0, 2.56852019228982242e0, 1.87295284992346047e0, 5.27905102951428412e-1,
          6.05183413124413191e-2, 2.33520497626869185e-3)  # fmt: skip


def sparsemax(x: Array) -> Array:
    """Return what Keras calls sparsemax along the last axis (`keras/src/backend/*/nn.py`).

    Keras sums the running totals of the support, where Martins & Astudillo (2016) take the last.
    """
    ordered = -np.sort(-x, axis=-1)
    total = np.cumsum(ordered, axis=-1)
    count = np.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    inside = ordered - (total - 1) / count > 0
    sums = np.where(inside, total, 0).sum(axis=-1, keepdims=True)
    threshold = (sums - 1) / inside.sum(axis=-1, keepdims=True).astype(x.dtype)
    result: Array = np.maximum(x - threshold, 0)
    return result


def glu(x: Array) -> Array:
    """Return the first half of the last axis times the sigmoid of the second."""
    half = x.shape[-1] // 2
    return x[..., :half] * sigmoid(x[..., half:])


def _sparse_plus(x: Array) -> Array:
    result: Array = np.where(x <= -1, 0, np.where(x < 1, 0.25 * (x + 1) ** 2, x)).astype(x.dtype)
    return result


def _hard_sigmoid(x: Array) -> Array:
    result: Array = np.clip(x + 3, 0, 6) / 6
    return result


ACTIVATIONS: dict[str, Function] = {
    "celu": elu,
    "elu": elu,
    "exponential": np.exp,
    "gelu": lambda x: 0.5 * x * (1 + erf(x * _GELU)),
    "glu": glu,
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0).astype(x.dtype),
    "hard_sigmoid": _hard_sigmoid,
    "hard_sigmoid_keras2": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard_silu": lambda x: x * _hard_sigmoid(x),
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "leaky_relu": leaky_relu,
    "linear": lambda x: x,
    "log_sigmoid": lambda x: -softplus(-x),
    "log_softmax": log_softmax,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: _SELU_SCALE * elu(x, _SELU_ALPHA),
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "softmax": softmax,
    "softplus": softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda x: np.clip(0.5 * (x + 1), 0, 1),
    "sparsemax": sparsemax,
    "squareplus": lambda x: 0.5 * (x + np.sqrt(x * x + 4)),
    "swish": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "tanh_shrink": lambda x: x - np.tanh(x),
}

# The bounds of those that have any: values near one are saturated.
Bounds = tuple[float, float]
BOUNDS: dict[str, Bounds] = {
    "tanh": (-1, 1),
    "softsign": (-1, 1),
    "hard_tanh": (-1, 1),
    **dict.fromkeys(
        (
            "sigmoid",
            "hard_sigmoid",
            "hard_sigmoid_keras2",
            "softmax",
            "sparse_sigmoid",
            "sparsemax",
        ),
        (0, 1),
    ),
}
NEAR = 1e-3  # of the range: how near a bound counts as saturated


# Those of `activation_names.ARGUMENTS`: the values, then the arguments.
_WITH_ARGUMENTS: dict[str, Callable[..., Array]] = {
    "affine": lambda x, alpha, beta: alpha * x + beta,
    "elu": elu,
    "hardsigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
    "leakyrelu": leaky_relu,
    "scaledtanh": lambda x, alpha, beta: alpha * np.tanh(beta * x),
    "thresholdedrelu": lambda x, alpha: np.where(x > alpha, x, 0),
}


def activation(name: str | Applied | None) -> Function:
    """Return the activation called `name`, the identity for None; a layer's with its arguments.

    Raises: UsageError.
    """
    if isinstance(name, Applied):
        return _applied(name)
    known = check_activation(name)
    layer = layer_of_name(known)
    return ACTIVATIONS[known] if layer is None else MAKERS[layer[0]](**layer[1])


def _applied(each: Applied) -> Function:
    function = _WITH_ARGUMENTS[each.name] if each.arguments else ACTIVATIONS[each.name]

    def apply(x: Array) -> Array:
        clipped = np.clip(x, -each.clip, each.clip) if each.clip else x
        return function(clipped, *each.arguments).astype(x.dtype, copy=False)

    return apply


def bounds(name: str | Applied | None) -> Bounds | None:
    """Return the bounds of an activation, None where it has none."""
    if isinstance(name, Applied):
        name = None if name.arguments else name.name
    return BOUNDS.get(name or "linear")


def saturated(name: str | Applied | None, values: Array) -> int:
    """Return how many values lie within a thousandth of the range from a bound of `name`."""
    return near(bounds(name), values)


def near(bounds: Bounds | None, values: Array) -> int:
    """Return how many values lie within a thousandth of the range from one of its bounds."""
    if bounds is None:
        return 0
    low, high = bounds
    margin = NEAR * (high - low)
    return int(np.count_nonzero((values >= high - margin) | (values <= low + margin)))
