"""Layers of several inputs.

Keras 3 keeps a step that any input keeps, and masks only where all inputs have a mask; Keras 1 and
2 keep what every mask there is keeps.
"""

from collections.abc import Mapping, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError, UnsupportedError
from rnncli.layers.layer_type import REQUIRED, LayerType, each_step, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.normalization import unit
from rnncli.layers.op import Array, Op, OpContext, Value
from rnncli.model import Config
from rnncli.shapes import Dim, Shape, Shapes, product, show

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


def _several(name: str, inputs: Shapes) -> None:
    if not inputs:
        raise ShapeError(f"{name} needs inputs to merge")


def _together(name: str, config: Config, inputs: Shapes) -> Shapes:
    """Return the shape that the inputs broadcast to; an open size stays open, as in Keras."""
    _several(name, inputs)
    merged = inputs[0][1:]
    for shape in inputs[1:]:
        other = shape[1:]
        longer, shorter = (merged, other) if len(merged) >= len(other) else (other, merged)
        head = len(longer) - len(shorter)
        pairs = list(zip(longer[head:], shorter, strict=True))
        if any(None not in pair and 1 not in pair and len(set(pair)) > 1 for pair in pairs):
            raise ShapeError(f"{name} cannot merge {' and '.join(map(show, inputs))}")
        merged = (*longer[:head], *(_broadcast(*pair) for pair in pairs))
    batches = {shape[0] for shape in inputs} - {None}
    return ((batches.pop() if len(batches) == 1 else None, *merged),)


def _broadcast(one: Dim, other: Dim) -> Dim:
    return None if one is None or other is None else max(one, other)


def concatenate(config: Config, inputs: Shapes) -> Shapes:
    """Return the inputs' shape with their sizes along `axis` added up."""
    _several("Concatenate", inputs)
    axis, first = config["axis"], inputs[0]
    axis = axis + len(first) if axis < 0 else axis
    for shape in inputs[1:]:
        others = zip(first, shape, strict=False)
        fits = len(shape) == len(first) and all(
            index == axis or None in dims or dims[0] == dims[1] for index, dims in enumerate(others)
        )
        if not fits:
            raise ShapeError(
                f"Concatenate cannot join {show(first)} and {show(shape)} along {axis}"
            )
    sizes = [shape[axis] for shape in inputs]
    merged = list(first)  # Keras takes the other sizes from the first input, even where it is open
    merged[axis] = None if None in sizes else sum(size for size in sizes if size is not None)
    return (tuple(merged),)


def dot_axes(axes: Any, one: Shape, other: Shape) -> tuple[int, int]:
    """Return the axis of each input that Dot sums over, from 0."""
    first, second = (axes, axes) if isinstance(axes, int) else axes
    return first % len(one), second % len(other)


def _dot(config: Config, inputs: Shapes) -> Shapes:
    one, other = inputs
    first, second = dot_axes(config["axes"], one, other)
    if None not in (one[first], other[second]) and one[first] != other[second]:
        raise ShapeError(
            f"Dot cannot sum over axis {first} of {show(one)} and {second} of {show(other)}"
        )
    left = tuple(dim for axis, dim in enumerate(one) if axis != first)
    right = tuple(dim for axis, dim in enumerate(other) if axis not in (0, second))
    shape = left + right
    return (shape if len(shape) > 1 else (*shape, 1),)


def _dot_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    first, _ = dot_axes(config["axes"], *inputs)
    return product((*outputs[0][1:], inputs[0][first]))


def _merge(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape of Keras 1's Merge, whose `mode` names what are layers today."""
    mode = config["mode"]
    if mode == "concat":
        return concatenate({"axis": config["concat_axis"]}, inputs)
    if mode in ("dot", "cos"):
        return _dot({"axes": config["dot_axes"]}, inputs)
    return _together("Merge", config, inputs)


_FUNCTIONS = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Average": "add",
    "Maximum": "maximum",
    "Minimum": "minimum",
}


