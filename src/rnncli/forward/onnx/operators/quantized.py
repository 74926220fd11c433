"""Operators on values that are stored in bytes or less, and the rounding to them.

Sources: ONNX's `docs/Operators.md`; ONNX Runtime's `docs/ContribOperators.md`.
"""

from typing import Any

import numpy as np

from rnncli.forward.onnx.operators.entry import MICROSOFT, operator, stated
from rnncli.kernels.activations import sigmoid
from rnncli.layers.op import Array


def _along(parameter: Array, axis: int, rank: int) -> Array:
    """Return a scale or a zero point, one for all or one per index of an axis, to compute with."""
    if parameter.ndim == 0 or parameter.size == 1:
        return parameter.reshape(())
    shape = [1] * rank
    shape[axis] = -1
    return parameter.reshape(shape)


def quantized(x: Array, scale: Array, zero: Array, axis: int = 1) -> Array:
    """Return the whole numbers that stand for values, of the type of the zero point."""
    low, high = np.iinfo(zero.dtype).min, np.iinfo(zero.dtype).max
    steps = np.rint(x / _along(scale, axis, x.ndim)) + _along(zero, axis, x.ndim).astype(np.float32)
    result: Array = np.clip(steps, low, high).astype(zero.dtype)
    return result


def dequantized(x: Array, scale: Array, zero: Any = None, axis: int = 1) -> Array:
    """Return the values that whole numbers stand for."""
    values = x.astype(np.float32)
    if zero is not None:
        values = values - _along(zero, axis, x.ndim).astype(np.float32)
    result: Array = (values * _along(scale, axis, x.ndim)).astype(scale.dtype)
    return result


@operator("QuantizeLinear", before=19)
@operator("QuantizeLinear", domain=MICROSOFT)
def _quantize_linear(node: Any, x: Array, scale: Array, zero: Any = None, **_: Any) -> Array:
    zero = np.zeros((), np.uint8) if zero is None else zero
    return quantized(x, scale, zero, int(stated(node, "axis", 1)))


@operator("DequantizeLinear", before=19)
@operator("DequantizeLinear", domain=MICROSOFT)
def _dequantize_linear(node: Any, x: Array, scale: Array, zero: Any = None, **_: Any) -> Array:
    return dequantized(x, scale, zero, int(stated(node, "axis", 1)))


@operator("MatMulIntegerToFloat", domain=MICROSOFT)
def _matmul_integer_to_float(
    node: Any, a: Array, b: Array, a_scale: Array, b_scale: Array, a_zero: Any = None,
    b_zero: Any = None, bias: Any = None, **_: Any,
) -> Array:  # fmt: skip
    result = dequantized(a, a_scale, a_zero, -1) @ dequantized(b, b_scale, b_zero, -1)
    return result if bias is None else result + bias


@operator("DynamicQuantizeMatMul", domain=MICROSOFT)
def _dynamic_quantize_matmul(
    node: Any, a: Array, b: Array, b_scale: Array, b_zero: Any = None, bias: Any = None, **_: Any
) -> Array:
    scale, zero = dynamic(a)
    rounded = dequantized(quantized(a, scale, zero), scale, zero)
    result = rounded @ dequantized(b, b_scale, b_zero, -1)
    return result if bias is None else result + bias


def dynamic(x: Array) -> tuple[Array, Array]:
    """Return the scale and the zero point that DynamicQuantizeLinear finds for bytes."""
    low, high = min(0.0, float(x.min(initial=0))), max(0.0, float(x.max(initial=0)))
    scale = np.float32((high - low) / 255) or np.float32(1)
    zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
    return np.asarray(scale, np.float32), np.asarray(zero)


