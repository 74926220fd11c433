"""Activations that are layers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.layers.layer_type import LayerType, each_step, pair, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Value, masked
from rnncli.model import Config, Weight
from rnncli.shapes import Shapes, known

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activations
else:
    np, activations = lazy("numpy"), lazy("rnncli.kernels.activations")


def _prelu_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shared = config["shared_axes"] or ()
    shared = (shared,) if isinstance(shared, int) else tuple(shared)
    shape = tuple(
        1 if axis in shared else known(dim, f"axis {axis} of PReLU's input (or in shared_axes)")
        for axis, dim in enumerate(inputs[0])
        if axis > 0
    )
    return (Weight("alpha", shape, "one per feature", path="alpha"),)


def _prelu_streams(config: Config, rank: int) -> bool:
    """Whether all steps share their slopes."""
    return rank >= 3 and 1 in pair(config["shared_axes"] or ())


def _softmax_streams(config: Config, rank: int) -> bool:
    """Whether no axis is that of the steps."""
    return rank >= 3 and min(axis % rank for axis in pair(config["axis"])) >= 2


def _relu(setup: OpContext) -> Op:
    config = setup.config
    highest, threshold = config["max_value"], config["threshold"] or 0.0
    slope = config["negative_slope"] or 0.0

    def relu(x: Array) -> Array:
        above = x if highest is None else np.minimum(x, x.dtype.type(highest))
        return np.where(x > threshold, above, slope * (x - threshold)).astype(x.dtype)

    return masked(relu)


def _leaky(setup: OpContext) -> Op:
    return masked(lambda x: activations.leaky_relu(x, setup.config["negative_slope"]))


def _elu(setup: OpContext) -> Op:
    return masked(lambda x: activations.elu(x, setup.config["alpha"]))


def _thresholded(setup: OpContext) -> Op:
    return masked(lambda x: x * (x > setup.config["theta"]))


def _prelu(setup: OpContext) -> Op:
    alpha = setup.weights["alpha"]
    return masked(lambda x: np.where(x > 0, x, alpha * x))


def _rescaling(setup: OpContext) -> Op:
    scale, offset = (np.asarray(setup.config[key], setup.dtype) for key in ("scale", "offset"))
    return masked(lambda x: x * scale + offset)


class Softmax(Op):
    """Shares along some axes; what the mask leaves out gets none."""

    def __init__(self, setup: OpContext) -> None:
        self.axes = pair(setup.config["axis"])

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the shares, with the mask."""
        x, mask = inputs[0]
        if mask is not None:
            x = np.where(mask, x, x.dtype.type(-1e9))
        shares = np.exp(x - x.max(axis=self.axes, keepdims=True))
        shares /= shares.sum(axis=self.axes, keepdims=True)
        return (Value(shares if mask is None else np.where(mask, shares, 0), mask),)


TYPES = {
    "ReLU": LayerType(
        signature("max_value=None, negative_slope=0.0, threshold=0.0"),
        built_at_init=True,
        streams=each_step,
        run=_relu,
    ),
    "LeakyReLU": LayerType(
        signature("negative_slope=0.3"), built_at_init=True, streams=each_step, run=_leaky
    ),
    "ELU": LayerType(signature("alpha=1.0"), built_at_init=True, streams=each_step, run=_elu),
    "ThresholdedReLU": LayerType(signature("theta=1.0"), streams=each_step, run=_thresholded),
    "PReLU": LayerType(
        signature(
            "alpha_initializer='Zeros', alpha_regularizer=None, alpha_constraint=None, "
            "shared_axes=None"
        ),
        weights=_prelu_weights,
        streams=_prelu_streams,
        run=_prelu,
    ),
    "Softmax": LayerType(
        signature("axis=-1"), built_at_init=True, streams=_softmax_streams, run=Softmax
    ),
    "Rescaling": LayerType(signature("scale, offset=0.0"), streams=each_step, run=_rescaling),
}
