"""Operations on tensors that Keras 3 writes into functional models, for masks above all.

Source: `keras/src/ops/numpy.py`. Constant operands stand in the call, not in the config.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers import TABLE
from rnncli.layers.layer_type import LayerType, Outputs, pair
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Value
from rnncli.model import Config
from rnncli.shapes import Dim, Shapes

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activations
else:
    np, activations = lazy("numpy"), lazy("rnncli.kernels.activations")


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
        if isinstance(each, Mapping) and each.get("class_name") == "__slice__":
            ends = each.get("config")
            ends = ends if isinstance(ends, Mapping) else {}
            found.append(slice(*(_end(ends.get(name)) for name in ("start", "stop", "step"))))
        elif isinstance(each, Mapping) and each.get("class_name") == "__ellipsis__":
            found.append(Ellipsis)
        elif each is None or type(each) is int:
            found.append(each)
        else:
            raise ShapeError(f"a key of {str(each)[:40]} is not known")
    return tuple(found)


def _end(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise ShapeError(f"a slice to {str(value)[:40]} is not known")
    return value


_FUNCTIONS: dict[str, str] = {
    "NotEqual": "not_equal", "Equal": "equal", "LogicalOr": "logical_or",
    "LogicalAnd": "logical_and", "LogicalNot": "logical_not", "Add": "add",
    "Subtract": "subtract", "Multiply": "multiply", "TrueDivide": "divide", "Divide": "divide",
    "Power": "power", "Maximum": "maximum", "Minimum": "minimum", "Negative": "negative",
    "Absolute": "abs", "Exp": "exp", "Sqrt": "sqrt", "Square": "square", "Tanh": "tanh",
}  # fmt: skip
_REDUCTIONS: dict[str, str] = {
    "Any": "any", "All": "all", "Sum": "sum", "Mean": "mean", "Max": "max", "Min": "min",
}  # fmt: skip


class Operation(Op):
    """An operation whose operands are the call's tensors and constants, in their order."""

    def __init__(self, setup: OpContext) -> None:
        self.setup, self.name = setup, setup.kind.removeprefix("keras.")

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the result, in the run's type where it is not a truth value."""
        arrays = [value.array for value in inputs]
        result = np.asarray(self._result(arrays, self.setup.config))
        return (Value(result.astype(self.setup.dtype) if result.dtype.kind == "f" else result),)

    def _result(self, arrays: list[Array], config: Mapping[str, Any]) -> Any:
        if self.name in _REDUCTIONS:
            axis = config["axis"]
            axes = tuple(axis) if isinstance(axis, list | tuple) else axis
            return getattr(np, _REDUCTIONS[self.name])(
                arrays[0], axis=axes, keepdims=config["keepdims"]
            )
        if self.name in ("ZerosLike", "OnesLike"):
            like = np.zeros_like if self.name == "ZerosLike" else np.ones_like
            return like(arrays[0], dtype=bool if config.get("dtype") == "bool" else None)
        if self.name == "ExpandDims":
            return np.expand_dims(arrays[0], config["axis"])
        if self.name == "Concatenate":
            return np.concatenate(arrays, config["axis"])
        if self.name == "GetItem":
            return arrays[0][key_of(config.get("key", ()))]
        tensors = iter(arrays)
        operands = config.get("operands") or [None] * len(arrays)
        if self.name in ("Sigmoid", "Relu"):
            return activations.activation(self.name.lower())(arrays[0])
        return getattr(np, _FUNCTIONS[self.name])(
            *(next(tensors) if o is None else o for o in operands)
        )


_OTHERS: dict[str, tuple[dict[str, Any], Outputs]] = {
    **dict.fromkeys(
        ("Any", "All", "Sum", "Mean", "Max", "Min"), ({"axis": None, "keepdims": False}, _reduced)
    ),
    "ExpandDims": ({"axis": -1}, _expanded),
    "Concatenate": ({"axis": 0}, _joined),
    "GetItem": ({}, _part),
}
TYPES = {
    name: LayerType(*_OTHERS.get(name.removeprefix("keras."), ({}, _broadcast)), run=Operation)
    for name, family in TABLE.items()
    if family == "operations"
}
