"""Layers that change images at random while a model is trained, and hand them through afterwards.

Source: `training=False` in `keras/src/layers/preprocessing/image_preprocessing`. A `RandomCrop`
states the size that it crops to, though at inference it crops nothing.
"""

from rnncli.layers.layer_type import LayerType, channels_first, signature
from rnncli.layers.op import Plain
from rnncli.model import Config
from rnncli.shapes import Shapes


def _cropped(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape that training gives."""
    shape = list(inputs[0])
    first = len(shape) - (2 if channels_first(config) else 3)
    shape[first : first + 2] = config["height"], config["width"]
    return (tuple(shape),)


_FILLED = "fill_mode='reflect', interpolation='bilinear', seed=None, fill_value=0.0"
_COLOURS = "factor, value_range=(0, 255), data_format=None, seed=None"
_ARGUMENTS = {
    "AugMix": (
        "value_range=(0, 255), num_chains=3, chain_depth=3, factor=0.3, alpha=1.0, all_ops=True, "
        "interpolation='bilinear', seed=None, data_format=None"
    ),
    "CutMix": "factor=1.0, seed=None, data_format=None",
    "Equalization": "value_range=(0, 255), bins=256, data_format=None",
    "MixUp": "alpha=0.2, data_format=None, seed=None",
    "RandAugment": (
        "value_range=(0, 255), num_ops=2, factor=0.5, interpolation='bilinear', seed=None, "
        "data_format=None"
    ),
    "RandomBrightness": "factor, value_range=(0, 255), seed=None",
    "RandomColorDegeneration": _COLOURS,
    "RandomColorJitter": (
        "value_range=(0, 255), brightness_factor=None, contrast_factor=None, "
        "saturation_factor=None, hue_factor=None, seed=None, data_format=None"
    ),
    "RandomContrast": "factor, value_range=(0, 255), seed=None",
    "RandomElasticTransform": (
        "factor=1.0, scale=1.0, interpolation='bilinear', fill_mode='reflect', fill_value=0.0, "
        "value_range=(0, 255), seed=None, data_format=None"
    ),
    "RandomErasing": (
        "factor=1.0, scale=(0.02, 0.33), fill_value=None, value_range=(0, 255), seed=None, "
        "data_format=None"
    ),
    "RandomFlip": "mode='horizontal_and_vertical', seed=None, data_format=None",
    "RandomGaussianBlur": (
        "factor=1.0, kernel_size=3, sigma=1.0, value_range=(0, 255), data_format=None, seed=None"
    ),
    "RandomGrayscale": "factor=0.5, data_format=None, seed=None",
    "RandomHue": _COLOURS,
    "RandomInvert": "factor=1.0, value_range=(0, 255), seed=None, data_format=None",
    "RandomPerspective": (
        "factor=1.0, scale=1.0, interpolation='bilinear', fill_value=0.0, seed=None, "
        "data_format=None"
    ),
    "RandomPosterization": _COLOURS,
    "RandomRotation": f"factor, {_FILLED}, data_format=None",
    "RandomSaturation": _COLOURS,
    "RandomSharpness": _COLOURS,
    "RandomShear": (
        "x_factor=0.0, y_factor=0.0, interpolation='bilinear', fill_mode='reflect', "
        "fill_value=0.0, data_format=None, seed=None"
    ),
    "RandomTranslation": f"height_factor, width_factor, {_FILLED}, data_format=None",
    "RandomZoom": f"height_factor, width_factor=None, {_FILLED}, data_format=None",
    "Solarization": ("addition_factor=0.0, threshold_factor=0.0, value_range=(0, 255), seed=None"),
}


def _type(arguments: str) -> LayerType:
    return LayerType(signature(arguments), built_at_init=True, run=lambda _: Plain(lambda x: x))


TYPES = {
    **{name: _type(arguments) for name, arguments in _ARGUMENTS.items()},
    "MaxNumBoundingBoxes": _type("max_number, fill_value=-1"),
    "RandomCrop": _type("height, width, seed=None, data_format=None")._replace(outputs=_cropped),
}
