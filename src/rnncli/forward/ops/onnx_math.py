"""ONNX's operators that compute, as functions of their operands and attributes.

Source: the operator schemas at onnx.ai/onnx/operators, opset 7 to 23.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnncli.errors import UnsupportedError
from rnncli.forward.ops.onnx_operands import Attributes, Function, Operands, given, ints, of_first
from rnncli.kernels.activations import activation, erf, sigmoid, softmax
from rnncli.layers.op import Array

_CASTS = {1: "f4", 2: "u1", 3: "i1", 5: "i2", 6: "i4", 7: "i8", 9: "?", 10: "f4", 11: "f8"}


def _gemm(operands: Operands, attributes: Attributes) -> Array:
    a, b = operands[:2]
    a = a.T if attributes.get("transA") else a
    b = b.T if attributes.get("transB") else b
    y: Array = attributes.get("alpha", 1.0) * (a @ b)
    if len(operands) > 2 and operands[2] is not None:
        y = y + attributes.get("beta", 1.0) * operands[2]
    return y.astype(a.dtype)


def _cast(operands: Operands, attributes: Attributes) -> Array:
    code = _CASTS.get(attributes.get("to", 1))
    if code is None:
        raise UnsupportedError(f"Cast to type {attributes.get('to')} cannot be run")
    if np.dtype(code).kind == "f" and operands[0].dtype.kind == "f":
        return np.asarray(operands[0])  # the run has one floating-point type
    return np.asarray(operands[0]).astype(code)


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
        axes = given(operands, 1, attributes, "axes")
        keep = bool(attributes.get("keepdims", 1))
        return np.asarray(
            function(operands[0], None if axes is None else ints(axes), keepdims=keep)
        )

    return reduce


def _clip(operands: Operands, attributes: Attributes) -> Array:
    low, high = (given(operands, at, attributes, name) for at, name in ((1, "min"), (2, "max")))
    if low is None and high is None:
        return np.asarray(operands[0])
    result: Array = np.clip(operands[0], low, high).astype(operands[0].dtype)
    return result


def _softmax(operands: Operands, attributes: Attributes) -> Array:
    axis = attributes.get("axis", -1)
    return np.moveaxis(softmax(np.moveaxis(operands[0], axis, -1)), -1, axis)


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


MATH: dict[str, Function] = {
    "Abs": of_first(np.abs),
    "Add": _two(np.add),
    "And": _two(np.logical_and),
    "BatchNormalization": _normalize,
    "Cast": _cast,
    "Clip": _clip,
    "Conv": _conv,
    "Div": lambda operands, attributes: (
        operands[0] / operands[1] if operands[0].dtype.kind == "f" else operands[0] // operands[1]
    ),
    "Dropout": of_first(np.asarray),
    "Elu": of_first(activation("elu")),
    "Equal": _two(np.equal),
    "Erf": of_first(erf),
    "Exp": of_first(np.exp),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda operands, attributes: operands[0].mean(
        tuple(range(2, operands[0].ndim)), keepdims=True
    ),
    "Greater": _two(np.greater),
    "HardSigmoid": _hard_sigmoid,
    "Identity": of_first(np.asarray),
    "LayerNormalization": _layer_norm,
    "LeakyRelu": _leaky,
    "Less": _two(np.less),
    "Log": of_first(np.log),
    "LogSoftmax": lambda operands, attributes: np.log(_softmax(operands, attributes)),
    "MatMul": _two(np.matmul),
    "Max": _folded(np.maximum),
    "Min": _folded(np.minimum),
    "Mul": _two(np.multiply),
    "Neg": of_first(np.negative),
    "Not": of_first(np.logical_not),
    "Or": _two(np.logical_or),
    "Pow": _two(np.power),
    "Reciprocal": of_first(np.reciprocal),
    "ReduceMax": _reduced(np.max),
    "ReduceMean": _reduced(np.mean),
    "ReduceSum": _reduced(np.sum),
    "Relu": of_first(lambda x: np.maximum(x, 0)),
    "Selu": of_first(activation("selu")),
    "Sigmoid": of_first(sigmoid),
    "Sign": of_first(np.sign),
    "Softmax": _softmax,
    "Softplus": of_first(activation("softplus")),
    "Softsign": of_first(activation("softsign")),
    "Sqrt": of_first(np.sqrt),
    "Sub": _two(np.subtract),
    "Tanh": of_first(np.tanh),
    "Where": lambda operands, attributes: np.where(*operands),
}
