"""Operators of older opsets, of which the reference knows only what they have become."""

from typing import Any

import numpy as np

from rnncli.forward.onnx.operators.entry import operator, stated
from rnncli.layers.op import Array


@operator("Softmax", "LogSoftmax", "Hardmax", before=13)
def _flat_softmax(node: Any, x: Array, **_: Any) -> Array:
    """Take all axes from `axis` on as one (opset 1 to 12)."""
    axis = int(stated(node, "axis", 1)) % max(1, x.ndim)
    flat = x.reshape(int(np.prod(x.shape[:axis])), -1)
    if not flat.size:
        return x
    if node.onnx_node.op_type == "Hardmax":
        largest: Array = np.arange(flat.shape[1]) == flat.argmax(1)[:, None]
        return largest.astype(x.dtype).reshape(x.shape)
    shifted = flat - flat.max(axis=1, keepdims=True)
    total = np.exp(shifted).sum(axis=1, keepdims=True)
    logarithm = node.onnx_node.op_type == "LogSoftmax"
    result: Array = shifted - np.log(total) if logarithm else np.exp(shifted) / total
    return result.reshape(x.shape).astype(x.dtype)


@operator("Scatter", before=11)
def _scatter(node: Any, data: Array, indices: Array, updates: Array, **_: Any) -> Array:
    axis, result = int(stated(node, "axis", 0)), data.copy()
    places = np.where(indices < 0, indices + data.shape[axis], indices)
    np.put_along_axis(result, places, updates, axis)
    return result
