"""Operations along axes: sums and their like, running ones, order, losses."""

from typing import TYPE_CHECKING, Any

from rnncli.layers.lazy import lazy
from rnncli.layers.ops.row import (
    Row,
    axes_of,
    same,
    scalar,
    shapes_of,
    types,
    without,
)
from rnncli.model import Config
from rnncli.shapes import Shapes, product

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import tensors
else:
    np, tensors = lazy("numpy"), lazy("rnncli.kernels.tensors")

_KEPT = ("axis", "keepdims")
# Keras's name, and NumPy's where that is not the same in lower case.
_REDUCTIONS = (
    "Any All Sum Mean Amax Amin Std Var Median Nansum Nanmean Nanmax Nanmin Nanstd Nanvar "
    "Nanprod Nanmedian Nanargmax Nanargmin Ptp Argmax Argmin CountNonzero=count_nonzero"
)
_RUNNING = "Cumsum Cumprod Nancumsum Nancumprod"


def reduced(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape without the config's axes."""
    return (without(inputs[0], config.get("axis"), bool(config.get("keepdims"))),)


def _running(config: Config, inputs: Shapes) -> Shapes:
    if config.get("axis") is not None:
        return inputs[:1]
    return ((product(inputs[0]),),)


def _quantiles(config: Config, inputs: Shapes) -> Shapes:
    shape, several = (*shapes_of(config, inputs), ())[:2]
    return ((*several, *without(shape, config.get("axis"), bool(config.get("keepdims")))),)


def _moments(config: Config, inputs: Shapes) -> Shapes:
    shape = without(inputs[0], config["axes"], bool(config.get("keepdims")))
    return shape, shape


def _moments_of(x: Any, axes: Any, keepdims: bool = False) -> Any:
    return np.mean(x, axis=axes, keepdims=keepdims), np.var(x, axis=axes, keepdims=keepdims)


def _average(x: Any, weights: Any = None, axis: Any = None) -> Any:
    return np.average(x, axis=axis, weights=weights)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return a norm; `euclidean` is TensorFlow's word, of all numbers where no axis is said."""
    if ord == "euclidean":
        return np.sqrt(np.square(x).sum(axis, keepdims=keepdims))
    return np.linalg.norm(x, ord, axis, keepdims)


def _normalize(x: Any, axis: Any = -1, order: float = 2, epsilon: float | None = None) -> Any:
    length = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.maximum(length, 1e-7 if epsilon is None else epsilon)


def _averaged(config: Config, inputs: Shapes) -> Shapes:
    return (without(inputs[0], config.get("axis")),)


def _along_last(function: str) -> Any:
    return lambda x, axis=-1: getattr(tensors, function)(x, axis)


def _halved(config: Config, inputs: Shapes) -> Shapes:
    (axis,) = axes_of(config.get("axis", -1), len(inputs[0]))
    sizes = [None if dim is None else dim // 2 for dim in inputs[0]]
    return (tuple(sizes[at] if at == axis else dim for at, dim in enumerate(inputs[0])),)


def _glu(x: Any, axis: int = -1) -> Any:
    one, other = np.split(x, 2, axis)
    return one * tensors.sigmoid(other)


def _crossentropy(config: Config, inputs: Shapes) -> Shapes:
    return (without(shapes_of(config, inputs)[1], config.get("axis", -1)),)


def _trapezoid(config: Config, inputs: Shapes) -> Shapes:
    return (without(inputs[0], config.get("axis", -1)),)


def _diffs(config: Config, inputs: Shapes) -> Shapes:
    shape, times = list(inputs[0]), config.get("n", 1)
    (axis,) = axes_of(config.get("axis", -1), len(shape))
    dim = shape[axis]
    shape[axis] = None if dim is None else max(0, dim - times)
    return (tuple(shape),)


def _bincount(config: Config, inputs: Shapes) -> Shapes:
    return ((*inputs[0][:-1], None),)


def _sorted_places(config: Config, inputs: Shapes) -> Shapes:
    return (shapes_of(config, inputs)[1],)


def _in_top_k(config: Config, inputs: Shapes) -> Shapes:
    return (shapes_of(config, inputs)[0],)


def _histogram(config: Config, inputs: Shapes) -> Shapes:
    bins = config.get("bins", 10)
    return (bins,), (bins + 1,)


def _segments(config: Config, inputs: Shapes) -> Shapes:
    return ((config.get("num_segments"), *inputs[0][1:]),)


def _top(config: Config, inputs: Shapes) -> Shapes:
    shape = (*inputs[0][:-1], config["k"])
    return shape, shape


_OTHERS: dict[str, Row] = {
    "Max": Row(reduced, "max", (*_KEPT, "initial")),
    "Min": Row(reduced, "min", (*_KEPT, "initial")),
    "Prod": Row(reduced, "prod", (*_KEPT, "dtype")),
    "Logsumexp": Row(reduced, lambda x, axis=None, keepdims=False:
                     tensors.logsumexp(x, axis, keepdims), _KEPT),
    "Norm": Row(reduced, _norm, ("ord", *_KEPT)),
    "Average": Row(_averaged, _average, ("axis",)),
    "Normalize": Row(same, _normalize, ("axis", "order", "epsilon")),
    "Moments": Row(_moments, _moments_of, ("axes", "keepdims")),
    "Quantile": Row(_quantiles, "quantile", (*_KEPT, "method")),
    "Percentile": Row(_quantiles, "percentile", (*_KEPT, "method")),
    "Nanquantile": Row(_quantiles, "nanquantile", (*_KEPT, "method")),
    "Nanpercentile": Row(_quantiles, "nanpercentile", (*_KEPT, "method")),
    "Softmax": Row(same, _along_last("softmax"), ("axis",)),
    "LogSoftmax": Row(same, _along_last("log_softmax"), ("axis",)),
    "Sparsemax": Row(same, _along_last("sparsemax"), ("axis",)),
    "Glu": Row(_halved, _glu, ("axis",)),
    "Sort": Row(_running, "sort", ("axis",)),
    "Argsort": Row(_running, "argsort", ("axis",)),
    "Argpartition": Row(same, "argpartition", ("kth", "axis")),
    "TopK": Row(_top, lambda x, k: tensors.top_k(x, k), ("k",)),
    "InTopK": Row(_in_top_k, lambda targets, predictions, k:
                  tensors.in_top_k(targets, predictions, k), ("k",)),
    "Diff": Row(_diffs, "diff", ("n", "axis")),
    "Trapezoid": Row(_trapezoid, "trapezoid", ("x", "dx", "axis")),
    "Bincount": Row(_bincount, lambda x, weights=None, minlength=0:
                    tensors.bincount(x, weights, minlength), ("weights", "minlength")),
    "Digitize": Row(same, "digitize"),
    "SearchSorted": Row(_sorted_places, "searchsorted", ("side",)),
    "Histogram": Row(_histogram, "histogram", ("bins", "range")),
    "AllClose": Row(scalar, "allclose", ("rtol", "atol", "equal_nan")),
    "BinaryCrossentropy": Row(same, lambda target, output, from_logits=False:
                              tensors.binary_crossentropy(target, output, from_logits),
                              ("from_logits",)),
    "CategoricalCrossentropy": Row(
        _crossentropy, lambda target, output, from_logits=False, axis=-1:
        tensors.crossentropy(target, output, from_logits, axis), ("from_logits", "axis")),
    "SparseCategoricalCrossentropy": Row(
        _crossentropy, lambda target, output, from_logits=False, axis=-1:
        tensors.sparse_crossentropy(target, output, from_logits, axis), ("from_logits", "axis")),
    "PSNR": Row(scalar, lambda x1, x2, max_val:
                20 * np.log10(max_val) - 10 * np.log10(np.mean(np.square(x1 - x2))), ("max_val",)),
    "IsIn": Row(same, "isin", ("assume_unique", "invert")),
    **{
        f"Segment{name}": Row(
            _segments, lambda data, segment_ids, num_segments=None, name=name:
            tensors.segments(data, segment_ids, num_segments, name), ("num_segments",))
        for name in ("Sum", "Max", "Min", "Prod")
    },
}  # fmt: skip


def _named(names: str) -> list[tuple[str, str]]:
    pairs = (name.partition("=") for name in names.split())
    return [(keras, function or keras.lower()) for keras, _, function in pairs]


TYPES = types(
    {
        **{keras: Row(reduced, name, _KEPT) for keras, name in _named(_REDUCTIONS)},
        **{keras: Row(_running, name, ("axis", "dtype")) for keras, name in _named(_RUNNING)},
        **_OTHERS,
    }
)
