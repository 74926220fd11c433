"""Functions of `keras.ops` that NumPy has not, or has otherwise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.kernels import activations
from rnncli.kernels.activations import sigmoid
from rnncli.kernels.erf import erf

__all__ = ["sigmoid"]
Array = NDArray[Any]
_LEAST = 1e-7  # Keras's epsilon: what probabilities are kept away from 0 and 1


def _along(name: str, x: Array, axis: int | tuple[int, ...] | None) -> Array:
    """Return an activation of the last axis along another, or along several as if they were one."""
    function = activations.activation(name)
    if axis is None or isinstance(axis, tuple):
        axes = tuple(range(x.ndim)) if axis is None else axis
        moved = np.moveaxis(x, axes, range(-len(axes), 0))
        flat = function(moved.reshape(*moved.shape[: x.ndim - len(axes)], -1))
        return np.moveaxis(flat.reshape(moved.shape), range(-len(axes), 0), axes)
    return np.moveaxis(function(np.moveaxis(x, axis, -1)), -1, axis)


def softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """Return exp(x) over its sum along axes."""
    return _along("softmax", x, axis)


def log_softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """Return the logarithm of `softmax`."""
    return _along("log_softmax", x, axis)


def sparsemax(x: Array, axis: int = -1) -> Array:
    """Return the nearest point of the simplex along an axis."""
    return _along("sparsemax", x, axis)


def gelu(x: Array, approximate: bool = True) -> Array:
    """Return x times the share of a normal distribution below it, or its approximation by tanh."""
    if not approximate:
        return activations.activation("gelu")(x)
    inner = np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x**3)
    result: Array = 0.5 * x * (1 + np.tanh(inner))
    return result


def celu(x: Array, alpha: float = 1.0) -> Array:
    """Return x where positive, alpha (exp(x / alpha) - 1) elsewhere."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def erfinv(x: Array) -> Array:
    """Return what has the error function x: Winitzki's estimate (2008), then Newton's steps."""
    wide = np.asarray(x, np.float64)
    part = np.log1p(-wide * wide)
    inner = 2 / (np.pi * 0.147) + part / 2
    found = np.sign(wide) * np.sqrt(np.maximum(np.sqrt(inner**2 - part / 0.147) - inner, 0))
    for _ in range(4):
        slope = 2 / np.sqrt(np.pi) * np.exp(-found * found)
        found = np.where(np.isfinite(found), found - (erf(found) - wide) / slope, found)
    return np.where(np.abs(wide) == 1, np.sign(wide) * np.inf, found)


def logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Return the logarithm of the sum of exp(x), without overflow."""
    largest = x.max(axis=axis, keepdims=True)
    total = np.log(np.exp(x - largest).sum(axis=axis, keepdims=True)) + largest
    result: Array = total if keepdims else np.squeeze(total, axis=axis)
    return result


def divide_no_nan(x: Array, y: Array) -> Array:
    """Return x / y, 0 where y is."""
    safe = np.where(y == 0, 1, y)
    return np.where(y == 0, 0, x / safe)


def top_k(x: Array, k: int) -> tuple[Array, Array]:
    """Return the k largest of the last axis, and their places; the first of equal ones first."""
    places = np.argsort(-x, axis=-1, kind="stable")[..., :k]
    return np.take_along_axis(x, places, -1), places


def in_top_k(targets: Array, predictions: Array, k: int) -> Array:
    """Whether fewer than k predictions are larger than that of the target."""
    own = np.take_along_axis(predictions, np.asarray(targets)[..., None].astype(np.int64), -1)
    found: Array = (predictions > own).sum(-1) < k
    return found


def bincount(x: Array, weights: Any = None, minlength: int = 0) -> Array:
    """Return how often each number comes in the last axis, or the sum of its weights."""
    size = max(int(x.max(initial=-1)) + 1, minlength or 0)
    rows = x.reshape(-1, x.shape[-1]) if x.ndim else x.reshape(1, 1)
    shares = [None] * len(rows) if weights is None else np.asarray(weights).reshape(rows.shape)
    found = [np.bincount(row, each, size) for row, each in zip(rows, shares, strict=True)]
    return np.reshape(found, (*x.shape[:-1], size))


def segments(data: Array, ids: Array, many: int | None, name: str) -> Array:
    """Return the sum, product, largest or least of the rows of each number in `ids`."""
    places = np.asarray(ids).astype(np.int64)
    size = int(places.max(initial=-1)) + 1 if many is None else many
    kept = (places >= 0) & (places < size)
    whole = np.asarray(data).dtype.kind in "iu"
    least = np.iinfo(data.dtype).min if whole else -np.inf
    most = np.iinfo(data.dtype).max if whole else np.inf
    function, start = {"Sum": (np.add, 0), "Prod": (np.multiply, 1), "Max": (np.maximum, least),
                       "Min": (np.minimum, most)}[name]  # fmt: skip
    found = np.full((size, *data.shape[1:]), start, data.dtype)
    function.at(found, places[kept], data[kept])
    return found


def unique(
    x: Array, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, size: int | None = None,
    fill_value: Any = None,
) -> Any:  # fmt: skip
    """Return the numbers of a tensor once each, in order; cut or filled up to `size`."""
    found: Any = np.unique(  # type: ignore[call-overload]
        x, return_index, return_inverse, return_counts, axis
    )
    if size is None:
        return found
    parts = found if isinstance(found, tuple) else (found,)
    fill = parts[0].flat[0] if fill_value is None else fill_value
    return tuple(_sized(part, size, fill if at == 0 else 0, axis if at == 0 else None)
                 for at, part in enumerate(parts))  # fmt: skip


def _sized(part: Array, size: int, fill: Any, axis: int | None) -> Array:
    at = 0 if axis is None else axis
    kept = np.take(part, range(min(size, part.shape[at])), axis=at)
    more = [(0, size - kept.shape[at]) if each == at else (0, 0) for each in range(part.ndim)]
    return np.pad(kept, more, constant_values=fill)


def binary_crossentropy(target: Array, output: Array, from_logits: bool = False) -> Array:
    """Return -t log p - (1 - t) log(1 - p) for each number."""
    chance = sigmoid(output) if from_logits else output
    if from_logits:
        log_one, log_other = -activations.softplus(-output), -activations.softplus(output)
    else:
        chance = np.clip(chance, _LEAST, 1 - _LEAST)
        log_one, log_other = np.log(chance), np.log(1 - chance)
    result: Array = -(target * log_one + (1 - target) * log_other)
    return result


def _log_chances(output: Array, from_logits: bool, axis: int) -> Array:
    if from_logits:
        return log_softmax(output, axis)
    share = output / output.sum(axis=axis, keepdims=True)
    return np.log(np.clip(share, _LEAST, 1 - _LEAST))  # type: ignore[no-any-return]


def crossentropy(target: Array, output: Array, from_logits: bool = False, axis: int = -1) -> Array:
    """Return minus the sum of t log p along an axis."""
    result: Array = -(target * _log_chances(output, from_logits, axis)).sum(axis=axis)
    return result


def sparse_crossentropy(
    target: Array, output: Array, from_logits: bool = False, axis: int = -1
) -> Array:
    """Return minus log p of the target's place along an axis."""
    logs = _log_chances(output, from_logits, axis) if from_logits else np.log(
        np.clip(output, _LEAST, 1 - _LEAST))  # fmt: skip
    places = np.asarray(target).astype(np.int64)
    if places.ndim == logs.ndim:
        places = places.squeeze(-1)
    return -np.take_along_axis(logs, np.expand_dims(places, axis), axis).squeeze(axis)
