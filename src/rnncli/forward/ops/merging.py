"""Layers of several inputs.

Keras 3 keeps a step that any input keeps, and masks only where all inputs have a mask; Keras 1 and
2 keep what every mask there is keeps.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from rnncli.errors import UnsupportedError
from rnncli.layers.merging import dot_axes
from rnncli.layers.op import Array, Op, OpContext, Value

_FUNCTIONS = {
    "Add": np.add,
    "Subtract": np.subtract,
    "Multiply": np.multiply,
    "Average": np.add,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
}


class Elementwise(Op):
    """Inputs merged value by value."""

    def __init__(self, setup: OpContext) -> None:
        self.kind, self.keras = setup.kind, setup.keras

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
        output = reduce(_FUNCTIONS[self.kind], values)
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
            output = _FUNCTIONS[self.kind](output, x)
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
            one, other = _unit(one, first), _unit(other, second)
        left, right = np.moveaxis(one, first, -1), np.moveaxis(other, second, 1)
        rows = left.reshape(len(left), -1, left.shape[-1])
        columns = right.reshape(*right.shape[:2], -1)
        shape = (*left.shape[1:-1], *right.shape[2:]) or (1,)
        product = (rows @ columns).reshape(len(left), *shape)
        return (Value(product[:, None] if self.cosine else product),)


def _unit(x: Array, axis: int) -> Array:
    square = np.square(x).sum(axis=axis, keepdims=True)
    unit: Array = x / np.sqrt(np.maximum(square, x.dtype.type(1e-12)))
    return unit


def _merge(setup: OpContext) -> Op:
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


OPS = {
    **dict.fromkeys(_FUNCTIONS, Elementwise),
    "Concatenate": Concatenate,
    "Dot": Dot,
    "Merge": _merge,
}
