"""What the outputs of a node will take, before it runs."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto, TypeProto, defs, helper, numpy_helper, shape_inference

from rnncli.forward import memory
from rnncli.layers.op import Array

SMALL = 1 << 22  # values: what cannot become larger is not looked at
DATA = 1 << 10  # values of an input that may say a shape

_WINDOWS = 6  # times their values, with the places that onnx.reference takes these from

# Operators whose output may be larger than the product of the sizes of their inputs.
GROWING = {
    "AffineGrid", "BlackmanWindow", "CenterCropPad", "Col2Im", "ConstantOfShape", "ConvTranspose",
    "Expand", "EyeLike", "GridSample", "HammingWindow", "HannWindow", "MaxRoiPool", "MaxUnpool",
    "MelWeightMatrix", "OneHot", "Pad", "Range", "Resize", "RoiAlign", "STFT", "DFT", "Tile",
    "Upsample", "AveragePool", "MaxPool", "LpPool", "Conv", "ConvInteger", "QLinearConv",
    "DeformConv",
}  # fmt: skip


class Sizes:
    """Knows, by ONNX's own inference, how large the outputs of nodes of these opsets become."""

    def __init__(self, opsets: Mapping[str, int]) -> None:
        self.opsets = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
        self.versions = dict(opsets)

    def check(self, node: Any, inputs: Sequence[Any]) -> None:
        """Check that the outputs of a node can be held. Raises: UnsupportedError."""
        arrays = [each for each in inputs if isinstance(each, np.ndarray)]
        most = prod(max(1, array.size) for array in arrays)
        if most <= SMALL and node.op_type not in GROWING:
            return
        needed = self.needed(node, inputs)
        if needed > SMALL:
            memory.check(needed)

    def needed(self, node: Any, inputs: Sequence[Any]) -> int:
        """Return the bytes of the outputs and of what the operator makes on its way to them."""
        if node.domain == "com.microsoft":
            return _own(node, [each for each in inputs if isinstance(each, np.ndarray)])
        try:
            schema = defs.get_schema(node.op_type, self.versions[node.domain], node.domain)
            types = {
                name: _type(array)
                for name, array in zip(node.input, inputs, strict=False)
                if isinstance(array, np.ndarray)
            }
            data = {
                name: numpy_helper.from_array(array, name)
                for name, array in zip(node.input, inputs, strict=False)
                if isinstance(array, np.ndarray) and array.dtype.kind in "iuf" and array.size < DATA
            }
            found = shape_inference.infer_node_outputs(
                schema, node, types, data, opset_imports=self.opsets
            )
        except Exception:  # what cannot be inferred is told by the operator itself
            return 0
        largest = sum(_bytes(each) for each in found.values())
        return largest * _factor(node, inputs)


def _own(node: Any, arrays: Sequence[Array]) -> int:
    """Return the bytes of what ONNX Runtime's operators give, of which ONNX has no schema."""
    matrices = [each for each in arrays if each.ndim > 1]
    if ("MatMul" in node.op_type or "Gemm" in node.op_type) and len(matrices) > 1:
        turned = any(each.name == "transA" and each.i for each in node.attribute)
        inner = max(1, matrices[0].shape[-2 if turned else -1])
        return int(8 * matrices[0].size * matrices[1].size // inner**2)
    try:
        shape = np.broadcast_shapes(*(each.shape for each in arrays if each.size > 1))
    except ValueError:  # an operator that is not element by element
        return 0
    return 8 * int(prod(shape))


def _type(array: Array) -> TypeProto:
    try:
        dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
    except (KeyError, ValueError):
        dtype = TensorProto.FLOAT
    return helper.make_tensor_type_proto(dtype, array.shape)


def _bytes(value: TypeProto) -> int:
    tensor = value.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") else 1 for dim in tensor.shape.dim]
    try:
        item = helper.tensor_dtype_to_np_dtype(tensor.elem_type).itemsize
    except (KeyError, TypeError):
        item = 8
    return prod(dims) * max(1, item)


def _factor(node: Any, inputs: Sequence[Any]) -> int:
    """Return how many times its output an operator holds: a convolution lays out its windows, of
    `channels × kernel` values for each place of the output."""
    kernel = next((each for each in inputs[1:] if np.ndim(each) > 2), None)
    if "Conv" not in node.op_type or kernel is None:
        return 2
    outputs, *window = (int(size) for size in kernel.shape)
    if node.op_type == "ConvTranspose":  # each value of the input makes a window of the output
        return 2 + prod(window[1:])
    return 2 + _WINDOWS * -(-prod(window) // max(1, outputs))
