"""Layers that Keras 1 and 2 had and Keras 3 has not."""

import numpy as np

from rnncli.forward.activations import activation, sigmoid
from rnncli.forward.op import Array, Op, Plain, Setup
from rnncli.forward.ops.core import OPS as CORE
from rnncli.forward.ops.recurrent import Recurrent


def _maxout(setup: Setup) -> Op:
    kernel, bias = setup.weights["kernel"], setup.weights.get("bias", 0)

    def maxout(x: Array) -> Array:
        pieces = np.einsum("bi,kiu->bku", x, kernel) + bias
        largest: Array = pieces.max(axis=1)
        return largest

    return Plain(maxout)


def _highway(setup: Setup) -> Op:
    weights, function = setup.weights, activation(setup.config["activation"])

    def highway(x: Array) -> Array:
        share = sigmoid(x @ weights["carry_kernel"] + weights.get("carry_bias", 0))
        return share * function(x @ weights["kernel"] + weights.get("bias", 0)) + (1 - share) * x

    return Plain(highway)


def _cudnn(setup: Setup) -> Op:
    """Return the layer that CuDNN's is the fast form of: LSTM, or GRU with `reset_after`.

    CuDNN reads the values of each gate's kernel as `(units, inputs)`, whatever shape they stand in.
    """
    kind, units = setup.kind.removeprefix("CuDNN"), setup.config["units"]
    rows = setup.weights["bias"].reshape(2, -1)

    def turned(weights: Array) -> Array:
        gates = np.split(weights, weights.shape[1] // units, axis=1)
        return np.concatenate([gate.reshape(units, -1).T for gate in gates], axis=1)

    cell = f"{kind.lower()}_cell"
    weights = {
        f"{cell}/kernel": turned(setup.weights["kernel"]),
        f"{cell}/recurrent_kernel": turned(setup.weights["recurrent_kernel"]),
        f"{cell}/bias": rows if kind == "GRU" else rows.sum(axis=0),
    }
    config = {**setup.config, "activation": "tanh", "recurrent_activation": "sigmoid"}
    return Recurrent(setup._replace(kind=kind, weights=weights, config=config))


OPS = {
    "TimeDistributedDense": CORE["Dense"],
    "MaxoutDense": _maxout,
    "Highway": _highway,
    "CuDNNLSTM": _cudnn,
    "CuDNNGRU": _cudnn,
}
