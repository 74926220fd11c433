"""Operations on tensors that Keras 3 writes into functional models, for masks above all.

Source: `keras/src/ops/numpy.py`. Constant operands stand in the call, not in the config.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from rnncli.errors import ShapeError
from rnncli.layers import TABLE
from rnncli.layers.layer_type import LayerType, Outputs, pair
from rnncli.model import Config
from rnncli.shapes import Dim, Shapes


def _broadcast(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape of an element-by-element operation on one or more tensors."""
    columns = zip_longest(*(shape[::-1] for shape in inputs), fillvalue=1)
    return (tuple(_common(column) for column in columns)[::-1],)


def _common(dims: Sequence[Dim]) -> Dim:
    sizes = {dim for dim in dims if dim not in (None, 1)}
    if len(sizes) > 1:
        raise ShapeError(f"sizes {sorted(size for size in sizes if size)} do not fit together")
    return sizes.pop() if sizes else (None if None in dims else 1)


def _reduced(config: Config, inputs: Shapes) -> Shapes:
    shape, axis = inputs[0], config["axis"]
    gone = {each % len(shape) for each in (range(len(shape)) if axis is None else pair(axis))}
    if config["keepdims"]:
        return (tuple(1 if at in gone else dim for at, dim in enumerate(shape)),)
    return (tuple(dim for at, dim in enumerate(shape) if at not in gone),)


def _expanded(config: Config, inputs: Shapes) -> Shapes:
    shape, axis = list(inputs[0]), config["axis"]
    shape.insert(axis if axis >= 0 else axis + len(shape) + 1, 1)
    return (tuple(shape),)


def _joined(config: Config, inputs: Shapes) -> Shapes:
    from rnncli.layers import layer_type

    return layer_type("Concatenate").outputs({"axis": config["axis"]}, inputs)


def _part(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape of `x[key]`; the reader puts the call's key into the config."""
    shape = list(inputs[0])
    found: list[Dim] = []
    for each in key_of(config.get("key", ())):
        if each is None:
            found.append(1)
            continue
        dim = shape.pop(0)
        if isinstance(each, slice):
            found.append(None if dim is None else len(range(dim)[each]))
    return ((*found, *shape),)


def key_of(stated: Any) -> tuple[Any, ...]:
    """Return the key of `x[key]`: numbers, None and slices. Raises: ShapeError for another."""
    items = stated if isinstance(stated, list | tuple) else [stated]
    found: list[Any] = []
    for each in items:
        if isinstance(each, dict) and each.get("class_name") == "__slice__":
            ends = each.get("config")
            ends = ends if isinstance(ends, dict) else {}
            found.append(slice(*(_end(ends.get(name)) for name in ("start", "stop", "step"))))
        elif each is None or type(each) is int:
            found.append(each)
        else:
            raise ShapeError(f"a key of {str(each)[:40]} is not known")
    return tuple(found)


def _end(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise ShapeError(f"a slice to {str(value)[:40]} is not known")
    return value


_OTHERS: dict[str, tuple[dict[str, Any], Outputs]] = {
    **dict.fromkeys(
        ("Any", "All", "Sum", "Mean", "Max", "Min"), ({"axis": None, "keepdims": False}, _reduced)
    ),
    "ExpandDims": ({"axis": -1}, _expanded),
    "Concatenate": ({"axis": 0}, _joined),
    "GetItem": ({}, _part),
}
TYPES = {
    name: LayerType(*_OTHERS.get(name.removeprefix("keras."), ({}, _broadcast)))
    for name, family in TABLE.items()
    if family == "operations"
}
