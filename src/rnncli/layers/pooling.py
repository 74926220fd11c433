"""Pooling over steps and over images."""

from rnncli.layers.layer_type import LayerType, channels_first, pair, rank, scan, signature
from rnncli.layers.reshaping import IMAGE, STEPS
from rnncli.model import Config
from rnncli.shapes import Shapes

_LOCAL = "strides=None, padding='valid', data_format=None"


def _local(name: str, axes: int, arguments: str) -> LayerType:
    def outputs(config: Config, inputs: Shapes) -> Shapes:
        shape = list(rank(inputs[0], axes + 2, name, STEPS if axes == 1 else IMAGE))
        window = pair(config["pool_size"], axes)
        strides = window if config["strides"] is None else pair(config["strides"], axes)
        first = 2 if channels_first(config) else 1
        for index in range(axes):
            shape[first + index] = scan(
                shape[first + index], window[index], strides[index], config["padding"]
            )
        return (tuple(shape),)

    return LayerType(signature(arguments), outputs, built_at_init=True)


def _everywhere(name: str, axes: int) -> LayerType:
    def outputs(config: Config, inputs: Shapes) -> Shapes:
        shape = rank(inputs[0], axes + 2, name, STEPS if axes == 1 else IMAGE)
        batch, channels = shape[0], shape[1] if channels_first(config) else shape[-1]
        if not config["keepdims"]:
            return ((batch, channels),)
        ones = (1,) * axes
        return ((batch, channels, *ones) if channels_first(config) else (batch, *ones, channels),)

    return LayerType(signature("data_format=None, keepdims=False"), outputs, built_at_init=True)


TYPES = {
    "MaxPooling1D": _local("MaxPooling1D", 1, f"pool_size=2, {_LOCAL}"),
    "AveragePooling1D": _local("AveragePooling1D", 1, f"pool_size, {_LOCAL}"),
    "MaxPooling2D": _local("MaxPooling2D", 2, f"pool_size=(2, 2), {_LOCAL}"),
    "AveragePooling2D": _local("AveragePooling2D", 2, f"pool_size, {_LOCAL}"),
    "GlobalMaxPooling1D": _everywhere("GlobalMaxPooling1D", 1),
    "GlobalAveragePooling1D": _everywhere("GlobalAveragePooling1D", 1),
    "GlobalMaxPooling2D": _everywhere("GlobalMaxPooling2D", 2),
    "GlobalAveragePooling2D": _everywhere("GlobalAveragePooling2D", 2),
}
