"""Which constants of a graph are parameters: what a framework would call the model's weights.

The rest, counted apart, are initial states, fill values, shapes, scales and zero points. A graph
does not say which is which; the operator that takes a constant does, and how exporters name it.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from rnncli.cells import cells_in
from rnncli.formats.onnx.constants import Constant

_CELLS = cells_in("onnx")
RECURRENT = {**_CELLS, "DynamicQuantizeLSTM": _CELLS["LSTM"]}  # the cell of each operator

# Where operators take parameters; those of com.microsoft are ONNX Runtime's.
_PLACES = {
    "RNN": (1, 2, 3), "GRU": (1, 2, 3), "LSTM": (1, 2, 3, 7), "DynamicQuantizeLSTM": (1, 2, 3, 7),
    "MatMul": (0, 1), "FusedMatMul": (0, 1), "TransposeMatMul": (0, 1), "Gemm": (0, 1, 2),
    "FusedGemm": (0, 1, 2), "MatMulInteger": (0, 1), "MatMulInteger16": (0, 1),
    "QLinearMatMul": (0, 3), "DynamicQuantizeMatMul": (1, 4), "MatMulIntegerToFloat": (0, 1, 6),
    "QGemm": (0, 3, 6), "MatMulNBits": (1, 5), "Einsum": tuple(range(8)),
    "Conv": (1, 2), "ConvTranspose": (1, 2), "FusedConv": (1, 2), "ConvInteger": (1,),
    "QLinearConv": (3, 8), "DeformConv": (1, 3),
    "Gather": (0,), "GatherBlockQuantized": (0,), "EmbedLayerNormalization": (2, 3, 4, 5, 6),
    "BatchNormalization": (1, 2, 3, 4), "InstanceNormalization": (1, 2),
    "GroupNormalization": (1, 2), "LayerNormalization": (1, 2), "RMSNormalization": (1,),
    "SimplifiedLayerNormalization": (1,), "SkipLayerNormalization": (2, 3, 4),
    "SkipSimplifiedLayerNormalization": (2, 3), "BiasGelu": (1,), "FastGelu": (1,),
    "PRelu": (1,), "QAttention": (1, 2), "com.microsoft.Attention": (1, 2), "Attention": (),
    "DequantizeLinear": (0,),
}  # fmt: skip
_STATES = {"RNN": (5,), "GRU": (5,), "LSTM": (5, 6), "DynamicQuantizeLSTM": (5, 6)}
_PRODUCTS = {"Gemm", "FusedGemm", "QGemm", "Einsum"}
# Operators that are given sizes, factors, borders and what fills, none of which is trained.
_SETTINGS = {"Resize", "Upsample", "Pad", "Clip", "OneHot", "Range", "RoiAlign", "STFT", "DFT",
             "QuantizeLinear", "TopK", "Where", "MelWeightMatrix", "Equal", "Greater", "Less",
             "GreaterOrEqual", "LessOrEqual"}  # fmt: skip
_FLOATS = {"float32", "float16", "float64", "bfloat16"}
_SMALL = {"uint4", "int4", "uint2", "int2", "float4_e2m1fn", "float8_e4m3fn", "float8_e4m3fnuz",
          "float8_e5m2", "float8_e5m2fnuz"}  # fmt: skip
_TRAINED = {*_FLOATS, *_SMALL, "int8", "uint8", "int16", "int32"}
# Names that PyTorch's exporters make up; those of parameters are the module's own.
_MADE_UP = re.compile(r"^(?:onnx::|/|val_|\d|_|lifted|scalar_|constant|c_)|_\d+$|::")


class Use(NamedTuple):
    """One use of a constant: the operator and the position among its inputs.

    `after_product` says that it is added to a matrix product or a convolution, `state` that it only
    becomes initial states, `producer` which program wrote the file.
    """

    op: str
    position: int
    producer: str
    after_product: bool = False
    state: bool = False


def is_state(op: str, position: int) -> bool:
    """Whether a recurrent operator takes its initial states there."""
    return position in _STATES.get(op, ())


def is_product(op: str) -> bool:
    """Whether an operator is a matrix product or a convolution, to which biases are added."""
    return op in _PRODUCTS or "MatMul" in op or "Conv" in op


def is_counted(constant: Constant, use: Use, held: Mapping[str, Constant]) -> bool:
    """Return whether a constant is a parameter where it is used, of which `held` has no whole."""
    if not _is_parameter(constant, use):
        return False
    return not (_of_keras(use) and (_is_no_bias(constant, use) or _is_part(constant, held)))


def _is_parameter(constant: Constant, use: Use) -> bool:
    torch = use.producer.startswith("pytorch")
    named = torch and constant.initializer and not _MADE_UP.search(constant.name)
    if use.state or is_state(use.op, use.position):
        return named
    if use.op in _PLACES:
        return _in_place(constant, use, named)
    kept = constant.dtype in _FLOATS or constant.dtype in _SMALL  # these hold nothing but weights
    if not kept or not constant.initializer or use.op in _SETTINGS:
        return False
    return constant.size > 1 or use.after_product or named


def _in_place(constant: Constant, use: Use, named: bool) -> bool:
    """Return whether it is one of the operator's own weights."""
    if use.position not in _PLACES[use.op] or not constant.shape or constant.dtype not in _TRAINED:
        return False
    torch = use.producer.startswith("pytorch")
    if use.op == "Gather":  # else a look into a shape
        return constant.dtype in _FLOATS and len(constant.shape) > 1
    if use.op == "BatchNormalization" and use.position > 2:  # PyTorch's buffers, Keras's weights
        return not torch
    if use.op == "InstanceNormalization":  # of a group norm they are ones and zeros
        return constant.initializer and (named or not torch)
    return constant.initializer or "Normalization" not in use.op


def counted_shape(constant: Constant, use: Use, attributes: dict[str, object]) -> tuple[int, ...]:
    """Return the shape of the weights that a constant stands for.

    Packed ones stand for `(N, K)`. Of Keras's one row of biases tf2onnx makes two, one of zeros.
    """
    if use.op == "MatMulNBits" and use.position == 1:
        return (_whole(attributes, "N"), _whole(attributes, "K"))
    bias = use.op in RECURRENT and use.position == 3 and len(constant.shape) == 2
    if bias and _of_keras(use) and not attributes.get("linear_before_reset"):
        return (constant.shape[0], constant.shape[1] // 2)
    return constant.shape


def _of_keras(use: Use) -> bool:
    return use.producer.startswith("tf2onnx")


def _is_no_bias(constant: Constant, use: Use) -> bool:
    """Whether it is zeros for an LSTM without bias: Keras's own begins with some ones."""
    if use.op != "LSTM" or use.position != 3 or constant.beside:
        return False
    return not constant.values().any()


def _is_part(constant: Constant, held: Mapping[str, Constant]) -> bool:
    """Whether it was cut from another constant: the first step of a loop has its own."""
    cell, found, _ = constant.name.rpartition("/strided_slice")
    wholes = (each for name, each in held.items() if name.startswith(f"{cell}/ReadVariableOp"))
    return bool(found) and any(
        each.shape[:1] == constant.shape[:1] and each.size > constant.size for each in wholes
    )


def _whole(attributes: dict[str, object], name: str) -> int:
    value = attributes.get(name)
    return value if isinstance(value, int) and value > 0 else 0
