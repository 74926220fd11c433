"""Layers that Keras 1 and 2 had and Keras 3 has not."""

import numpy as np

from rnncli.forward.ops.core import OPS as CORE
from rnncli.kernels.activations import activation, sigmoid
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.layers.rnn.run_cudnn import without_cudnn
from rnncli.layers.rnn.run_keras import Recurrent


def _maxout(setup: OpContext) -> Op:
    kernel, bias = setup.weights["kernel"], setup.weights.get("bias", 0)

    def maxout(x: Array) -> Array:
        pieces = np.einsum("bi,kiu->bku", x, kernel) + bias
        largest: Array = pieces.max(axis=1)
        return largest

    return Plain(maxout)


def _highway(setup: OpContext) -> Op:
    weights, function = setup.weights, activation(setup.config["activation"])

    def highway(x: Array) -> Array:
        share = sigmoid(x @ weights["carry_kernel"] + weights.get("carry_bias", 0))
        inner = function(x @ weights["kernel"] + weights.get("bias", 0))
        result: Array = share * inner + (1 - share) * x
        return result

    return Plain(highway)


def _cudnn(setup: OpContext) -> Op:
    return Recurrent(without_cudnn(setup))


OPS = {
    "TimeDistributedDense": CORE["Dense"],
    "MaxoutDense": _maxout,
    "Highway": _highway,
    "CuDNNLSTM": _cudnn,
    "CuDNNGRU": _cudnn,
}
