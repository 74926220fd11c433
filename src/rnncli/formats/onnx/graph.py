"""The nodes of an ONNX graph, and of the graphs inside them, as layers."""

from collections.abc import Mapping
from typing import Any

from rnncli.formats import limits
from rnncli.formats.onnx.constant_folding import Folder
from rnncli.formats.onnx.constants import DTYPES, Constant, constant_of, sparse_of
from rnncli.formats.onnx.functions import graphs_in
from rnncli.formats.onnx.nodes import (
    Scope,
    changes,
    constant_node,
    note_sequences,
    only_states,
    outputs_of,
    plain,
    repeated,
    rounds_of,
    shape_of,
    tensor_shapes,
)
from rnncli.formats.onnx.roles import RECURRENT, Use, counted_shape, is_counted, is_product
from rnncli.formats.onnx.weights import NAMES, as_stated, gates_of, is_turned, weight_of
from rnncli.graph.naming import Namer
from rnncli.layers.onnx import kind_of
from rnncli.model import Call, Layer, Ref, Weight
from rnncli.shapes import Dim, Shape
from rnncli.storage import Stored

_TIED = 1 << 26  # values of an embedding that are compared with those of a head
_SHOWN = 10  # sentences of what is wrong with one file


class Reader:
    """Collects the layers of a graph, its constants, and what is wrong with it."""

    def __init__(self, proto: Any, path: str, meant: Mapping[str, str]) -> None:
        self.path, self.producer, self.meant = path, proto.producer_name, meant
        self.folder = Folder(proto)
        self.layers: list[Layer] = []
        self.inputs: tuple[Ref, ...] = ()
        self.outputs: tuple[Ref, ...] = ()
        self.gaps: list[str] = []
        self.weights: set[str] = set()  # keys of constants that have been counted
        self.parts: set[str] = set()  # keys of those that were put together to weights
        self.held: dict[str, Constant] = {}  # every constant, by a name of its own
        self.names = Namer()
        self.tensors: dict[Ref, str] = {}  # what the file calls a tensor
        self.protos: dict[str, tuple[Any, Scope]] = {}  # the node of a layer, and what it sees
        self.tables: list[Constant] = []  # embeddings
        self.products: set[str] = set()  # tensors that a product gives
        self.states = only_states(proto.graph)
        self.ends = {each.name for each in proto.graph.output}
        top = Scope({}, {}, {}, {})
        self._graph(proto.graph, "", top, 0, 1)
        for each in proto.graph.output:
            if each.name in top.constants and each.name not in top.made:
                self._given_out(top.constants[each.name], top)
        made = [top.made.get(each.name) for each in proto.graph.output]
        self.outputs = tuple(ref for ref in made if ref is not None)

    def _graph(self, graph: Any, prefix: str, scope: Scope, depth: int, times: Dim) -> None:
        """Add the layers of a graph, which runs so many times.

        Those of a graph inside a node have its name before theirs.
        """
        limits.check("graphs inside graphs", depth, limits.MODEL_NESTING)
        limits.check("tensors", len(graph.initializer), limits.TENSORS)
        limits.check("layers", len(self.layers) + len(graph.node), limits.LAYERS)
        for name in repeated(graph):
            self.gaps.append(f"several tensors of a graph have the name {name[:60]!r}")
        for each in graph.initializer:
            self._hold(constant_of(each, each.name, True, self.path), prefix, scope)
        for each in graph.sparse_initializer:
            self._hold(sparse_of(each, self.path), prefix, scope)
        for each in (*graph.input, *graph.output, *graph.value_info):
            shape = shape_of(each)
            if shape is not None:
                scope.shapes[each.name] = shape
                scope.dtypes[each.name] = DTYPES.get(each.type.tensor_type.elem_type, "?")
        given = [each for each in graph.input if each.name not in scope.constants]
        if depth:
            scope.made.update((each.name, Ref("")) for each in given)
        else:
            for each in graph.node:
                note_sequences(each, scope)
            self.inputs = tuple(self._input(each, scope) for each in given)
        for node in graph.node:
            self._node(node, prefix, scope, depth, times)

    def _input(self, value: Any, scope: Scope) -> Ref:
        dtype = DTYPES.get(value.type.tensor_type.elem_type, "?")
        shape = scope.shapes.get(value.name)
        name = self._named(value.name or "input")
        axes = tuple(each.dim_param for each in value.type.tensor_type.shape.dim)
        config = {"batch_shape": shape, "name": name, "dtype": dtype, "axes": axes,
                  "roles": tuple(self.meant.get(axis, "") for axis in axes)}  # fmt: skip
        call = Call((), output_shapes=None if shape is None else (shape,))
        self.layers.append(Layer("InputLayer", name, config, (call,), type="InputLayer",
                                 weights=(), dialect="onnx"))  # fmt: skip
        scope.made[value.name] = Ref(name)
        self.tensors[Ref(name)] = value.name
        return Ref(name)

    def _given_out(self, constant: Constant, scope: Scope) -> None:
        """Add a row for a constant that is an output of the graph."""
        name = self._named(constant.name)
        config = {"operator": "Constant", "attributes": {}, "operands": [], "weights": (),
                  "shapes": (constant.shape,), "name": name, "input_shapes": (), "times": 1,
                  "dtype": constant.dtype}  # fmt: skip
        call = Call((), output_shapes=(constant.shape,))
        self.layers.append(Layer("onnx.Node", name, config, (call,), type="Constant",
                                 weights=(), dialect="onnx"))  # fmt: skip
        scope.made[constant.name] = Ref(name)
        self.tensors[Ref(name)] = constant.name

    def _named(self, name: str) -> str:
        limits.check("characters in a node's name", len(name), limits.NAME_CHARACTERS)
        return self.names.distinct(name)

    def _hold(self, constant: Constant, prefix: str, scope: Scope) -> None:
        """Note a constant; of several graphs' equal names, the later has its node's before it."""
        own = constant.name if constant.name not in self.held else f"{prefix}{constant.name}"
        if constant.dtype == "?":
            self.gaps.append(f"tensor {constant.name[:60]!r} is of an unknown type")
        scope.constants[constant.name] = constant._replace(name=own)
        self.held[own] = scope.constants[constant.name]

    def _node(self, proto: Any, prefix: str, scope: Scope, depth: int, times: Dim) -> None:
        attributes = {each.name: each for each in proto.attribute}
        if proto.op_type == "Constant" and proto.output and not proto.domain:
            constant = constant_node(proto.output[0], attributes, self.path)
            if constant is not None:
                self._hold(constant, prefix, scope)
            if constant is not None and (depth or proto.output[0] not in self.ends):
                return
        known = [scope.constants.get(each) for each in proto.input]
        shapes = [scope.shapes.get(each) for each in proto.output]
        again = any(each in scope.constants for each in proto.output)  # its shape is the other's
        moved = self.folder.fold(proto, known, [None] if again else shapes)
        if moved:
            for each in moved:
                self._hold(each, prefix, scope)
            floats = (each for each in (*known, *moved) if each and each.dtype != "int64")
            self.parts.update(each.key for each in floats)
            return
        for output in proto.output:
            scope.constants.pop(output, None)
        if proto.op_type == "Identity" and known[:1] != [None] and known:
            self._alias(proto, known[0], scope)
        name = self._named(f"{prefix}{proto.name or proto.op_type.lower()}")
        layer = self._layer(proto, name, plain(attributes), scope, shapes, times)
        self.layers.append(layer)
        proto.name = name  # by which the run finds its layer
        self.protos[name] = (proto, scope)
        for tensor, output in enumerate(proto.output):
            if output:
                scope.made[output] = Ref(name, 0, tensor)
                self.tensors[Ref(name, 0, tensor)] = output
                if is_product(proto.op_type):
                    self.products.add(output)
        rounds = rounds_of(layer, scope)
        inside = None if rounds is None or times is None else rounds * times
        for each in attributes.values():
            for inner in graphs_in(each):
                self._graph(inner, f"{name}/", scope.inner(), depth + 1, inside)

    def _layer(
        self, proto: Any, name: str, attributes: dict[str, Any], scope: Scope,
        shapes: list[Shape | None], times: Dim,
    ) -> Layer:  # fmt: skip
        operands: list[tuple[str, Any]] = []
        refs: list[Ref] = []
        own: list[Weight] = []
        parts: list[Weight] = []
        inputs: list[Shape | None] = []
        for position, tensor in enumerate(proto.input):
            inputs.append(scope.shapes.get(tensor))
            if tensor in scope.made and tensor not in scope.constants:
                operands.append(("tensor", len(refs)))
                ref = scope.made[tensor]
                refs += [ref] if ref.layer else []
            elif tensor in scope.constants:
                operands.append(("weight", tensor))
                inputs[-1] = scope.constants[tensor].shape
                weight, is_own = self._weight(proto, position, attributes, scope)
                parts.append(as_stated(proto.op_type, weight, position))
                own += [weight] if is_own else []
            else:
                operands.append(("none", ""))
                if tensor:
                    self.gaps.append(f"node {name[:60]!r} takes {tensor[:60]!r}, which nothing "
                                     "before it gives")  # fmt: skip
        outputs = outputs_of(proto.op_type, inputs, shapes)
        config = {"operator": proto.op_type, "attributes": attributes, "operands": operands,
                  "weights": tuple(parts), "shapes": outputs, "name": name,
                  "input_shapes": tuple(inputs), "times": times,
                  "dtype": next((scope.dtypes[each] for each in proto.output
                                 if each in scope.dtypes), None)}  # fmt: skip
        call = Call(tuple(refs), {}, tensor_shapes(operands, inputs), outputs)
        return Layer(
            kind_of(proto.op_type, proto.domain), name, config, (call,), stated_shapes=outputs,
            weights=tuple(own), type=proto.op_type, dialect="onnx",
        )  # fmt: skip

    def _weight(
        self, proto: Any, position: int, attributes: dict[str, Any], scope: Scope
    ) -> tuple[Weight, bool]:
        """Return a constant that a node takes, and whether it is a weight; counted but once."""
        tensor = proto.input[position]
        constant, op = scope.constants[tensor], proto.op_type
        others = [each for each in proto.input if each != tensor]
        use = Use(
            f"{proto.domain}.{op}" if proto.domain and op == "Attention" else op,
            position,
            self.producer,
            op == "Add" and not self.products.isdisjoint(others),
            tensor in self.states or changes(proto, position),
        )
        is_own = is_counted(constant, use, self.held)
        shared = is_own and (constant.key in self.weights or self._is_tied(constant, op))
        if is_own:
            self.weights.add(constant.key)
            self.tables += [constant] if op == "Gather" else []
        gates: tuple[str, ...] = ()
        name = constant.name
        if op in RECURRENT and position < len(NAMES) and not is_turned(op, position):
            name = NAMES[position]
            gates = gates_of(op, name)
        shape = counted_shape(constant, use, attributes)
        weight = weight_of(constant)._replace(name=name, shape=shape, gates=gates, shared=shared)
        if name == "B" and shape != constant.shape:
            weight = weight._replace(stored=Stored((constant.name,), "onnx_row"))
        return weight, is_own

    def _is_tied(self, constant: Constant, op: str) -> bool:
        """Whether PyTorch's exporter wrote an embedding again, turned for the product of a head."""
        return self.producer.startswith("pytorch") and op == "MatMul" and any(
            each.shape == constant.shape[::-1]
            and max(each.size, constant.size) <= _TIED
            and not (each.beside or constant.beside)
            and bool((constant.values() == each.values().T).all())
            for each in self.tables
        )  # fmt: skip

    def _alias(self, proto: Any, constant: Constant | None, scope: Scope) -> None:
        """Note what Identity makes of a constant: PyTorch writes equal parameters but once."""
        if constant is None or not proto.output:
            return
        name = proto.output[0]
        own = self.producer.startswith("pytorch") and "." in name and "/" not in name
        scope.constants[name] = constant._replace(
            name=name if own else constant.name, stands_for=name if own else constant.key
        )
        if own:
            self.held[name] = scope.constants[name]

    def wrong(self) -> list[str]:
        """Return sentences of what the counts leave out."""
        more = len(self.gaps) - _SHOWN
        return [*self.gaps[:_SHOWN], *([f"and {more:,} more like these"] if more > 0 else [])]

    def rest(self) -> tuple[Weight, ...]:
        """Return the constants that are no weights."""
        counted = self.weights | self.parts
        seen = {each.key: each for each in self.held.values() if each.key not in counted}
        return tuple(weight_of(each) for each in seen.values())
