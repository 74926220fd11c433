"""Keras's activations on arrays; each keeps the dtype it is given. Their derivatives are exact.

Source: the definitions of `keras.activations`. At a corner the derivative is that of PyTorch.
"""

import numpy as np

from rnncli.activation_names import Applied, check_activation, layer_of_name
from rnncli.kernels import activation_layers as layers
from rnncli.kernels.activation_layers import (
    MAKERS,
    WITH_ARGUMENTS,
    Activation,
    Array,
    Bounds,
    Function,
    each,
    within,
)  # fmt: skip
from rnncli.kernels.erf import erf

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805
_GELU = 0.7071067811865476  # 1 / sqrt(2)
_NORMAL = 0.3989422804014327  # 1 / sqrt(2 pi)


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), without overflow, and of a large -x to its last digits."""
    small = np.exp(-np.abs(x))
    result: Array = np.where(x < 0, small, 1) / (1 + small)
    return result


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


_SOFTMAX = layers.softmax(-1)


def softmax(x: Array) -> Array:
    """Return exp(x) over its sum along the last axis."""
    return _SOFTMAX.function(x)


def log_softmax(x: Array) -> Array:
    """Return the logarithm of `softmax`."""
    shifted = x - x.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def sparsemax(x: Array) -> Array:
    """Return what Keras calls sparsemax along the last axis (`keras/src/backend/*/nn.py`).

    Keras sums the running totals of the support, where Martins & Astudillo (2016) take the last.
    """
    ordered = -np.sort(-x, axis=-1)
    total = np.cumsum(ordered, axis=-1)
    inside = _support(ordered, total)
    sums = np.where(inside, total, 0).sum(axis=-1, keepdims=True)
    threshold = (sums - 1) / inside.sum(axis=-1, keepdims=True).astype(x.dtype)
    result: Array = np.maximum(x - threshold, 0)
    return result


def _support(ordered: Array, total: Array) -> Array:
    count = np.arange(1, ordered.shape[-1] + 1, dtype=ordered.dtype)
    inside: Array = ordered - (total - 1) / count > 0
    return inside


def glu(x: Array) -> Array:
    """Return the first half of the last axis times the sigmoid of the second."""
    half = x.shape[-1] // 2
    return x[..., :half] * sigmoid(x[..., half:])


def _pull_log_softmax(x: Array, gradient: Array) -> Array:
    result: Array = gradient - softmax(x) * gradient.sum(axis=-1, keepdims=True)
    return result


def _pull_sparsemax(x: Array, gradient: Array) -> Array:
    """Return the gradient by x: the largest of k values in the support counts k times in the sum
    of the running totals, the next k - 1 times."""
    places = np.argsort(-x, axis=-1, kind="stable")
    ordered = np.take_along_axis(x, places, axis=-1)
    inside = _support(ordered, np.cumsum(ordered, axis=-1))
    shares = np.zeros_like(x)
    counted = np.where(inside, inside[..., ::-1].cumsum(axis=-1)[..., ::-1], 0)
    np.put_along_axis(shares, places, counted / inside.sum(axis=-1, keepdims=True), axis=-1)
    kept = np.where(sparsemax(x) > 0, gradient, 0)
    result: Array = kept - shares * kept.sum(axis=-1, keepdims=True)
    return result


def _pull_glu(x: Array, gradient: Array) -> Array:
    half = x.shape[-1] // 2
    gate = sigmoid(x[..., half:])
    inner = x[..., :half] * gate * (1 - gate)
    return np.concatenate([gradient * gate, gradient * inner], axis=-1)


def _sparse_plus(x: Array) -> Array:
    result: Array = np.where(x <= -1, 0, np.where(x < 1, 0.25 * (x + 1) ** 2, x)).astype(x.dtype)
    return result


def _hard_sigmoid(x: Array) -> Array:
    result: Array = np.clip(x + 3, 0, 6) / 6
    return result


def _hard_silu() -> Activation:
    return each(
        lambda x: x * _hard_sigmoid(x),
        lambda x: np.where(x <= -3, 0.0, np.where(x < 3, x / 3 + 0.5, 1.0)),
    )


def _silu() -> Activation:
    return each(lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))))


def _mish_slope(x: Array) -> Array:
    curve = np.tanh(softplus(x))
    result: Array = curve + x * (1 - curve**2) * sigmoid(x)
    return result


def _beyond(size: float) -> Function:
    """Return the derivative of what is 0 up to a size, and goes on from there as x does."""
    return lambda x: np.where(np.abs(x) > size, 1.0, 0.0)


_UNIT: Bounds = (0, 1)
_SIGNED: Bounds = (-1, 1)

ACTIVATIONS: dict[str, Activation] = {
    "celu": layers.elu(1.0),
    "elu": layers.elu(1.0),
    "exponential": each(np.exp, np.exp),
    "gelu": each(
        lambda x: 0.5 * x * (1 + erf(x * _GELU)),
        lambda x: 0.5 * (1 + erf(x * _GELU)) + x * _NORMAL * np.exp(-0.5 * x * x),
    ),
    "glu": Activation(glu, _pull_glu),
    "hard_shrink": each(lambda x: np.where(np.abs(x) > 0.5, x, 0).astype(x.dtype), _beyond(0.5)),
    "hard_sigmoid": each(_hard_sigmoid, within(-3, 3, 1 / 6), _UNIT),
    "hard_sigmoid_keras2": each(
        lambda x: np.clip(0.2 * x + 0.5, 0, 1), within(-2.5, 2.5, 0.2), _UNIT
    ),
    "hard_silu": _hard_silu(),
    "hard_swish": _hard_silu(),
    "hard_tanh": each(lambda x: np.clip(x, -1, 1), within(-1, 1), _SIGNED),
    "leaky_relu": layers.leaky_relu(0.2),
    "linear": each(lambda x: x, np.ones_like),
    "log_sigmoid": each(lambda x: -softplus(-x), lambda x: sigmoid(-x)),
    "log_softmax": Activation(log_softmax, _pull_log_softmax),
    "mish": each(lambda x: x * np.tanh(softplus(x)), _mish_slope),
    "relu": each(lambda x: np.maximum(x, 0), within(0, np.inf)),
    "relu6": each(lambda x: np.clip(x, 0, 6), within(0, 6)),
    "selu": each(
        lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))),
        lambda x: _SELU_SCALE * np.where(x > 0, 1.0, _SELU_ALPHA * np.exp(np.minimum(x, 0))),
    ),
    "sigmoid": each(sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), _UNIT),
    "silu": _silu(),
    "soft_shrink": each(lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), _beyond(0.5)),
    "softmax": _SOFTMAX,
    "softplus": each(softplus, sigmoid),
    "softsign": each(lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2, _SIGNED),
    "sparse_plus": each(_sparse_plus, lambda x: 0.5 * np.clip(x + 1, 0, 2)),
    "sparse_sigmoid": each(lambda x: np.clip(0.5 * (x + 1), 0, 1), within(-1, 1, 0.5), _UNIT),
    "sparsemax": Activation(sparsemax, _pull_sparsemax, _UNIT),
    "squareplus": each(
        lambda x: 0.5 * (x + np.sqrt(x * x + 4)), lambda x: 0.5 * (1 + x / np.sqrt(x * x + 4))
    ),
    "swish": _silu(),
    "tanh": each(np.tanh, lambda x: 1 - np.tanh(x) ** 2, _SIGNED),
    "tanh_shrink": each(lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2),
}

NEAR = 1e-3  # of the range: how near a bound counts as saturated


def activation(name: str | Applied | None) -> Function:
    """Return the function of the activation called `name`, the identity for None.

    Raises: UsageError.
    """
    return described(name).function


def described(name: str | Applied | None) -> Activation:
    """Return the activation called `name`, the identity for None; a layer's with its arguments.

    Raises: UsageError.
    """
    if isinstance(name, Applied):
        return _applied(name)
    known = check_activation(name)
    layer = layer_of_name(known)
    return ACTIVATIONS[known] if layer is None else MAKERS[layer[0]](**layer[1])


def _applied(name: Applied) -> Activation:
    makes = WITH_ARGUMENTS[name.name] if name.arguments else None
    made = ACTIVATIONS[name.name] if makes is None else makes(*name.arguments)
    clip, pull = name.clip, made.pull

    def apply(x: Array) -> Array:
        clipped = np.clip(x, -clip, clip) if clip else x
        return made.function(clipped).astype(x.dtype, copy=False)

    def pulled(x: Array, gradient: Array) -> Array:
        assert pull is not None  # none of these mixes sequences
        if not clip:
            return pull(x, gradient)
        return np.where(np.abs(x) <= clip, pull(np.clip(x, -clip, clip), gradient), 0)

    return Activation(apply, pulled, made.bounds)


def bounds(name: str | Applied | None) -> Bounds | None:
    """Return the bounds of an activation, None where it has none."""
    return described(name).bounds


def near(bounds: Bounds | None, values: Array) -> int:
    """Return how many values lie within a thousandth of the range from one of its bounds."""
    if bounds is None:
        return 0
    low, high = bounds
    margin = NEAR * (high - low)
    return int(np.count_nonzero((values >= high - margin) | (values <= low + margin)))
