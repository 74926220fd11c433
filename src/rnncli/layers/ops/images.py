"""Operations on images."""

from functools import partial
from typing import Any

from rnncli.layers.layer_type import pair
from rnncli.layers.lazy import function_of
from rnncli.layers.ops.row import Row, same, shapes_of, types
from rnncli.model import Config
from rnncli.shapes import Dim, Shape, Shapes


def _apart(config: Config, shape: Shape) -> tuple[Shape, Dim, Dim, Dim]:
    """Return what stands before an image's axes, its rows, columns and channels."""
    if config.get("data_format") == "channels_first":
        return shape[:-3], shape[-2], shape[-1], shape[-3]
    return shape[:-3], shape[-3], shape[-2], shape[-1]


def _whole(config: Config, head: Shape, rows: Dim, columns: Dim, channels: Dim) -> Shape:
    """Return the shape with its channels where the operation has them."""
    if config.get("data_format") == "channels_first":
        return (*head, channels, rows, columns)
    return (*head, rows, columns, channels)


def _resized(config: Config, inputs: Shapes) -> Shapes:
    head, _, _, channels = _apart(config, inputs[0])
    rows, columns = pair(config["size"], 2)
    return (_whole(config, head, rows, columns, channels),)


def _gray(config: Config, inputs: Shapes) -> Shapes:
    head, rows, columns, _ = _apart(config, inputs[0])
    return (_whole(config, head, rows, columns, 1),)


def _edged(sign: int, kind: str) -> Any:
    def shape_of(config: Config, inputs: Shapes) -> Shapes:
        head, *sizes, channels = _apart(config, inputs[0])
        found = []
        for dim, target, ends in zip(sizes, ("height", "width"),
                                     (("top", "bottom"), ("left", "right")),
                                     strict=True):  # fmt: skip
            size = config.get(f"target_{target}")
            if size is None and dim is not None:
                size = dim + sign * sum(config.get(f"{end}_{kind}") or 0 for end in ends)
            found.append(size)
        return (_whole(config, head, found[0], found[1], channels),)

    return shape_of


def _patched(config: Config, inputs: Shapes) -> Shapes:
    head, rows, columns, channels = _apart(config, inputs[0])
    size = pair(config["size"], 2)
    stride = size if config.get("strides") is None else pair(config["strides"], 2)
    wide = pair(config.get("dilation_rate", 1), 2)
    found: list[Dim] = []
    for dim, window, step, dilation in zip((rows, columns), size, stride, wide, strict=True):
        if dim is not None and config.get("padding", "valid") == "valid":
            dim -= dilation * (window - 1)
        found.append(None if dim is None else -(-dim // step))
    deep = None if channels is None else channels * size[0] * size[1]
    return (_whole(config, head, found[0], found[1], deep),)


def _mapped(config: Config, inputs: Shapes) -> Shapes:
    return (shapes_of(config, inputs)[1][1:],)


def _edges(config: Config, inputs: Shapes) -> Shapes:
    return ((*inputs[0], 2),)


_lazily = partial(function_of, "kernels.pictures")
_SIDES = ("top", "left", "bottom", "right")
_TARGETS = ("target_height", "target_width", "data_format")
TYPES = types(
    {
        "RGBToGrayscale": Row(_gray, _lazily("grayscale"), ("data_format",)),
        "RGBToHSV": Row(same, _lazily("rgb_to_hsv"), ("data_format",)),
        "HSVToRGB": Row(same, _lazily("hsv_to_rgb"), ("data_format",)),
        "Resize": Row(_resized, _lazily("resize"),
                      ("size", "interpolation", "antialias", "crop_to_aspect_ratio",
                       "pad_to_aspect_ratio", "fill_value", "data_format")),
        "PadImages": Row(_edged(1, "padding"), _lazily("pad"),
                         (*(f"{side}_padding" for side in _SIDES), *_TARGETS)),
        "CropImages": Row(_edged(-1, "cropping"), _lazily("crop"),
                          (*(f"{side}_cropping" for side in _SIDES), *_TARGETS)),
        "ExtractPatches": Row(_patched, _lazily("patches"),
                              ("size", "strides", "dilation_rate", "padding", "data_format")),
        "MapCoordinates": Row(_mapped, _lazily("map_coordinates"),
                              ("order", "fill_mode", "fill_value")),
        "AffineTransform": Row(same, _lazily("affine"),
                               ("interpolation", "fill_mode", "fill_value", "data_format")),
        "GaussianBlur": Row(same, _lazily("blur"), ("kernel_size", "sigma", "data_format")),
        "SobelEdges": Row(_edges, _lazily("sobel"), ("data_format",)),
    }
)  # fmt: skip
