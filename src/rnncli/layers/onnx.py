"""ONNX's operators, as far as counting needs them: the file says their weights and shapes."""

from functools import partial
from math import prod

from rnncli.layers import TABLE, bare
from rnncli.layers.layer_type import LayerType
from rnncli.layers.rnn.onnx import CELLS, structure
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes

RECURRENT = tuple(f"onnx.{operator}" for operator in CELLS)


def _weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    return tuple(config["weights"])


def _outputs(config: Config, inputs: Shapes) -> Shapes:
    return tuple(tuple(shape) for shape in config["shapes"] or ())


def _steps_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    """Count the products of the kernels `W` and `R` along the second axis.

    Whether the first axis of X is that of the steps or of the batch, both together count them all.
    """
    weights: tuple[Weight, ...] = config["weights"]
    total = sum(weight.params for weight in weights if weight.name in ("W", "R"))
    steps = inputs[0][1] if inputs and len(inputs[0]) == 3 else None
    return None if steps is None else steps * total


def _product_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    """Count a product with a matrix: each output value takes one row or column of it."""
    weights: tuple[Weight, ...] = config["weights"]
    matrix = next((w for w in weights if len(w.shape) == 2), None)
    if matrix is None or not outputs or None in outputs[0][1:]:
        return None
    size = prod(dim for dim in outputs[0][1:] if dim is not None)
    inner = matrix.params // max(1, outputs[0][-1] or 1)
    return size * inner


def _window_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    """Count a convolution: at each position of the output, every value of the kernel once."""
    weights: tuple[Weight, ...] = config["weights"]
    kernel = next((w for w in weights if len(w.shape) > 2), None)
    if kernel is None or not outputs or None in outputs[0][2:]:
        return None
    return kernel.params * prod(dim for dim in outputs[0][2:] if dim is not None)


_MACS = {
    **dict.fromkeys(RECURRENT, _steps_macs),
    "onnx.Conv": _window_macs,
    "onnx.MatMul": _product_macs,
    "onnx.Gemm": _product_macs,
}
TYPES = {
    name: LayerType(
        outputs=_outputs,
        weights=_weights,
        macs=_MACS.get(name, LayerType().macs),
        not_run="ONNX's own reference runs the graph",
        structure=partial(structure, bare(name)) if name in RECURRENT else None,
    )
    for name, family in TABLE.items()
    if family == "onnx"
}
