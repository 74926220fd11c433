"""A node of an ONNX graph as a layer: which of its inputs are weights, and their shapes."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rnncli.cells import PEEPHOLE_LSTM, cells_in
from rnncli.layers import TABLE, key
from rnncli.layers.rnn.weight_layouts import LAYOUTS
from rnncli.model import Call, Layer, Ref, Stored, Weight
from rnncli.shapes import Shape, Shapes

RECURRENT = cells_in("onnx")
_WEIGHTY = ("RNN", "LSTM", "GRU", "MatMul", "Gemm", "Conv", "ConvTranspose", "MatMulInteger",
            "ConvInteger", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "QLinearMatMul",
            "QLinearConv", "Gather", "BatchNormalization", "LayerNormalization",
            "PRelu")  # fmt: skip
_WEIGHTS = (
    "float32",
    "float16",
    "float64",
    "bfloat16",
    "int8",
    "uint8",
    "float8_e4m3fn",
    "float8_e5m2",
)
_NAMES = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


class Constant(NamedTuple):
    """A tensor of the file: an initializer, the value of a Constant node, or made of such.

    `made_of` is another name of its values, where several tensors have the same ones.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    initializer: bool
    values: Callable[[], Any]
    made_of: str = ""

    @property
    def key(self) -> str:
        """Return the name under which the values are counted, once."""
        return self.made_of or self.name


class Node(NamedTuple):
    """A node's name, operator, attributes, inputs and the shapes of its outputs."""

    name: str
    op: str
    domain: str
    attributes: dict[str, Any]
    inputs: list[str]
    shapes: list[Shape | None]


def layer_of(
    node: Node, made: Mapping[str, Ref], constants: Mapping[str, Constant], counted: set[str]
) -> Layer:
    """Return the layer of a node. A tensor that several nodes use is counted with the first."""
    weights: list[tuple[Weight, bool]] = []
    operands: list[tuple[str, Any]] = []
    refs: list[Ref] = []
    for position, name in enumerate(node.inputs):
        if name in made:
            operands.append(("tensor", len(refs)))
            refs.append(made[name])
        elif name in constants:
            constant = constants[name]
            operands.append(("weight", name))
            counts = _is_weight(node, constant) and constant.key not in counted
            counted.add(constant.key)
            weights.append(_weight(node, position, constant, counts))
        else:
            operands.append(("none", ""))
    own = tuple(weight for weight, counts in weights if counts)
    shapes = _outputs(node, made, constants)
    config = {
        "operator": node.op,
        "attributes": node.attributes,
        "operands": operands,
        "weights": own,
        "constants": {c.name: c.values for n in node.inputs if (c := constants.get(n)) is not None},
        "shapes": shapes,
        "name": node.name,
    }
    kind = key("onnx", node.op) if node.domain in ("", "ai.onnx") else None
    return Layer(
        kind if kind in TABLE else None, node.name, config, (Call(tuple(refs)),),
        stated_shapes=shapes, weights=own, type=node.op, dialect="onnx",
    )  # fmt: skip


def _is_weight(node: Node, constant: Constant) -> bool:
    """Whether a constant is trained: numbers to compute with, not the axes of a Reshape."""
    if constant.dtype not in _WEIGHTS:
        return False
    return constant.initializer or (node.op in _WEIGHTY and bool(constant.shape))


def _weight(node: Node, position: int, constant: Constant, counts: bool) -> tuple[Weight, bool]:
    name = constant.name
    gates: tuple[str, ...] = ()
    if node.op in RECURRENT and position < len(_NAMES):
        name = _NAMES[position]
        gates = _gates(node.op, name)
    weight = Weight(
        name, constant.shape, gates=gates, path=constant.name, dtype=constant.dtype,
        stored=Stored((constant.name,)),
    )  # fmt: skip
    return weight, counts


def _gates(operator: str, name: str) -> tuple[str, ...]:
    """Return the gates of a recurrent node's input, in stored order."""
    cell, layout = RECURRENT[operator], LAYOUTS["onnx"]
    if name == "B":
        return layout.order(cell)
    for term in (PEEPHOLE_LSTM if operator == "LSTM" else cell).weights:
        if layout.names[term.name] == name:
            return layout.stored_gates(cell, term)
    return ()


def _outputs(
    node: Node, made: Mapping[str, Ref], constants: Mapping[str, Constant]
) -> Shapes | None:
    """Return the shapes of the outputs: as the file states them, or as the operator has them."""
    known = [shape for shape in node.shapes if shape is not None]
    if known and len(known) == len(node.shapes):
        return tuple(known)
    kernel = constants.get(node.inputs[2]) if len(node.inputs) > 2 else None
    if node.op not in RECURRENT or kernel is None or len(kernel.shape) != 3:
        return None
    directions, units = kernel.shape[0], kernel.shape[2]
    full: Shape = (None, directions, None, units)
    final: Shape = (directions, None, units)
    return (full, final, final)[: len(node.shapes)]
