"""Layers of several inputs."""

from functools import partial
from typing import Any

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import REQUIRED, LayerType, signature
from rnncli.model import Config
from rnncli.shapes import Dim, Shape, Shapes, show


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
    sizes = (*outputs[0][1:], inputs[0][first])
    total = 1
    for size in sizes:
        if size is None:
            return None
        total *= size
    return total


def _merge(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape of Keras 1's Merge, whose `mode` names what are layers today."""
    mode = config["mode"]
    if mode == "concat":
        return concatenate({"axis": config["concat_axis"]}, inputs)
    if mode in ("dot", "cos"):
        return _dot({"axes": config["dot_axes"]}, inputs)
    return _together("Merge", config, inputs)


_ELEMENTWISE = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")

TYPES = {
    **{name: LayerType({}, partial(_together, name)) for name in _ELEMENTWISE},
    "Concatenate": LayerType({"axis": -1}, concatenate),
    "Dot": LayerType({"axes": REQUIRED, "normalize": False}, _dot, macs=_dot_macs),
    "Merge": LayerType(signature("layers=None, mode='sum', concat_axis=-1, dot_axes=-1"), _merge),
}
