"""Activations that are layers."""

from rnncli.layers.layer_type import LayerType, signature
from rnncli.model import Config, Weight
from rnncli.shapes import Shapes, known


def _prelu_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shared = config["shared_axes"] or ()
    shared = (shared,) if isinstance(shared, int) else tuple(shared)
    shape = tuple(
        1 if axis in shared else known(dim, f"axis {axis} of PReLU's input (or in shared_axes)")
        for axis, dim in enumerate(inputs[0])
        if axis > 0
    )
    return (Weight("alpha", shape, "one per feature", path="alpha"),)


TYPES = {
    "ReLU": LayerType(
        signature("max_value=None, negative_slope=0.0, threshold=0.0"), built_at_init=True
    ),
    "LeakyReLU": LayerType(signature("negative_slope=0.3"), built_at_init=True),
    "ELU": LayerType(signature("alpha=1.0"), built_at_init=True),
    "ThresholdedReLU": LayerType(signature("theta=1.0")),
    "PReLU": LayerType(
        signature(
            "alpha_initializer='Zeros', alpha_regularizer=None, alpha_constraint=None, "
            "shared_axes=None"
        ),
        weights=_prelu_weights,
    ),
    "Softmax": LayerType(signature("axis=-1"), built_at_init=True),
    "Rescaling": LayerType(signature("scale, offset=0.0")),
}
