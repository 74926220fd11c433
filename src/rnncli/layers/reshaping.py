"""Layers that move values without changing them."""

from math import prod
from typing import Any

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import REQUIRED, LayerType, channels_first, pair, rank, signature
from rnncli.model import Config
from rnncli.shapes import Dim, Shapes, product, show

STEPS = "(batch, time, features)"
IMAGE = "(batch, rows, columns, channels)"


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


def _upsample(config: Config, inputs: Shapes) -> Shapes:
    batch, steps, features = rank(inputs[0], 3, "UpSampling1D", STEPS)
    return ((batch, None if steps is None else steps * pair(config["size"])[0], features),)


def padding_1d(value: Any) -> tuple[int, int]:
    """Return what is added or cut at both ends: `1` means `(1, 1)`."""
    before, after = pair(value, 2)
    return before, after


def padding_2d(value: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return what is added or cut at both ends of both axes: `1` means `((1, 1), (1, 1))`."""
    rows, columns = pair(value, 2)
    return padding_1d(rows), padding_1d(columns)


def _longer(dim: Dim, ends: tuple[int, int], sign: int = 1) -> Dim:
    if dim is None:
        return None
    size = dim + sign * sum(ends)
    if size < 1:
        raise ShapeError(f"cropping {ends} leaves nothing of {dim} steps")
    return size


def _pad(config: Config, inputs: Shapes) -> Shapes:
    shape = list(rank(inputs[0], 3, "ZeroPadding1D", STEPS))
    axis = 2 if channels_first(config) else 1
    shape[axis] = _longer(shape[axis], padding_1d(config["padding"]))
    return (tuple(shape),)


def _crop(config: Config, inputs: Shapes) -> Shapes:
    batch, steps, features = rank(inputs[0], 3, "Cropping1D", STEPS)
    return ((batch, _longer(steps, padding_1d(config["cropping"]), -1), features),)


def _image(what: str, key: str, config: Config, inputs: Shapes, sign: int) -> Shapes:
    shape = list(rank(inputs[0], 4, what, IMAGE))
    first = 2 if channels_first(config) else 1
    for axis, ends in enumerate(padding_2d(config[key]), first):
        shape[axis] = _longer(shape[axis], ends, sign)
    return (tuple(shape),)


def _upsample_2d(config: Config, inputs: Shapes) -> Shapes:
    shape = list(rank(inputs[0], 4, "UpSampling2D", IMAGE))
    first = 2 if channels_first(config) else 1
    for axis, times in enumerate(pair(config["size"], 2), first):
        dim = shape[axis]
        shape[axis] = None if dim is None else dim * times
    return (tuple(shape),)


TYPES = {
    "Flatten": LayerType({"data_format": None}, _flatten),
    "Reshape": LayerType({"target_shape": REQUIRED}, _reshape),
    "Permute": LayerType({"dims": REQUIRED}, _permute),
    "RepeatVector": LayerType({"n": REQUIRED}, _repeat),
    "UpSampling1D": LayerType({"size": 2}, _upsample),
    "ZeroPadding1D": LayerType(signature("padding=1, data_format=None"), _pad),
    "Cropping1D": LayerType({"cropping": (1, 1)}, _crop),
    "UpSampling2D": LayerType(
        signature("size=(2, 2), data_format=None, interpolation='nearest'"), _upsample_2d
    ),
    "ZeroPadding2D": LayerType(
        signature("padding=(1, 1), data_format=None"),
        lambda config, inputs: _image("ZeroPadding2D", "padding", config, inputs, 1),
    ),
    "Cropping2D": LayerType(
        signature("cropping=((0, 0), (0, 0)), data_format=None"),
        lambda config, inputs: _image("Cropping2D", "cropping", config, inputs, -1),
    ),
}
