"""Activations that are layers."""

from rnncli.layers.kind import Kind, signature
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


KINDS = {
    "ReLU": Kind(
        signature("max_value=None, negative_slope=0.0, threshold=0.0"), built_at_init=True
    ),
    "LeakyReLU": Kind(signature("negative_slope=0.3"), built_at_init=True),
    "ELU": Kind(signature("alpha=1.0"), built_at_init=True),
    "ThresholdedReLU": Kind(signature("theta=1.0")),
    "PReLU": Kind(
        signature(
            "alpha_initializer='Zeros', alpha_regularizer=None, alpha_constraint=None, "
            "shared_axes=None"
        ),
        weights=_prelu_weights,
    ),
    "Softmax": Kind(signature("axis=-1"), built_at_init=True),
    "Rescaling": Kind(signature("scale, offset=0.0")),
}
