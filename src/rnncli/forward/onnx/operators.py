"""The operators that ONNX's reference implementation lacks or gets wrong: an entry each.

Sources: ONNX's `docs/Operators.md` and `docs/Changelog.md`; ONNX Runtime's
`docs/ContribOperators.md` for the domain com.microsoft.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from rnncli.errors import ShapeError
from rnncli.kernels.activations import erf, sigmoid
from rnncli.layers.op import Array
from rnncli.layers.rnn.run_onnx import OnnxRnn

MICROSOFT = "com.microsoft"
_ENTRIES: list[tuple[type, int | None]] = []  # the class, and the opset from which it is not needed


def operators(opsets: Mapping[str, int]) -> list[type]:
    """Return our operators for models of these opsets."""
    version = opsets.get("", 1)
    return [each for each, before in _ENTRIES if before is None or version < before]


def _operator(
    *names: str, domain: str = "", before: int | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function under the names of operators.

    It takes the node, its inputs and its attributes by name; one array or a tuple comes back.
    """

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Any, *inputs: Any, **attributes: Any) -> tuple[Any, ...]:
            result = function(self, *inputs, **attributes)
            return result if isinstance(result, tuple) else (result,)

        for name in names:
            made = type(name, (OpRun,), {"op_domain": domain, "_run": run})
            _ENTRIES.append((made, before))
        return function

    return enter


def stated(node: Any, name: str, usual: Any) -> Any:
    """Return an attribute that the node itself states; what schemas fill in is of another opset."""
    return getattr(node, name) if any(a.name == name for a in node.onnx_node.attribute) else usual


# Recurrent nodes.


def recurrent(node: Any, operator: str) -> OnnxRnn:
    """Return what runs a recurrent node, the same for every run of it."""
    session = node.run_params["evaluator_cls"].session
    name = node.onnx_node.name
    if name not in session.recurrent:
        own = {each.name: getattr(node, each.name) for each in node.onnx_node.attribute}
        session.recurrent[name] = OnnxRnn(name, operator, own, session.notes)
    found: OnnxRnn = session.recurrent[name]
    return found


class _Recurrent(OpRun):
    """Makes its runner as it is prepared, so that it can be looked into."""

    def __init__(self, onnx_node: Any, run_params: Any, schema: Any = None) -> None:
        super().__init__(onnx_node, run_params, schema)
        self.runner = recurrent(self, onnx_node.op_type)

    def _run(self, *inputs: Any, **attributes: Any) -> tuple[Array, ...]:
        return self.runner.run(inputs)


for _name in ("RNN", "GRU", "LSTM"):
    _ENTRIES.append((type(_name, (_Recurrent,), {"op_domain": ""}), None))


@_operator("DynamicQuantizeLSTM", domain=MICROSOFT)
def _dynamic_quantize_lstm(
    node: Any, x: Array, w: Array, r: Array, b: Any = None, lengths: Any = None, h: Any = None,
    c: Any = None, p: Any = None, w_scale: Any = None, w_zero: Any = None, r_scale: Any = None,
    r_zero: Any = None, **attributes: Any,
) -> tuple[Array, ...]:  # fmt: skip
    """Run an LSTM whose kernels are stored transposed, `(directions, inputs, 4 * units)`, in bytes.

    ONNX Runtime also rounds the inputs of each step to bytes; here they stay as they are.
    """
    kernels = [
        np.ascontiguousarray(_by_column(q, scale, zero).swapaxes(1, 2))
        for q, scale, zero in ((w, w_scale, w_zero), (r, r_scale, r_zero))
    ]
    return recurrent(node, "LSTM").run((x, *kernels, b, lengths, h, c, p))


def _by_column(stored: Array, scale: Array, zero: Array) -> Array:
    """Return what bytes `(directions, rows, columns)` stand for; a scale is per way or column."""
    shape = (len(stored), 1, -1)
    values = stored.astype(np.float32) - zero.astype(np.float32).reshape(shape)
    return values * scale.reshape(shape)


