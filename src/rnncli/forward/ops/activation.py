"""Activations that are layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.kernels.activations import elu, leaky_relu
from rnncli.layers.layer_type import pair
from rnncli.layers.op import Array, Op, OpContext, Plain, Value, elementwise


def _relu(setup: OpContext) -> Op:
    config = setup.config
    highest, threshold = config["max_value"], config["threshold"] or 0.0
    slope = config["negative_slope"] or 0.0

    def relu(x: Array) -> Array:
        above = x if highest is None else np.minimum(x, x.dtype.type(highest))
        return np.where(x > threshold, above, slope * (x - threshold)).astype(x.dtype)

    return elementwise(relu)


def _leaky(setup: OpContext) -> Op:
    return elementwise(lambda x: leaky_relu(x, setup.config["negative_slope"]))


def _elu(setup: OpContext) -> Op:
    return elementwise(lambda x: elu(x, setup.config["alpha"]))


def _thresholded(setup: OpContext) -> Op:
    return elementwise(lambda x: x * (x > setup.config["theta"]))


def _prelu(setup: OpContext) -> Op:
    alpha = setup.weights["alpha"]
    shared = alpha.ndim > 1 and alpha.shape[0] == 1
    return Plain(
        lambda x: np.where(x > 0, x, alpha * x), least_rank=3 if shared else None, keeps_mask=True
    )


def _rescaling(setup: OpContext) -> Op:
    scale, offset = (np.asarray(setup.config[key], setup.dtype) for key in ("scale", "offset"))
    return Plain(lambda x: x * scale + offset, least_rank=3)


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

    def stepwise(self, rank: int) -> bool:
        """Whether no axis is that of the steps."""
        return rank >= 3 and min(axis % rank for axis in self.axes) >= 2


OPS = {
    "ReLU": _relu,
    "LeakyReLU": _leaky,
    "ELU": _elu,
    "ThresholdedReLU": _thresholded,
    "PReLU": _prelu,
    "Rescaling": _rescaling,
    "Softmax": Softmax,
}
