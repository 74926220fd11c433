"""ONNX's operators without memory, as functions of their operands and attributes.

Source: the operator schemas at onnx.ai/onnx/operators, opset 7 to 23.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.errors import UnsupportedError
from rnncli.forward.activations import activation, erf, sigmoid, softmax
from rnncli.forward.op import Array

Operands = Sequence[Any]
Attributes = Mapping[str, Any]
Function = Callable[[Operands, Attributes], Any]

_CASTS = {1: "f4", 2: "u1", 3: "i1", 5: "i2", 6: "i4", 7: "i8", 9: "?", 10: "f4", 11: "f8"}


def _given(operands: Operands, position: int, attributes: Attributes, name: str) -> Any:
    """Return an argument that was an attribute in older opsets and is an operand in newer ones."""
    if len(operands) > position and operands[position] is not None:
        return np.asarray(operands[position])
    return attributes.get(name)


def _ints(value: Any) -> tuple[int, ...]:
    return tuple(int(each) for each in np.asarray(value).ravel())


def _slice(operands: Operands, attributes: Attributes) -> Array:
    x = operands[0]
    starts, ends, axes, steps = (
        _given(operands, position, attributes, name)
        for position, name in enumerate(("starts", "ends", "axes", "steps"), 1)
    )
    cut = [slice(None)] * x.ndim
    places = range(len(_ints(starts))) if axes is None else _ints(axes)
    strides = [1] * len(_ints(starts)) if steps is None else _ints(steps)
    for axis, start, end, step in zip(places, _ints(starts), _ints(ends), strides, strict=True):
        stop = None if step < 0 and end < -x.shape[axis] else end
        cut[axis] = slice(start, stop, step)
    result: Array = x[tuple(cut)]
    return result


def _squeeze(operands: Operands, attributes: Attributes) -> Array:
    axes = _given(operands, 1, attributes, "axes")
    result: Array = np.squeeze(operands[0], None if axes is None else _ints(axes))
    return result


def _unsqueeze(operands: Operands, attributes: Attributes) -> Array:
    return np.expand_dims(operands[0], _ints(_given(operands, 1, attributes, "axes")))


def _gemm(operands: Operands, attributes: Attributes) -> Array:
    a, b = operands[:2]
    a = a.T if attributes.get("transA") else a
    b = b.T if attributes.get("transB") else b
    y: Array = attributes.get("alpha", 1.0) * (a @ b)
    if len(operands) > 2 and operands[2] is not None:
        y = y + attributes.get("beta", 1.0) * operands[2]
    return y.astype(a.dtype)


def _reshape(operands: Operands, attributes: Attributes) -> Array:
    x, sizes = operands[0], list(_ints(operands[1]))
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
    sizes = _given(operands, 1, attributes, "split")
    if sizes is None:
        return tuple(np.array_split(x, attributes.get("num_outputs", 2), axis))
    return tuple(np.split(x, np.cumsum(_ints(sizes))[:-1], axis))


def _cast(operands: Operands, attributes: Attributes) -> Array:
    code = _CASTS.get(attributes.get("to", 1))
    if code is None:
        raise UnsupportedError(f"Cast to type {attributes.get('to')} cannot be run")
    if np.dtype(code).kind == "f" and operands[0].dtype.kind == "f":
        return np.asarray(operands[0])  # the run has one floating-point type
    return np.asarray(operands[0]).astype(code)


def _pad(operands: Operands, attributes: Attributes) -> Array:
    x, mode = operands[0], attributes.get("mode", "constant")
    widths = _ints(_given(operands, 1, attributes, "pads"))
    axes = _ints(operands[3]) if len(operands) > 3 and operands[3] is not None else range(x.ndim)
    pairs = [(0, 0)] * x.ndim
    for index, axis in enumerate(axes):
        pairs[axis] = (widths[index], widths[index + len(widths) // 2])
    if mode != "constant":
        return np.pad(x, pairs, "reflect" if mode == "reflect" else "edge")
    value = _given(operands, 2, attributes, "value")
    return np.pad(x, pairs, constant_values=0 if value is None else np.asarray(value).item())


def _conv(operands: Operands, attributes: Attributes) -> Array:
    """Return the correlation of `(batch, channels, steps)` with `(filters, channels, window)`."""
    x, kernel, *bias = operands
    if x.ndim != 3 or attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise UnsupportedError("Conv is run on sequences with stated padding only")
    groups, window = attributes.get("group", 1), kernel.shape[2]
    stride = attributes.get("strides", [1])[0]
    dilation = attributes.get("dilations", [1])[0]
    x = np.pad(x, [(0, 0), (0, 0), tuple(attributes.get("pads", [0, 0]))])
    views = np.lib.stride_tricks.sliding_window_view(x, (window - 1) * dilation + 1, axis=2)
    views = views[:, :, ::stride, ::dilation]
    parts = [
        np.einsum("bctw,fcw->bft", part, filters, optimize=True)
        for part, filters in zip(
            np.split(views, groups, 1), np.split(kernel, groups, 0), strict=True
        )
    ]
    y = np.concatenate(parts, 1)
    return y + bias[0][:, None] if bias and bias[0] is not None else y


def _normalize(operands: Operands, attributes: Attributes) -> Array:
    x, *rest = operands
    scale, shift, mean, variance = (
        np.reshape(each, (1, -1, *[1] * (x.ndim - 2))) for each in rest[:4]
    )
    y: Array = scale * (x - mean) / np.sqrt(variance + attributes.get("epsilon", 1e-5)) + shift
    return y.astype(x.dtype)


def _layer_norm(operands: Operands, attributes: Attributes) -> Array:
    x, scale, *shift = operands
    axes = tuple(range(attributes.get("axis", -1) % x.ndim, x.ndim))
    centred = x - x.mean(axes, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axes, keepdims=True) + attributes.get("epsilon", 1e-5))
    y: Array = scale * centred / deviation + (shift[0] if shift and shift[0] is not None else 0)
    return y.astype(x.dtype)


def _reduced(function: Callable[..., Any]) -> Function:
    def reduce(operands: Operands, attributes: Attributes) -> Array:
        axes = _given(operands, 1, attributes, "axes")
        keep = bool(attributes.get("keepdims", 1))
        return np.asarray(
            function(operands[0], None if axes is None else _ints(axes), keepdims=keep)
        )

    return reduce


def _clip(operands: Operands, attributes: Attributes) -> Array:
    low, high = (_given(operands, at, attributes, name) for at, name in ((1, "min"), (2, "max")))
    if low is None and high is None:
        return np.asarray(operands[0])
    result: Array = np.clip(operands[0], low, high).astype(operands[0].dtype)
    return result


def _gather(operands: Operands, attributes: Attributes) -> Array:
    indices = np.asarray(operands[1])
    return np.take(operands[0], indices.astype(np.int64), attributes.get("axis", 0))


def _constant_of_shape(operands: Operands, attributes: Attributes) -> Array:
    value = np.asarray(attributes.get("value", np.zeros(1, np.float32))).ravel()
    return np.full(_ints(operands[0]), value[0], value.dtype)


def _transposed(operands: Operands, attributes: Attributes) -> Array:
    return np.transpose(operands[0], attributes.get("perm"))


def _expand(operands: Operands, attributes: Attributes) -> Array:
    x, sizes = operands[0], _ints(operands[1])
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, sizes))


def _softmax(operands: Operands, attributes: Attributes) -> Array:
    axis = attributes.get("axis", -1)
    return np.moveaxis(softmax(np.moveaxis(operands[0], axis, -1)), -1, axis)


def _one(function: Callable[[Any], Any]) -> Function:
    return lambda operands, attributes: function(operands[0])


def _two(function: Callable[[Any, Any], Any]) -> Function:
    """Return an operator that keeps the type of its first operand."""

    def apply(operands: Operands, attributes: Attributes) -> Array:
        first, second = (np.asarray(each) for each in operands[:2])
        result = np.asarray(function(first, second))
        return result.astype(first.dtype) if result.dtype.kind == "f" else result

    return apply


def _leaky(operands: Operands, attributes: Attributes) -> Array:
    x = operands[0]
    result: Array = np.where(x < 0, attributes.get("alpha", 0.01) * x, x).astype(x.dtype)
    return result


def _hard_sigmoid(operands: Operands, attributes: Attributes) -> Array:
    x = operands[0]
    slope, shift = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    result: Array = np.clip(slope * x + shift, 0, 1).astype(x.dtype)
    return result


def _folded(function: Callable[[Any, Any], Any]) -> Function:
    def fold(operands: Operands, attributes: Attributes) -> Array:
        result = np.asarray(operands[0])
        for other in operands[1:]:
            result = function(result, other)
        return result

    return fold


FUNCTIONS: dict[str, Function] = {
    "Abs": _one(np.abs),
    "Add": _two(np.add),
    "And": _two(np.logical_and),
    "BatchNormalization": _normalize,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda operands, attributes: np.concatenate(operands, attributes.get("axis", 0)),
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "Div": lambda operands, attributes: (
        operands[0] / operands[1] if operands[0].dtype.kind == "f" else operands[0] // operands[1]
    ),
    "Dropout": _one(np.asarray),
    "Elu": _one(activation("elu")),
    "Equal": _two(np.equal),
    "Erf": _one(erf),
    "Exp": _one(np.exp),
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda operands, attributes: operands[0].mean(
        tuple(range(2, operands[0].ndim)), keepdims=True
    ),
    "Greater": _two(np.greater),
    "HardSigmoid": _hard_sigmoid,
    "Identity": _one(np.asarray),
    "LayerNormalization": _layer_norm,
    "LeakyRelu": _leaky,
    "Less": _two(np.less),
    "Log": _one(np.log),
    "LogSoftmax": lambda operands, attributes: np.log(_softmax(operands, attributes)),
    "MatMul": _two(np.matmul),
    "Max": _folded(np.maximum),
    "Min": _folded(np.minimum),
    "Mul": _two(np.multiply),
    "Neg": _one(np.negative),
    "Not": _one(np.logical_not),
    "Or": _two(np.logical_or),
    "Pad": _pad,
    "Pow": _two(np.power),
    "Reciprocal": _one(np.reciprocal),
    "ReduceMax": _reduced(np.max),
    "ReduceMean": _reduced(np.mean),
    "ReduceSum": _reduced(np.sum),
    "Relu": _one(lambda x: np.maximum(x, 0)),
    "Reshape": _reshape,
    "Selu": _one(activation("selu")),
    "Shape": _one(lambda x: np.asarray(x.shape, np.int64)),
    "Sigmoid": _one(sigmoid),
    "Sign": _one(np.sign),
    "Slice": _slice,
    "Softmax": _softmax,
    "Softplus": _one(activation("softplus")),
    "Softsign": _one(activation("softsign")),
    "Split": _split,
    "Sqrt": _one(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _two(np.subtract),
    "Tanh": _one(np.tanh),
    "Tile": lambda operands, attributes: np.tile(operands[0], _ints(operands[1])),
    "Transpose": _transposed,
    "Unsqueeze": _unsqueeze,
    "Where": lambda operands, attributes: np.where(*operands),
}
