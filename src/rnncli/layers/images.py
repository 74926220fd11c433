"""Images and sequences of another size, and their contrast."""

from typing import TYPE_CHECKING, Any

from rnncli.layers.layer_type import LayerType, pair, rank, same_shape, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain, unsupported
from rnncli.layers.reshaping import AXES, as_it_was, channels_last, space_from
from rnncli.model import Config
from rnncli.shapes import Shapes

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import contrast, images
else:
    np, images = lazy("numpy"), lazy("rnncli.kernels.images")
    contrast = lazy("rnncli.kernels.contrast")


def _up_sampling(axes: int, arguments: str) -> LayerType:
    name = f"UpSampling{axes}D"

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        shape = list(rank(inputs[0], axes + 2, name, AXES[axes]))
        for axis, times in enumerate(pair(config["size"], axes), space_from(config)):
            dim = shape[axis]
            shape[axis] = None if dim is None else dim * times
        return (tuple(shape),)

    def run(setup: OpContext) -> Op:
        config, times = setup.config, pair(setup.config["size"], axes)
        method = str(config.get("interpolation") or "nearest").lower()
        if method != "nearest":
            return _interpolated(setup, method, lambda size: (size[0] * times[0],
                                                              size[1] * times[1]))  # fmt: skip

        def upsample(x: Array) -> Array:
            for axis, many in enumerate(times, space_from(config)):
                x = np.repeat(x, many, axis=axis)
            return x

        return Plain(upsample)

    return LayerType(signature(arguments), outputs, run=run)


def _interpolated(setup: OpContext, method: str, size_of: Any, antialias: bool = False) -> Op:
    """Return the operation that gives an image another size. Raises: UnsupportedError."""
    if not images.is_known(method):
        raise unsupported(setup.name, setup.kind, f"interpolation {method!r}")

    def resize(x: Array) -> Array:
        x = channels_last(setup.config, x)
        resized = images.resized(x, size_of(x.shape[1:3]), method, antialias)
        return as_it_was(setup.config, resized)

    return Plain(resize)


def _sized(name: str) -> Any:
    """Return the output shape of a layer that makes images `height` by `width`."""

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        shape = list(rank(inputs[0], 4, name, AXES[2]))
        first = space_from(config)
        shape[first : first + 2] = config["height"], config["width"]
        return (tuple(shape),)

    return outputs


def _resize(setup: OpContext) -> Op:
    config, size = setup.config, (setup.config["height"], setup.config["width"])
    method = str(config["interpolation"]).lower()
    if not images.is_known(method):
        raise unsupported(setup.name, setup.kind, f"interpolation {method!r}")

    def resize(x: Array) -> Array:
        x = channels_last(config, x)
        if config["crop_to_aspect_ratio"]:
            x = images.cropped(x, size)
        elif config["pad_to_aspect_ratio"]:
            x = images.padded(x, size, config["fill_value"])
        return as_it_was(config, images.resized(x, size, method, config["antialias"]))

    return Plain(resize)


def _center(setup: OpContext) -> Op:
    """Return the middle of an image; of one too small, what crop and bilinear resizing give."""
    config, size = setup.config, (setup.config["height"], setup.config["width"])

    def crop(x: Array) -> Array:
        x = channels_last(config, x)
        starts = [(old - new) // 2 for old, new in zip(x.shape[1:3], size, strict=True)]
        if min(starts) < 0:
            x = images.resized(images.cropped(x, size), size, "bilinear")
        else:
            (top, left), (height, width) = starts, size
            x = x[:, top : top + height, left : left + width]
        return as_it_was(config, x)

    return Plain(crop)


def _auto_contrast(setup: OpContext) -> Op:
    low, high = sorted(setup.config["value_range"])
    return Plain(lambda x: contrast.stretched(x, low, high))


def _equalized(setup: OpContext) -> Op:
    config = setup.config
    (low, high), grid = config["value_range"], tuple(config["tile_grid_size"])

    def equalize(x: Array) -> Array:
        pixels = contrast.scaled(channels_last(config, x), (low, high), (0, 255))
        pixels = contrast.equalized(pixels, config["clip_limit"], grid)
        scaled = contrast.scaled(pixels, (0, 255), (low, high))
        return as_it_was(config, scaled.astype(x.dtype))

    return Plain(equalize)


TYPES = {
    "UpSampling1D": _up_sampling(1, "size=2"),
    "UpSampling2D": _up_sampling(2, "size=(2, 2), data_format=None, interpolation='nearest'"),
    "UpSampling3D": _up_sampling(3, "size=(2, 2, 2), data_format=None"),
    "Resizing": LayerType(
        signature(
            "height, width, interpolation='bilinear', crop_to_aspect_ratio=False, "
            "pad_to_aspect_ratio=False, fill_mode='constant', fill_value=0.0, antialias=False, "
            "data_format=None"
        ),
        _sized("Resizing"),
        built_at_init=True,
        run=_resize,
    ),
    "CenterCrop": LayerType(
        signature("height, width, data_format=None"),
        _sized("CenterCrop"),
        built_at_init=True,
        run=_center,
    ),
    "AutoContrast": LayerType(
        signature("value_range=(0, 255)"), same_shape, built_at_init=True, run=_auto_contrast
    ),
    "ContrastLimitedAdaptiveHistogramEqualization": LayerType(
        signature("value_range=(0, 255), clip_limit=4.0, tile_grid_size=(8, 8), data_format=None"),
        same_shape,
        built_at_init=True,
        run=_equalized,
    ),
}