# Loops, which say how far they are. The reference stacks what they give wrongly, and knows no
# directions and axes.


def _stacked(parts: list[Any], axis: int = 0) -> Array:
    return np.stack([np.asarray(part) for part in parts], axis=axis)


class Loop(OpRun):
    """Runs its body while a condition holds, or so many times."""

    op_domain = ""
    body: Any

    def need_context(self) -> bool:
        """Whether the body may take tensors of the graph around it."""
        return True

    def _run(
        self, count: Any, go: Any, *states: Any, context: Any = None, body: Any = None,
        attributes: Any = None, **_: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        body, session = self.body, self.run_params["evaluator_cls"].session
        total = None if count is None else int(np.asarray(count).reshape(()))
        going, now, number = go is None or bool(np.all(go)), list(states), 0
        rows: list[list[Any]] = [[] for _ in body.output_names[1 + len(states) :]]
        while going and (total is None or number < total):
            given = (np.array(number, np.int64), np.array(going), *now)
            outputs = body.run(None, {**context, **dict(zip(body.input_names, given, strict=True))},
                               attributes=attributes)  # fmt: skip
            going = bool(np.all(outputs[0]))
            now = outputs[1 : 1 + len(states)]
            for row, value in zip(rows, outputs[1 + len(states) :], strict=True):
                row.append(value)
            number += 1
            session.looped(number, total, rows)
        return (*now, *(_collected(row, self, index) for index, row in enumerate(rows)))


def _collected(row: list[Any], node: Any, index: int) -> Any:
    """Return what the rounds of a loop gave; of none, an empty tensor of the body's type."""
    if row:
        return _stacked(row)
    from onnx import helper

    stated_type = node.body.output_types_[index - len(node.onnx_node.output)].tensor_type
    dims = [dim.dim_value for dim in stated_type.shape.dim]
    dtype = helper.tensor_dtype_to_np_dtype(stated_type.elem_type or 1)
    return np.empty((0, *dims), dtype)


class Scan(OpRun):
    """Runs its body on each slice of some inputs."""

    op_domain = ""
    body: Any

    def need_context(self) -> bool:
        """Whether the body may take tensors of the graph around it."""
        return True

    def _run(self, *inputs: Any, context: Any = None, attributes: Any = None, **_: Any) -> Any:
        if self.run_params["opsets"].get("", 9) < 9:
            if inputs[0] is not None:
                raise ShapeError("Scan of opset 8 with lengths of sequences")
            batches = [
                self._scan([each[row] for each in inputs[1:]], context, attributes)
                for row in range(len(inputs[1]))
            ]
            return tuple(_stacked(list(parts)) for parts in zip(*batches, strict=True))
        return self._scan(list(inputs), context, attributes)

    def _scan(self, inputs: list[Any], context: Any, attributes: Any) -> tuple[Any, ...]:
        body, session, count = self.body, self.run_params["evaluator_cls"].session, int(
            stated(self, "num_scan_inputs", 1))  # fmt: skip
        split = len(inputs) - count
        now, outer = inputs[:split], len(body.output_names) - split
        reverse = [bool(each) for each in stated(self, "scan_input_directions", None)
                   or stated(self, "directions", None) or [0] * count]  # fmt: skip
        axes = stated(self, "scan_input_axes", None) or [0] * count
        slices = [
            np.moveaxis(each, axis, 0) for each, axis in zip(inputs[split:], axes, strict=True)
        ]
        rows: list[list[Any]] = [[] for _ in range(outer)]
        for number in range(len(slices[0])):
            taken = [each[-1 - number if back else number]
                     for each, back in zip(slices, reverse, strict=True)]  # fmt: skip
            given = dict(zip(body.input_names, (*now, *taken), strict=True))
            outputs = body.run(None, {**context, **given}, attributes=attributes)
            now = outputs[:split]
            for row, value in zip(rows, outputs[split:], strict=True):
                row.append(value)
            session.looped(number + 1, len(slices[0]), rows)
        turned = stated(self, "scan_output_directions", None) or [0] * outer
        places = stated(self, "scan_output_axes", None) or [0] * outer
        return (*now, *(
            _stacked(row[::-1] if back else row, axis) if row else _collected(row, self, index)
            for index, (row, back, axis) in enumerate(zip(rows, turned, places, strict=True))
        ))  # fmt: skip


_ENTRIES += [(Loop, None), (Scan, None)]


# Operators of older opsets.


@_operator("Softmax", "LogSoftmax", "Hardmax", before=13)
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


@_operator("Scatter", before=11)
def _scatter(node: Any, data: Array, indices: Array, updates: Array, **_: Any) -> Array:
    axis, result = int(stated(node, "axis", 0)), data.copy()
    places = np.where(indices < 0, indices + data.shape[axis], indices)
    np.put_along_axis(result, places, updates, axis)
    return result


def _along(parameter: Array, axis: int, rank: int) -> Array:
    """Return a scale or a zero point, one for all or one per index of an axis, to compute with."""
    if parameter.ndim == 0 or parameter.size == 1:
        return parameter.reshape(())
    shape = [1] * rank
    shape[axis] = -1
    return parameter.reshape(shape)


def _quantized(x: Array, scale: Array, zero: Array, axis: int = 1) -> Array:
    low, high = np.iinfo(zero.dtype).min, np.iinfo(zero.dtype).max
    steps = np.rint(x / _along(scale, axis, x.ndim)) + _along(zero, axis, x.ndim).astype(np.float32)
    result: Array = np.clip(steps, low, high).astype(zero.dtype)
    return result


def _dequantized(x: Array, scale: Array, zero: Any = None, axis: int = 1) -> Array:
    values = x.astype(np.float32)
    if zero is not None:
        values = values - _along(zero, axis, x.ndim).astype(np.float32)
    result: Array = (values * _along(scale, axis, x.ndim)).astype(scale.dtype)
    return result


@_operator("QuantizeLinear", before=19)
@_operator("QuantizeLinear", domain=MICROSOFT)
def _quantize_linear(node: Any, x: Array, scale: Array, zero: Any = None, **_: Any) -> Array:
    zero = np.zeros((), np.uint8) if zero is None else zero
    return _quantized(x, scale, zero, int(stated(node, "axis", 1)))


@_operator("DequantizeLinear", before=19)
@_operator("DequantizeLinear", domain=MICROSOFT)
def _dequantize_linear(node: Any, x: Array, scale: Array, zero: Any = None, **_: Any) -> Array:
    return _dequantized(x, scale, zero, int(stated(node, "axis", 1)))


# ONNX Runtime's own operators, which quantising and optimising put in the place of ONNX's.


@_operator("FusedMatMul", "TransposeMatMul", domain=MICROSOFT)
def _fused_matmul(node: Any, a: Array, b: Array, **_: Any) -> Array:
    for name, last in (("A", False), ("B", True)):
        array = b if last else a
        if stated(node, f"transBatch{name}", 0) and array.ndim > 2:
            array = np.moveaxis(array, 0, -2)
        if stated(node, f"trans{name}", 0) and array.ndim > 1:
            array = array.swapaxes(-1, -2)
        a, b = (a, array) if last else (array, b)
    result: Array = (np.matmul(a, b) * np.float32(stated(node, "alpha", 1.0))).astype(a.dtype)
    return result


_FUSED: dict[str, Callable[..., Array]] = {
    "Relu": lambda x, *_: np.maximum(x, 0),
    "Sigmoid": lambda x, *_: sigmoid(x),
    "Tanh": lambda x, *_: np.tanh(x),
    "LeakyRelu": lambda x, alpha=0.01, *_: np.where(x > 0, x, alpha * x),
    "Clip": lambda x, low=-np.inf, high=np.inf, *_: np.clip(x, low, high),
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5, *_: np.clip(alpha * x + beta, 0, 1),
}


@_operator("FusedGemm", domain=MICROSOFT)
def _fused_gemm(node: Any, a: Array, b: Array, c: Any = None, **_: Any) -> Array:
    a, b = (x.T if stated(node, f"trans{name}", 0) else x for x, name in ((a, "A"), (b, "B")))
    result = a @ b * np.float32(stated(node, "alpha", 1.0))
    if c is not None:
        result = result + c * np.float32(stated(node, "beta", 1.0))
    own = [stated(node, f"activation_{name}", None) for name in ("alpha", "beta", "gamma")]
    function = _FUSED[str(stated(node, "activation", "Relu"))]
    return function(result, *(each for each in own if each is not None)).astype(a.dtype)


@_operator("MatMulIntegerToFloat", domain=MICROSOFT)
def _matmul_integer_to_float(
    node: Any, a: Array, b: Array, a_scale: Array, b_scale: Array, a_zero: Any = None,
    b_zero: Any = None, bias: Any = None, **_: Any,
) -> Array:  # fmt: skip
    result = _dequantized(a, a_scale, a_zero, -1) @ _dequantized(b, b_scale, b_zero, -1)
    return result if bias is None else result + bias


@_operator("DynamicQuantizeMatMul", domain=MICROSOFT)
def _dynamic_quantize_matmul(
    node: Any, a: Array, b: Array, b_scale: Array, b_zero: Any = None, bias: Any = None, **_: Any
) -> Array:
    scale, zero = _dynamic(a)
    rounded = _dequantized(_quantized(a, scale, zero), scale, zero)
    result = rounded @ _dequantized(b, b_scale, b_zero, -1)
    return result if bias is None else result + bias


def _dynamic(x: Array) -> tuple[Array, Array]:
    """Return the scale and the zero point that DynamicQuantizeLinear finds for bytes."""
    low, high = min(0.0, float(x.min(initial=0))), max(0.0, float(x.max(initial=0)))
    scale = np.float32((high - low) / 255) or np.float32(1)
    zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
    return np.asarray(scale, np.float32), np.asarray(zero)


@_operator("MatMulNBits", domain=MICROSOFT)
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


@_operator("QLinearAdd", "QLinearMul", domain=MICROSOFT)
def _qlinear_binary(
    node: Any, a: Array, a_scale: Array, a_zero: Any, b: Array, b_scale: Array, b_zero: Any,
    scale: Array, zero: Any = None, **_: Any,
) -> Array:  # fmt: skip
    one, other = _dequantized(a, a_scale, a_zero), _dequantized(b, b_scale, b_zero)
    result = one + other if node.onnx_node.op_type == "QLinearAdd" else one * other
    return _quantized(result, scale, np.zeros((), a.dtype) if zero is None else zero)


@_operator("QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", domain=MICROSOFT)
def _qlinear_unary(
    node: Any, x: Array, x_scale: Array, x_zero: Any, scale: Array, zero: Any = None, **_: Any
) -> Array:
    values, name = _dequantized(x, x_scale, x_zero), node.onnx_node.op_type
    if name == "QLinearSigmoid":
        result = sigmoid(values)
    elif name == "QLinearLeakyRelu":
        result = np.where(values > 0, values, np.float32(stated(node, "alpha", 0.01)) * values)
    else:
        axis = int(stated(node, "axis", -1))
        shifted = np.exp(values - values.max(axis=axis, keepdims=True))
        result = shifted / shifted.sum(axis=axis, keepdims=True)
    return _quantized(result, scale, np.zeros((), x.dtype) if zero is None else zero)


@_operator("QLinearConcat", domain=MICROSOFT)
def _qlinear_concat(node: Any, scale: Array, zero: Array, *parts: Any, **_: Any) -> Array:
    values = [_dequantized(*parts[index : index + 3]) for index in range(0, len(parts), 3)]
    return _quantized(np.concatenate(values, axis=int(stated(node, "axis", 0))), scale, zero)


@_operator("QGemm", domain=MICROSOFT)
def _qgemm(
    node: Any, a: Array, a_scale: Array, a_zero: Array, b: Array, b_scale: Array, b_zero: Array,
    c: Any = None, scale: Any = None, zero: Any = None, **_: Any,
) -> Array:  # fmt: skip
    one, other = _dequantized(a, a_scale, a_zero), b
    if stated(node, "transA", 0):
        one = one.T
    columns = 0 if stated(node, "transB", 0) else 1
    other = _dequantized(b, b_scale, b_zero, columns)
    result = one @ (other.T if columns == 0 else other) * np.float32(stated(node, "alpha", 1.0))
    if c is not None:
        result = result + c.astype(np.float32) * (a_scale * b_scale)
    return result.astype(np.float32) if scale is None else _quantized(result, scale, zero)


@_operator("Gelu", "BiasGelu", domain=MICROSOFT)
def _gelu(node: Any, x: Array, bias: Any = None, **_: Any) -> Array:
    x = x if bias is None else x + bias
    result: Array = 0.5 * x * (1 + erf(x / np.sqrt(x.dtype.type(2))))
    return result.astype(x.dtype)


@_operator("FastGelu", domain=MICROSOFT)
def _fast_gelu(node: Any, x: Array, bias: Any = None, **_: Any) -> Array:
    x = x if bias is None else x + bias
    result: Array = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return result.astype(x.dtype)


@_operator("QuickGelu", domain=MICROSOFT)
def _quick_gelu(node: Any, x: Array, **_: Any) -> Array:
    return (x * sigmoid(np.float32(stated(node, "alpha", 1.702)) * x)).astype(x.dtype)


@_operator("LayerNormalization", before=17)
def _layer_normalization(node: Any, x: Array, scale: Array, bias: Any = None, **_: Any) -> Any:
    axis = int(stated(node, "axis", -1)) % x.ndim
    return _normalized(x, scale, bias, tuple(range(axis, x.ndim)), stated(node, "epsilon", 1e-5))


@_operator("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def _skip_layer_normalization(
    node: Any, x: Array, skip: Array, gamma: Array, *others: Any, **_: Any
) -> tuple[Array, ...]:
    simple = node.onnx_node.op_type.startswith("SkipSimplified")
    beta, bias = (None, *others, None)[:2] if simple else (*others, None, None)[:2]
    total = x + skip + (0 if bias is None else bias)
    epsilon = stated(node, "epsilon", 1e-12)
    y, mean, deviation = _normalized(total, gamma, beta, (-1,), epsilon, centred=not simple)
    return y, mean, deviation, total


@_operator("SimplifiedLayerNormalization", before=None)
@_operator("SimplifiedLayerNormalization", domain=MICROSOFT)
def _simplified(node: Any, x: Array, scale: Array, **_: Any) -> tuple[Array, ...]:
    found = _normalized(x, scale, None, (-1,), stated(node, "epsilon", 1e-5), centred=False)
    return found[0], found[2]


def _normalized(
    x: Array, scale: Array, bias: Any, axes: tuple[int, ...], epsilon: float, centred: bool = True
) -> tuple[Array, ...]:
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    mean = wide.mean(axis=axes, keepdims=True) if centred else np.zeros((), wide.dtype)
    rest = wide - mean
    inverse = 1 / np.sqrt(np.square(rest).mean(axis=axes, keepdims=True) + wide.dtype.type(epsilon))
    y = rest * inverse * scale
    return (y if bias is None else y + bias).astype(x.dtype), mean, inverse
