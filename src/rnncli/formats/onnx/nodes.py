"""What a node of an ONNX graph says: its attributes, shapes, constants and rounds."""

from collections import ChainMap, Counter
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

from rnncli.formats.onnx.constants import Constant, constant_of, sparse_of
from rnncli.formats.onnx.functions import MARK, nodes_of
from rnncli.formats.onnx.roles import is_state
from rnncli.layers.rnn.onnx import CELLS
from rnncli.model import Layer, Ref
from rnncli.shapes import Dim, Shape, Shapes

# Operators whose output has the values of their first input, or some of them.
_SPREAD = {"Cast", "Concat", "Expand", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Tile",
           "Transpose", "Unsqueeze"}  # fmt: skip


class Scope(NamedTuple):
    """What the nodes of one graph see: who makes a tensor, constants, shapes; outer ones too."""

    made: MutableMapping[str, Ref]
    constants: MutableMapping[str, Constant]
    shapes: MutableMapping[str, Shape]
    dtypes: MutableMapping[str, str]

    def inner(self) -> "Scope":
        """Return the scope of a graph inside a node of this one."""
        return Scope(*(ChainMap({}, *_maps(each)) for each in self))


def _maps(mapping: Any) -> list[Any]:
    return mapping.maps if isinstance(mapping, ChainMap) else [mapping]


def repeated(graph: Any) -> list[str]:
    """Return the names that a graph gives to more than one tensor."""
    held = [each.name for each in graph.initializer]
    held += [each.values.name for each in graph.sparse_initializer]
    given = {each.name for each in graph.input} - set(held)
    made = [name for node in graph.node for name in node.output if name]
    return [name for name, count in Counter([*held, *given, *made]).items() if count > 1]


def shape_of(value: Any) -> Shape | None:
    """Return the shape that a graph states for a tensor, None where it does not."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
        for dim in tensor.shape.dim
    )


def tensor_shapes(operands: list[tuple[str, Any]], inputs: list[Shape | None]) -> Shapes | None:
    """Return the shapes of the inputs that are no constants; None if one is not known."""
    found = [shape for (what, _), shape in zip(operands, inputs, strict=True) if what == "tensor"]
    known = tuple(shape for shape in found if shape is not None)
    return known if len(known) == len(found) and known else None


def changes(node: Any, position: int) -> bool:
    """Whether a loop gives another value than the one it takes there: a state, no weight."""
    body = next((each.g for each in node.attribute if each.name == "body"), None)
    if body is None or node.op_type not in ("Loop", "Scan"):
        return False
    place = position - 1 if node.op_type == "Loop" else position  # among the outputs of the body
    if position >= len(body.input) or not 0 <= place < len(body.output):
        return False
    made = {each.output[0]: each.input[0] for each in body.node if each.op_type == "Identity"}
    name = body.output[place].name
    for _ in made:
        name = made.get(name, name)
    return bool(name != body.input[position].name)


def rounds_of(layer: Layer, scope: Scope) -> Dim:
    """Return how often a node runs the graphs inside it, None where the file does not say."""
    config: Mapping[str, Any] = layer.config
    if layer.type == "Loop":
        what, name = config["operands"][0]
        return _number(scope.constants[name]) if what == "weight" else None
    if layer.type == "Scan":
        count = config["attributes"].get("num_scan_inputs", 1)
        axes = config["attributes"].get("scan_input_axes") or [0]
        shape = config["input_shapes"][-count] if count <= len(config["input_shapes"]) else None
        return shape[axes[0]] if shape and -len(shape) <= axes[0] < len(shape) else None
    return 1


def _number(constant: Constant) -> Dim:
    known = constant.size == 1 and not constant.beside
    return int(constant.values().reshape(-1)[0]) if known else None


def note_sequences(node: Any, scope: Scope) -> None:
    """Note the shape of a recurrent node's sequences; a file need not state that of inputs."""
    kernel = scope.constants.get(node.input[1]) if len(node.input) > 1 else None
    if node.op_type in CELLS and kernel is not None and len(kernel.shape) == 3:
        scope.shapes.setdefault(node.input[0], (None, None, kernel.shape[2]))


def outputs_of(op: str, inputs: list[Shape | None], shapes: list[Shape | None]) -> Shapes | None:
    """Return the shapes of the outputs: as they were inferred, or as the operator has them."""
    known = [shape for shape in shapes if shape is not None]
    if known and len(known) == len(shapes):
        return tuple(known)
    kernel = inputs[2] if len(inputs) > 2 else None
    if op not in CELLS or kernel is None or len(kernel) != 3:
        return None
    directions, units = kernel[0], kernel[2]
    full: Shape = (None, directions, None, units)
    final: Shape = (directions, None, units)
    return (full, final, final)[: len(shapes)]


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that are numbers, strings or lists of them."""
    found: dict[str, Any] = {}
    for name, each in attributes.items():
        if each.type == 1:
            found[name] = each.f
        elif each.type == 2:
            found[name] = each.i
        elif each.type == 3:
            found[name] = each.s.decode("utf-8", "replace")
        elif each.type == 6:
            found[name] = list(each.floats)
        elif each.type == 7:
            found[name] = list(each.ints)
        elif each.type == 8:
            found[name] = [s.decode("utf-8", "replace") for s in each.strings]
    return found


# The attributes of Constant that are numbers, and their `TensorProto.DataType`.
_NUMBERS = {"value_float": 1, "value_floats": 1, "value_int": 7, "value_ints": 7}


def constant_node(name: str, attributes: Mapping[str, Any], path: str) -> Constant | None:
    """Return what a Constant node holds; None for strings, which are no numbers."""
    if "value" in attributes:
        tensor = attributes["value"].t
        found = constant_of(tensor, name, False, path)
        own = tensor.doc_string.startswith(MARK)
        return found._replace(stands_for=tensor.doc_string) if own else found
    if "sparse_value" in attributes:
        return sparse_of(attributes["sparse_value"].sparse_tensor, path)._replace(name=name)
    key = next((each for each in _NUMBERS if each in attributes), None)
    if key is None:
        return None
    from onnx import helper

    value = plain(attributes).get(key, [])
    many = isinstance(value, list)
    tensor = helper.make_tensor(name, _NUMBERS[key], [len(value)] if many else [],
                                value if many else [value])  # fmt: skip
    return constant_of(tensor, name, False, path)


def only_states(graph: Any) -> set[str]:
    """Return the tensors that become initial states and nothing else."""
    nodes = list(nodes_of(graph.node))
    uses: dict[str, bool] = dict.fromkeys((each.name for each in graph.output), False)
    for node in reversed(nodes):
        passed = node.op_type in _SPREAD and all(uses.get(each) for each in node.output if each)
        for position, name in enumerate(node.input):
            ends = is_state(node.op_type, position) or passed
            uses[name] = uses.get(name, True) and ends
    return {name for name, ends in uses.items() if ends and name}