class Elementwise(Op):
    """Inputs merged value by value."""

    def __init__(self, setup: OpContext) -> None:
        self.kind, self.keras = setup.kind, setup.keras
        self.function = getattr(np, _FUNCTIONS[setup.kind])

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the merged value."""
        masks = [value.mask for value in inputs]
        values = _ranked([value.array for value in inputs])
        mask = _every(masks) if self.keras < 3 else _any_of_all(masks)
        if self.keras >= 3 and any(each is not None for each in masks):
            if self.kind == "Multiply":
                return (Value(_product(values, masks, mask), mask),)
            if self.kind in ("Maximum", "Minimum"):
                return (Value(self._extreme(values, masks), mask),)
        output = reduce(self.function, values)
        return (Value(output / len(inputs) if self.kind == "Average" else output, mask),)

    def _extreme(self, values: Sequence[Array], masks: Sequence[Array | None]) -> Array:
        """Return the extreme of what counts: a value left out gives way to the others."""
        output, kept = values[0], masks[0]
        for x, mask in zip(values[1:], masks[1:], strict=True):
            if mask is not None:
                x = np.where(mask[..., None], x, output)
            if kept is not None:
                output = np.where(kept[..., None], output, x)
            kept = None if mask is None or kept is None else kept | mask
            output = self.function(output, x)
        return output


def _product(values: Sequence[Array], masks: Sequence[Array | None], kept: Array | None) -> Array:
    ones = [
        x if mask is None else np.where(mask[..., None], x, x.dtype.type(1))
        for x, mask in zip(values, masks, strict=True)
    ]
    output = reduce(np.multiply, ones)
    return output if kept is None else np.where(kept[..., None], output, output.dtype.type(0))


def _ranked(inputs: list[Array]) -> list[Array]:
    """Return the inputs with axes of size 1 after the batch, so that all have the same rank."""
    longest = max(each.ndim for each in inputs)
    return [x.reshape(len(x), *(1,) * (longest - x.ndim), *x.shape[1:]) for x in inputs]


def _any_of_all(masks: Sequence[Array | None]) -> Array | None:
    known = [mask for mask in masks if mask is not None]
    return reduce(np.logical_or, known) if len(known) == len(masks) else None


def _every(masks: Sequence[Array | None]) -> Array | None:
    known = [mask for mask in masks if mask is not None]
    return reduce(np.logical_and, known) if known else None


class Concatenate(Op):
    """Inputs side by side."""

    def __init__(self, setup: OpContext) -> None:
        self.axis = setup.config.get("axis", setup.config.get("concat_axis", -1))
        self.keras = setup.keras

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the inputs joined along the axis, and their masks likewise."""
        output = np.concatenate([value.array for value in inputs], axis=self.axis)
        if all(value.mask is None for value in inputs):
            return (Value(output),)
        wide = np.concatenate([_wide(value) for value in inputs], axis=self.axis)
        kept: Array = (np.any if self.keras >= 3 else np.all)(wide, axis=-1)
        return (Value(output, kept),)


def _wide(value: Value) -> Array:
    """Return the mask in the shape of the array, all True if there is none."""
    x, mask = value
    if mask is None:
        return np.ones(x.shape, bool)
    return np.broadcast_to(mask[..., None] if mask.ndim < x.ndim else mask, x.shape)


class Dot(Op):
    """The product of two inputs, summed over one axis of each."""

    def __init__(self, setup: OpContext) -> None:
        config = setup.config
        self.axes = config.get("axes", config.get("dot_axes"))
        self.cosine = config.get("mode") == "cos"  # Keras 1 gives it an axis more
        self.normalize = config.get("normalize") or self.cosine

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return `(batch, *axes of the first, *axes of the second)`, without a mask."""
        one, other = inputs[0].array, inputs[1].array
        first, second = dot_axes(self.axes, one.shape, other.shape)
        if self.normalize:
            one, other = unit(one, (first,)), unit(other, (second,))
        left, right = np.moveaxis(one, first, -1), np.moveaxis(other, second, 1)
        rows = left.reshape(len(left), -1, left.shape[-1])
        columns = right.reshape(*right.shape[:2], -1)
        shape = (*left.shape[1:-1], *right.shape[2:]) or (1,)
        output = (rows @ columns).reshape(len(left), *shape)
        return (Value(output[:, None] if self.cosine else output),)


def _merged(setup: OpContext) -> Op:
    """Keras 1's Merge, whose `mode` names what today are layers of their own."""
    mode = setup.config["mode"]
    kinds = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum"}
    if mode in kinds:
        return Elementwise(setup._replace(kind=kinds[mode]))
    if mode == "concat":
        return Concatenate(setup)
    if mode in ("dot", "cos"):
        return Dot(setup)
    raise UnsupportedError(f"layer {setup.name!r} (Merge) cannot be run; its mode is {mode!r}")


def _concatenate_streams(config: Config, rank: int) -> bool:
    return rank >= 3 and config["axis"] % rank not in (0, 1)


TYPES = {
    **{
        name: LayerType({}, partial(_together, name), streams=each_step, run=Elementwise)
        for name in _FUNCTIONS
    },
    "Concatenate": LayerType(
        {"axis": -1}, concatenate, streams=_concatenate_streams, run=Concatenate
    ),
    "Dot": LayerType({"axes": REQUIRED, "normalize": False}, _dot, macs=_dot_macs, run=Dot),
    "Merge": LayerType(
        signature("layers=None, mode='sum', concat_axis=-1, dot_axes=-1"), _merge, run=_merged
    ),
}
