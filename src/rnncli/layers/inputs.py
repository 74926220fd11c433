"""The layer that a model begins with: on its own, since every command needs it."""

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType
from rnncli.model import Config
from rnncli.shapes import Shape


def _input_shape(config: Config) -> Shape:
    shape = config.get("batch_shape")
    if shape is None:
        if config.get("shape") is None:
            raise ShapeError("Input needs a shape", "Input((100, 32)) is 100 steps of 32 features")
        shape = (config.get("batch_size"), *config["shape"])
    return tuple(shape)


_INPUT = {
    "shape": None,
    "batch_size": None,
    "dtype": None,
    "sparse": None,
    "ragged": None,
    "batch_shape": None,
    "name": None,
    "tensor": None,
    "optional": False,
}


TYPES = {
    "InputLayer": LayerType(
        _INPUT, lambda config, _: (_input_shape(config),), not_run="it is given"
    ),
}
