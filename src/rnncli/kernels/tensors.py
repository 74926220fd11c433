"""Functions of `keras.ops` that NumPy has not, or has otherwise; each keeps the dtype it gets."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.kernels import activations

Array = NDArray[Any]


def function(name: str) -> Callable[..., Any]:
    """Return the function called `name`: one of this table, else an activation."""
    return _TABLE.get(name) or activations.ACTIVATIONS[name]


def _along(function: Callable[[Array], Array]) -> Callable[..., Array]:
    """Return a function of the last axis as one of any axis, or of all (None)."""

    def apply(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
        if axis is None or isinstance(axis, tuple):
            axes = tuple(range(x.ndim)) if axis is None else axis
            moved = np.moveaxis(x, axes, range(-len(axes), 0))
            flat = function(moved.reshape(*moved.shape[: x.ndim - len(axes)], -1))
            return np.moveaxis(flat.reshape(moved.shape), range(-len(axes), 0), axes)
        return np.moveaxis(function(np.moveaxis(x, axis, -1)), -1, axis)

    return apply


def _gelu(x: Array, approximate: bool = True) -> Array:
    if not approximate:
        return activations.ACTIVATIONS["gelu"](x)
    inner = np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x**3)
    result: Array = 0.5 * x * (1 + np.tanh(inner))
    return result


def _logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    largest = x.max(axis=axis, keepdims=True)
    total = np.log(np.exp(x - largest).sum(axis=axis, keepdims=True)) + largest
    result: Array = total if keepdims else np.squeeze(total, axis=axis)
    return result


def _norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return np.linalg.norm(x, ord, axis, keepdims)


def _normalize(x: Array, axis: int = -1, order: float = 2, epsilon: float | None = None) -> Array:
    length = np.linalg.norm(x, order, axis, keepdims=True)
    result: Array = x / np.maximum(length, 1e-7 if epsilon is None else epsilon)
    return result


def _pad(x: Array, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Array:
    if mode != "constant":
        return np.pad(x, pad_width, mode)  # type: ignore[call-overload, no-any-return]
    return np.pad(x, pad_width, constant_values=constant_values or 0)


def _one_hot(x: Array, num_classes: int, axis: int = -1) -> Array:
    places = x.astype(np.int64)[..., None] == np.arange(num_classes)
    return np.moveaxis(places.astype(np.float32), -1, axis)


def _take(x: Array, indices: Any, axis: int | None = None) -> Array:
    return np.take(x, np.asarray(indices).astype(np.int64), axis=axis)


def _along_axis(x: Array, indices: Array, axis: int | None = None) -> Array:
    return np.take_along_axis(x, np.asarray(indices).astype(np.int64), axis)


def _top_k(x: Array, k: int) -> tuple[Array, Array]:
    places = np.argsort(-x, axis=-1, kind="stable")[..., :k]
    return np.take_along_axis(x, places, -1), places


def _divide_no_nan(x: Array, y: Array) -> Array:
    safe = np.where(y == 0, 1, y)
    return np.where(y == 0, 0, x / safe)


def _like(fill: int) -> Callable[..., Array]:
    return lambda x, dtype=None: np.full_like(x, fill, dtype=dtype)


def _cast(x: Array, dtype: str) -> Array:
    return x.astype("float32" if dtype == "bfloat16" else dtype)


def _broadcast_to(x: Array, shape: Any) -> Array:
    return np.broadcast_to(x, [len(x) if dim is None else dim for dim in shape])


def _reshape(x: Array, newshape: Any) -> Array:
    return x.reshape([-1 if dim is None else dim for dim in newshape])


def _hard_shrink(x: Array, threshold: float = 0.5) -> Array:
    return np.where(np.abs(x) > threshold, x, 0).astype(x.dtype)


def _soft_shrink(x: Array, threshold: float = 0.5) -> Array:
    result: Array = np.sign(x) * np.maximum(np.abs(x) - threshold, 0)
    return result


def _celu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


_TABLE: dict[str, Callable[..., Any]] = {
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "erf": activations.erf,
    "identity": lambda x: x,
    "softmax": _along(activations.softmax),
    "log_softmax": _along(activations.log_softmax),
    "gelu": _gelu,
    "elu": activations.elu,
    "celu": _celu,
    "leaky_relu": activations.leaky_relu,
    "hard_shrink": _hard_shrink,
    "soft_shrink": _soft_shrink,
    "threshold": lambda x, threshold, default_value: np.where(x > threshold, x, default_value),
    "logsumexp": _logsumexp,
    "norm": _norm,
    "normalize": _normalize,
    "pad": _pad,
    "one_hot": _one_hot,
    "take": _take,
    "take_along_axis": _along_axis,
    "top_k": _top_k,
    "divide_no_nan": _divide_no_nan,
    "zeros_like": _like(0),
    "ones_like": _like(1),
    "full_like": lambda x, value: np.full_like(x, value),
    "cast": _cast,
    "broadcast_to": _broadcast_to,
    "reshape": _reshape,
    "tensordot": lambda x, y, axes: np.tensordot(x, y, axes),
    "einsum": lambda *arrays, subscripts: np.einsum(subscripts, *arrays, optimize=True),
}