@operator("MatMulNBits", domain=MICROSOFT)
def _matmul_nbits(
    node: Any, a: Array, b: Array, scales: Array, zeros: Any = None, group: Any = None,
    bias: Any = None, **_: Any,
) -> Array:  # fmt: skip
    rows, columns, bits = (int(stated(node, name, 4)) for name in ("K", "N", "bits"))
    block = int(stated(node, "block_size", 32))
    values = _unpacked(b.reshape(columns, -1), bits).astype(np.float32)
    blocks = values.reshape(columns, -1, block)
    count = blocks.shape[1]
    if zeros is None:
        offsets = np.full((columns, count), 1 << (bits - 1), np.float32)
    elif zeros.dtype == np.uint8:
        offsets = _unpacked(zeros.reshape(columns, -1), bits)[:, :count].astype(np.float32)
    else:
        offsets = zeros.reshape(columns, count).astype(np.float32)
    kernel = (blocks - offsets[..., None]) * scales.reshape(columns, count, 1).astype(np.float32)
    result = (a.astype(np.float32) @ kernel.reshape(columns, -1)[:, :rows].T).astype(a.dtype)
    return result if bias is None else result + bias


def _unpacked(stored: Array, bits: int) -> Array:
    """Return the whole numbers of `bits` in each row of bytes, the lowest bits first."""
    if bits == 8:
        return stored
    parts = [(stored >> shift) & ((1 << bits) - 1) for shift in range(0, 8, bits)]
    return np.stack(parts, axis=-1).reshape(len(stored), -1)


@operator("QLinearAdd", "QLinearMul", domain=MICROSOFT)
def _qlinear_binary(
    node: Any, a: Array, a_scale: Array, a_zero: Any, b: Array, b_scale: Array, b_zero: Any,
    scale: Array, zero: Any = None, **_: Any,
) -> Array:  # fmt: skip
    one, other = dequantized(a, a_scale, a_zero), dequantized(b, b_scale, b_zero)
    result = one + other if node.onnx_node.op_type == "QLinearAdd" else one * other
    return quantized(result, scale, np.zeros((), a.dtype) if zero is None else zero)


@operator("QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", domain=MICROSOFT)
def _qlinear_unary(
    node: Any, x: Array, x_scale: Array, x_zero: Any, scale: Array, zero: Any = None, **_: Any
) -> Array:
    values, name = dequantized(x, x_scale, x_zero), node.onnx_node.op_type
    if name == "QLinearSigmoid":
        result = sigmoid(values)
    elif name == "QLinearLeakyRelu":
        result = np.where(values > 0, values, np.float32(stated(node, "alpha", 0.01)) * values)
    else:
        axis = int(stated(node, "axis", -1))
        shifted = np.exp(values - values.max(axis=axis, keepdims=True))
        result = shifted / shifted.sum(axis=axis, keepdims=True)
    return quantized(result, scale, np.zeros((), x.dtype) if zero is None else zero)


@operator("QLinearConcat", domain=MICROSOFT)
def _qlinear_concat(node: Any, scale: Array, zero: Array, *parts: Any, **_: Any) -> Array:
    values = [dequantized(*parts[index : index + 3]) for index in range(0, len(parts), 3)]
    return quantized(np.concatenate(values, axis=int(stated(node, "axis", 0))), scale, zero)


@operator("QGemm", domain=MICROSOFT)
def _qgemm(
    node: Any, a: Array, a_scale: Array, a_zero: Array, b: Array, b_scale: Array, b_zero: Array,
    c: Any = None, scale: Any = None, zero: Any = None, **_: Any,
) -> Array:  # fmt: skip
    one, other = dequantized(a, a_scale, a_zero), b
    if stated(node, "transA", 0):
        one = one.T
    columns = 0 if stated(node, "transB", 0) else 1
    other = dequantized(b, b_scale, b_zero, columns)
    result = one @ (other.T if columns == 0 else other) * np.float32(stated(node, "alpha", 1.0))
    if c is not None:
        result = result + c.astype(np.float32) * (a_scale * b_scale)
    return result.astype(np.float32) if scale is None else quantized(result, scale, zero)
