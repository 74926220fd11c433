"""ONNX's operators that cut, turn or join arrays, as functions of their operands and attributes.

Source: the operator schemas at onnx.ai/onnx/operators, opset 7 to 23.
"""

import numpy as np

from rnncli.forward.ops.onnx_operands import Attributes, Function, Operands, given, ints, of_first
from rnncli.layers.op import Array


def _slice(operands: Operands, attributes: Attributes) -> Array:
    x = operands[0]
    starts, ends, axes, steps = (
        given(operands, position, attributes, name)
        for position, name in enumerate(("starts", "ends", "axes", "steps"), 1)
    )
    cut = [slice(None)] * x.ndim
    places = range(len(ints(starts))) if axes is None else ints(axes)
    strides = [1] * len(ints(starts)) if steps is None else ints(steps)
    for axis, start, end, step in zip(places, ints(starts), ints(ends), strides, strict=True):
        stop = None if step < 0 and end < -x.shape[axis] else end
        cut[axis] = slice(start, stop, step)
    result: Array = x[tuple(cut)]
    return result


def _squeeze(operands: Operands, attributes: Attributes) -> Array:
    axes = given(operands, 1, attributes, "axes")
    result: Array = np.squeeze(operands[0], None if axes is None else ints(axes))
    return result


def _unsqueeze(operands: Operands, attributes: Attributes) -> Array:
    return np.expand_dims(operands[0], ints(given(operands, 1, attributes, "axes")))


def _reshape(operands: Operands, attributes: Attributes) -> Array:
    x, sizes = operands[0], list(ints(operands[1]))
    for axis, size in enumerate(sizes):
        if size == 0 and not attributes.get("allowzero"):
            sizes[axis] = x.shape[axis]
    result: Array = x.reshape(sizes)
    return result


def _flatten(operands: Operands, attributes: Attributes) -> Array:
    x, axis = operands[0], attributes.get("axis", 1)
    return np.reshape(x, (int(np.prod(x.shape[:axis])), -1))


def _split(operands: Operands, attributes: Attributes) -> tuple[Array, ...]:
    x, axis = operands[0], attributes.get("axis", 0)
    sizes = given(operands, 1, attributes, "split")
    if sizes is None:
        return tuple(np.array_split(x, attributes.get("num_outputs", 2), axis))
    return tuple(np.split(x, np.cumsum(ints(sizes))[:-1], axis))


def _pad(operands: Operands, attributes: Attributes) -> Array:
    x, mode = operands[0], attributes.get("mode", "constant")
    widths = ints(given(operands, 1, attributes, "pads"))
    axes = ints(operands[3]) if len(operands) > 3 and operands[3] is not None else range(x.ndim)
    pairs = [(0, 0)] * x.ndim
    for index, axis in enumerate(axes):
        pairs[axis] = (widths[index], widths[index + len(widths) // 2])
    if mode != "constant":
        return np.pad(x, pairs, "reflect" if mode == "reflect" else "edge")
    value = given(operands, 2, attributes, "value")
    return np.pad(x, pairs, constant_values=0 if value is None else np.asarray(value).item())


def _gather(operands: Operands, attributes: Attributes) -> Array:
    indices = np.asarray(operands[1])
    return np.take(operands[0], indices.astype(np.int64), attributes.get("axis", 0))


def _constant_of_shape(operands: Operands, attributes: Attributes) -> Array:
    value = np.asarray(attributes.get("value", np.zeros(1, np.float32))).ravel()
    return np.full(ints(operands[0]), value[0], value.dtype)


def _transposed(operands: Operands, attributes: Attributes) -> Array:
    return np.transpose(operands[0], attributes.get("perm"))


def _expand(operands: Operands, attributes: Attributes) -> Array:
    x, sizes = operands[0], ints(operands[1])
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, sizes))


SHAPES: dict[str, Function] = {
    "Concat": lambda operands, attributes: np.concatenate(operands, attributes.get("axis", 0)),
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Pad": _pad,
    "Reshape": _reshape,
    "Shape": of_first(lambda x: np.asarray(x.shape, np.int64)),
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": lambda operands, attributes: np.tile(operands[0], ints(operands[1])),
    "Transpose": _transposed,
    "Unsqueeze": _unsqueeze,
}
