"""Operations that pick numbers of a tensor by their places, or put some there."""

from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers.lazy import lazy
from rnncli.layers.ops.row import (
    Row,
    Slot,
    argument,
    axes_of,
    same,
    shape_of,
    shapes_of,
    together,
    types,
)
from rnncli.model import Config, Constant
from rnncli.shapes import Dim, Shape, Shapes, show

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import tensors
else:
    np, tensors = lazy("numpy"), lazy("rnncli.kernels.tensors")


def _part(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape of `x[key]`."""
    shape = list(shapes_of(config, inputs)[0])
    keys = _keys(argument(config, 1, "key"))
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        named = sum(each is not None and each is not Ellipsis for each in keys)
        keys = [*keys[:at], *[slice(None)] * (len(shape) - named), *keys[at + 1 :]]
    found: list[Dim] = []
    for each in keys:
        if each is None:
            found.append(1)
            continue
        if not shape:
            raise ShapeError(f"{show(inputs[0])} has not as many axes as its key")
        dim = shape.pop(0)
        if isinstance(each, slice):
            found.append(_length(dim, each))
        elif isinstance(each, Slot):
            found += inputs[each.number]
        elif isinstance(each, list | Constant):
            found += shape_of(each)
        elif not isinstance(each, int):
            raise ShapeError(f"a key of {str(each)[:40]} is not known")
    return ((*found, *shape),)


def _keys(key: Any) -> list[Any]:
    if isinstance(key, Slot | Constant) or not isinstance(key, list | tuple):
        return [key]
    return list(key)


def _length(dim: Dim, part: slice) -> Dim:
    for end in (part.start, part.stop, part.step):
        if end is not None and type(end) is not int:
            if isinstance(end, Slot):
                return None
            raise ShapeError(f"a slice to {str(end)[:40]} is not known")
    return None if dim is None else len(range(dim)[part])


def _picked(x: Any, key: Any) -> Any:
    return x[tuple(key) if isinstance(key, list) else key]


def _taken(config: Config, inputs: Shapes) -> Shapes:
    shape, picked = shapes_of(config, inputs)[:2]
    if config.get("axis") is None:
        return (picked,)
    (axis,) = axes_of(config["axis"], len(shape))
    return ((*shape[:axis], *picked, *shape[axis + 1 :]),)


def _take(x: Any, indices: Any, axis: int | None = None) -> Any:
    return np.take(x, np.asarray(indices).astype(np.int64), axis=axis)


def _along(config: Config, inputs: Shapes) -> Shapes:
    shape, picked = shapes_of(config, inputs)[:2]
    if config.get("axis") is None:
        return (picked,)
    (axis,) = axes_of(config["axis"], len(shape))
    others = [tuple(1 if at == axis else dim for at, dim in enumerate(each))
              for each in (shape, picked)]  # fmt: skip
    merged = together(others)
    return ((*merged[:axis], picked[axis], *merged[axis + 1 :]),)


def _take_along(x: Any, indices: Any, axis: int | None = None) -> Any:
    places = np.asarray(indices).astype(np.int64)
    if axis is not None:
        sizes = [1 if at == axis % x.ndim else max(pair) for at, pair in
                 enumerate(zip(x.shape, places.shape, strict=True))]  # fmt: skip
        along = x.shape[axis], places.shape[axis]
        x, places = (
            np.broadcast_to(each, [size if at == axis % x.ndim else dim
                                   for at, dim in enumerate(sizes)])
            for each, size in zip((x, places), along, strict=True)
        )  # fmt: skip
    return np.take_along_axis(x, places, axis)


def _one_hot(config: Config, inputs: Shapes) -> Shapes:
    shape, axis = list(inputs[0]), config.get("axis", -1)
    shape.insert(axis if axis >= 0 else axis + len(shape) + 1, config["num_classes"])
    return (tuple(shape),)


def _encode(x: Any, num_classes: int, axis: int = -1, dtype: str | None = None) -> Any:
    places = np.asarray(x).astype(np.int64)[..., None] == np.arange(num_classes)
    return np.moveaxis(places.astype("float32" if dtype == "bfloat16" else dtype or "float32"),
                       -1, axis)  # fmt: skip


def _multi_hot(config: Config, inputs: Shapes) -> Shapes:
    shape, classes = inputs[0], config.get("num_classes")
    return ((*shape[:-1], classes),) if len(shape) > 1 else ((classes,),)


def _encode_all(inputs: Any, num_classes: int, axis: int = -1, dtype: str | None = None) -> Any:
    return _encode(inputs, num_classes, -1, dtype).max(axis=-2)


def _stated(config: Config, inputs: Shapes) -> Shapes:
    return (tuple(config["shape"]),)


def _scatter(indices: Any, values: Any, shape: Any) -> Any:
    found = np.zeros(shape, np.asarray(values).dtype)
    np.add.at(found, tuple(np.moveaxis(np.asarray(indices), -1, 0)), values)
    return found


_REDUCERS = {None: None, "add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}


def _update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    found, places = np.array(inputs), tuple(np.moveaxis(np.asarray(indices), -1, 0))
    if reduction is None:
        found[places] = updates
    else:
        getattr(np, str(_REDUCERS[reduction])).at(found, places, updates)
    return found


def _slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    return inputs[_window(inputs, start_indices, shape)]


def _window(x: Any, starts: Any, sizes: Any) -> tuple[slice, ...]:
    found = []
    for dim, start, size in zip(x.shape, np.asarray(starts).tolist(), sizes, strict=True):
        size = dim - int(start) if size in (-1, None) else size
        first = min(max(0, int(start)), max(0, dim - size))
        found.append(slice(first, first + size))
    return tuple(found)


def _slice_shape(config: Config, inputs: Shapes) -> Shapes:
    starts = argument(config, 1, "start_indices")
    sizes: list[Dim] = list(config["shape"])
    if isinstance(starts, list):
        sizes = [size if size != -1 else None if dim is None or not isinstance(start, int)
                 else dim - start
                 for size, dim, start in zip(sizes, inputs[0], starts, strict=True)]  # fmt: skip
    return (tuple(None if size == -1 else size for size in sizes),)


def _put(inputs: Any, start_indices: Any, updates: Any) -> Any:
    found = np.array(inputs)
    found[_window(found, start_indices, np.asarray(updates).shape)] = updates
    return found


def _unravelled(config: Config, inputs: Shapes) -> Shapes:
    return inputs[:1] * len(config["shape"])


def _places(config: Config, inputs: Shapes) -> Shapes:
    return ((None,),) * max(1, len(inputs[0]))


def _unique(config: Config, inputs: Shapes) -> Shapes:
    count = 1 + sum(bool(config.get(f"return_{key}")) for key in ("index", "inverse", "counts"))
    axis, size = config.get("axis"), config.get("size")
    shape: Shape = (size,)
    if axis is not None:
        (at,) = axes_of(axis, len(inputs[0]))
        shape = (*inputs[0][:at], size, *inputs[0][at + 1 :])
    return (shape, *(((size,),) * (count - 1)))


TYPES = types(
    {
        "GetItem": Row(_part, _picked),
        "Take": Row(_taken, _take, ("axis",)),
        "TakeAlongAxis": Row(_along, _take_along, ("axis",)),
        "OneHot": Row(_one_hot, _encode, ("num_classes", "axis", "dtype")),
        "MultiHot": Row(_multi_hot, _encode_all, ("num_classes", "axis", "dtype")),
        "Scatter": Row(_stated, _scatter, ("shape",)),
        "ScatterUpdate": Row(same, _update, ("reduction",)),
        "Slice": Row(_slice_shape, _slice, ("shape",)),
        "SliceUpdate": Row(same, _put),
        "UnravelIndex": Row(_unravelled, "unravel_index", ("shape",)),
        "Nonzero": Row(_places, lambda x: np.nonzero(x)),
        "Unique": Row(_unique, lambda x, **rest: tensors.unique(x, **rest),
                      ("return_index", "return_inverse", "return_counts", "axis", "size",
                       "fill_value")),
    }
)  # fmt: skip
