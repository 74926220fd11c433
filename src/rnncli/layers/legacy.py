"""Layers that Keras 1 and 2 had and Keras 3 has not."""

from typing import TYPE_CHECKING

from rnncli.layers.core import dense
from rnncli.layers.layer_type import LayerType, each_step, last_dim, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes, product

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activations
else:
    np, activations = lazy("numpy"), lazy("rnncli.kernels.activations")


def _onto_units(config: Config, inputs: Shapes) -> Shapes:
    return ((*inputs[0][:-1], config["units"]),)


def _dense_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    size, units = last_dim(inputs[0], "TimeDistributedDense"), config["units"]
    bias = (Weight("bias", (units,), "units", path="bias"),) if config["use_bias"] else ()
    return (Weight("kernel", (size, units), "inputs × units", path="kernel"), *bias)


def _dense_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    size, inner = product(outputs[0][1:]), inputs[0][-1]
    return None if size is None or inner is None else size * inner


def _maxout_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    size, units, pieces = last_dim(inputs[0], "MaxoutDense"), config["units"], config["nb_feature"]
    kernel = Weight("kernel", (pieces, size, units), "pieces × inputs × units", path="kernel")
    bias = Weight("bias", (pieces, units), "pieces × units", path="bias")
    return (kernel, bias) if config["use_bias"] else (kernel,)


def _maxout_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    size = product(inputs[0][1:])
    return None if size is None else int(size * config["units"] * config["nb_feature"])


def _highway_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    size = last_dim(inputs[0], "Highway")
    weights = []
    for name in ("kernel", "carry_kernel"):
        weights.append(Weight(name, (size, size), "inputs × inputs", path=name))
    for name in ("bias", "carry_bias") if config["use_bias"] else ():
        weights.append(Weight(name, (size,), "inputs", path=name))
    return tuple(weights)


def _highway_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    size = inputs[0][-1]
    return None if size is None else 2 * size * size


def _maxout(setup: OpContext) -> Op:
    kernel, bias = setup.weights["kernel"], setup.weights.get("bias", 0)

    def maxout(x: Array) -> Array:
        pieces = np.einsum("bi,kiu->bku", x, kernel) + bias
        largest: Array = pieces.max(axis=1)
        return largest

    return Plain(maxout)


def _highway(setup: OpContext) -> Op:
    weights, function = setup.weights, activations.activation(setup.config["activation"])

    def highway(x: Array) -> Array:
        share = activations.sigmoid(x @ weights["carry_kernel"] + weights.get("carry_bias", 0))
        inner = function(x @ weights["kernel"] + weights.get("bias", 0))
        result: Array = share * inner + (1 - share) * x
        return result

    return Plain(highway)


TYPES = {
    "TimeDistributedDense": LayerType(
        signature("units, activation='linear', use_bias=True"),
        _onto_units,
        _dense_weights,
        _dense_macs,
        streams=each_step,
        run=dense,
    ),
    "MaxoutDense": LayerType(
        signature("units, nb_feature=4, use_bias=True"),
        _onto_units,
        _maxout_weights,
        _maxout_macs,
        run=_maxout,
    ),
    "Highway": LayerType(
        signature("activation='linear', use_bias=True"),
        weights=_highway_weights,
        macs=_highway_macs,
        run=_highway,
    ),
}
