"""Layers that move values without changing them."""

from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import REQUIRED, LayerType, channels_first, pair, rank, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.model import Config
from rnncli.shapes import Dim, Shapes, product, show

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

# What the axes of an input are, by the number of those that a window moves over.
AXES = {
    1: "(batch, time, features)",
    2: "(batch, rows, columns, channels)",
    3: "(batch, planes, rows, columns, channels)",
}


def channels_last(config: Config, x: Array) -> Array:
    """Return the input with its channels on the last axis."""
    return np.moveaxis(x, 1, -1) if channels_first(config) else x


def as_it_was(config: Config, x: Array) -> Array:
    """Return the output with its channels where the layer has them."""
    return np.moveaxis(x, -1, 1) if channels_first(config) else x


def _flatten(config: Config, inputs: Shapes) -> Shapes:
    batch, *rest = inputs[0]
    return ((batch, product(rest)),)


def _reshape(config: Config, inputs: Shapes) -> Shapes:
    batch, *rest = inputs[0]
    target = list(config["target_shape"])
    size = product(rest)
    known = prod(dim for dim in target if dim is not None and dim != -1)
    unknown = [index for index, dim in enumerate(target) if dim is None or dim == -1]
    if len(unknown) > 1:
        raise ShapeError(f"Reshape can work out one size, but {show(target)} leaves several open")
    if size is not None and (size % known if unknown and known else size != known):
        raise ShapeError(f"Reshape cannot make {show(target)} of {show(inputs[0])}")
    for index in unknown:
        target[index] = None if size is None else size // known
    return ((batch, *target),)


def _permute(config: Config, inputs: Shapes) -> Shapes:
    shape, dims = inputs[0], tuple(config["dims"])
    if sorted(dims) != list(range(1, len(shape))):
        raise ShapeError(f"Permute {dims} does not name each axis of {show(shape)} once, from 1")
    return ((shape[0], *(shape[dim] for dim in dims)),)


def _repeat(config: Config, inputs: Shapes) -> Shapes:
    batch, features = rank(inputs[0], 2, "RepeatVector", "(batch, features)")
    return ((batch, config["n"], features),)


def _ends(value: Any, axes: int) -> tuple[tuple[int, int], ...]:
    """Return what is added or cut at both ends of each axis: `1` means `((1, 1), …)`."""
    if axes == 1:
        before, after = pair(value, 2)
        return ((before, after),)
    sides = (pair(each, 2) for each in pair(value, axes))
    return tuple((before, after) for before, after in sides)


def _longer(dim: Dim, ends: tuple[int, int], sign: int) -> Dim:
    if dim is None:
        return None
    size = dim + sign * sum(ends)
    if size < 1:
        raise ShapeError(f"cropping {ends} leaves nothing of {dim} steps")
    return size


def space_from(config: Config) -> int:
    """Return the first of the axes that a window moves over."""
    return 2 if channels_first(config) else 1


def _border(name: str, key: str, axes: int, default: str) -> LayerType:
    """Return the type of a layer that pads (`key` is `padding`) or crops."""
    sign = 1 if key == "padding" else -1

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        shape = list(rank(inputs[0], axes + 2, name, AXES[axes]))
        for axis, ends in enumerate(_ends(config[key], axes), space_from(config)):
            shape[axis] = _longer(shape[axis], ends, sign)
        return (tuple(shape),)

    def run(setup: OpContext) -> Op:
        before = [(0, 0)] * space_from(setup.config)
        all_ends = [*before, *_ends(setup.config[key], axes)]
        if sign > 0:
            return Plain(lambda x: np.pad(x, all_ends + [(0, 0)] * (x.ndim - len(all_ends))))
        cuts = tuple(slice(before, -after or None) for before, after in all_ends)
        return Plain(lambda x: x[cuts])

    extra = "" if (axes, key) == (1, "cropping") else ", data_format=None"
    return LayerType(signature(f"{key}={default}{extra}"), outputs, run=run)


def _run_flatten(setup: OpContext) -> Op:
    return Plain(lambda x: channels_last(setup.config, x).reshape(len(x), -1)
                 if x.ndim > 2 else x.reshape(len(x), -1))  # fmt: skip


def _run_reshape(setup: OpContext) -> Op:
    target = [-1 if dim is None else dim for dim in setup.config["target_shape"]]
    return Plain(lambda x: x.reshape(len(x), *target))


def _run_permute(setup: OpContext) -> Op:
    return Plain(lambda x: x.transpose(0, *setup.config["dims"]))


def _run_repeat(setup: OpContext) -> Op:
    return Plain(lambda x: np.repeat(x[:, None], setup.config["n"], axis=1))


TYPES = {
    "Flatten": LayerType({"data_format": None}, _flatten, run=_run_flatten),
    "Reshape": LayerType({"target_shape": REQUIRED}, _reshape, run=_run_reshape),
    "Permute": LayerType({"dims": REQUIRED}, _permute, run=_run_permute),
    "RepeatVector": LayerType({"n": REQUIRED}, _repeat, run=_run_repeat),
    "ZeroPadding1D": _border("ZeroPadding1D", "padding", 1, "1"),
    "ZeroPadding2D": _border("ZeroPadding2D", "padding", 2, "(1, 1)"),
    "ZeroPadding3D": _border("ZeroPadding3D", "padding", 3, "((1, 1), (1, 1), (1, 1))"),
    "Cropping1D": _border("Cropping1D", "cropping", 1, "(1, 1)"),
    "Cropping2D": _border("Cropping2D", "cropping", 2, "((0, 0), (0, 0))"),
    "Cropping3D": _border("Cropping3D", "cropping", 3, "((1, 1), (1, 1), (1, 1))"),
}
