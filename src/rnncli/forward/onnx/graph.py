"""An ONNX file's graph made ready to run, cut to the outputs that are asked for."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from rnncli.errors import FileError, UnsupportedError
from rnncli.forward import memory
from rnncli.forward.onnx.evaluator import Evaluator, Session, evaluator_of
from rnncli.forward.onnx.operators import operators
from rnncli.layers.op import Array, Notes
from rnncli.layers.rnn.run import Running
from rnncli.model import Model, Ref

_ITEM = {7: 8, 11: 8, 13: 8, 14: 8, 15: 16}  # bytes of a value over 4, by TensorProto.DataType
_FAR = 50  # nodes between what the file holds and a weight


class OnnxGraph:
    """The nodes that some outputs depend on. `values` stand in for tensors of the file.

    Raises: UnsupportedError for a node that cannot be run, FileError.
    """

    def __init__(
        self, model: Model, outputs: Sequence[Ref], values: dict[str, Array], notes: Notes
    ) -> None:
        self.model, self.outputs = model, tuple(outputs)
        if model.store is None:
            raise UnsupportedError("the model has no file that it could be run from")
        with model.store() as opened:
            store: Any = opened
            if model.layers[-1].config.get("alone"):
                proto = store.alone(outputs[0].layer)
                self.inputs, self.names = {model.inputs[0]: "X"}, ["Y"]
            else:
                proto = _cut(store.proto, [store.name_of(ref) for ref in outputs])
                _fill(proto, store.whole)
                self.inputs = {ref: store.name_of(ref) for ref in model.inputs}
                self.names = [store.name_of(ref) for ref in outputs]
        self.session = Session(notes, values)
        version = {each.domain: each.version for each in proto.opset_import}
        try:
            self.evaluator = evaluator_of(proto, self.session, operators(version))
        except FileError as error:
            raise FileError(f"{model.source.path}: {error.message}", error.hint) from None

    def recurrent(self) -> Iterator[tuple[str, Running]]:
        """Yield the recurrent nodes, made of the weights that can be known before the graph runs.

        Raises: UnsupportedError for a node whose weights cannot be known.
        """
        constants = _Constants(self.session)
        for node in [node for each in self.session.evaluators for node in each.rt_nodes_]:
            runner = self.session.recurrent.get(node.onnx_node.name)
            if runner is not None:
                names = [*node.input, *[""] * 12]
                found = [constants.value(names[place]) for place in runner.takes]
                runner.known = runner.weights_of(found)
                yield runner.name, runner.look()

    def run(self, inputs: Mapping[Ref, Array], progress: Any) -> list[Array]:
        """Return the outputs."""
        self.session.progress = progress
        given = {self.inputs[ref]: array for ref, array in inputs.items()}
        found = self.evaluator.run(self.names, given)
        for name, value in zip(self.names, found, strict=True):
            if not isinstance(value, np.ndarray):
                kind = "a sequence of tensors" if isinstance(value, list) else "no tensor"
                raise UnsupportedError(f"output {name!r} is {kind}, which cannot be shown")
        return list(found)


class _Constants:
    """Tensors that depend on nothing but what the file holds, by their names in all graphs."""

    def __init__(self, session: Session) -> None:
        self.given = session.given
        self.held: dict[str, Any] = {}
        self.made: dict[str, tuple[Evaluator, Any]] = {}
        for each in session.evaluators:
            self.held.update(each.rt_inits_)
            self.made.update(
                (name, (each, node)) for node in each.rt_nodes_ for name in node.output
            )

    def value(self, name: str, depth: int = 0) -> Array | None:
        """Return a tensor; what nodes make of constants is kept, so that no run makes it again."""
        if not name or name in self.given:
            return self.given.get(name)
        if name in self.held:
            held: Array = self.held[name]
            return held
        if name not in self.made or depth > _FAR or self.made[name][1].need_context():
            return None
        evaluator, node = self.made[name]
        found = {each: self.value(each, depth + 1) for each in node.input if each}
        if any(part is None for part in found.values()):
            return None
        outputs = evaluator.call(node, {"": None, **found}, None)
        self.given.update(zip(node.output, outputs, strict=False))
        return self.given[name]


def _cut(proto: Any, names: Sequence[str]) -> Any:
    """Return the model with only the nodes, the weights and the inputs that `names` depend on."""
    wanted, kept = set(names), []
    for node in reversed(proto.graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted |= _taken(node)
    other = type(proto)(ir_version=proto.ir_version, opset_import=proto.opset_import,
                        functions=proto.functions)  # fmt: skip
    graph = other.graph
    graph.name = proto.graph.name
    graph.node.extend(reversed(kept))
    graph.initializer.extend(each for each in proto.graph.initializer if each.name in wanted)
    graph.sparse_initializer.extend(proto.graph.sparse_initializer)
    graph.input.extend(each for each in proto.graph.input if each.name in wanted)
    graph.value_info.extend(proto.graph.value_info)
    graph.output.extend(type(proto.graph.output.add())(name=name) for name in names)
    return other


def _fill(message: Any, whole: Any) -> None:
    """Put the values that lie elsewhere into the tensors of a graph and of its nodes.

    Raises: FileError where they are not, UnsupportedError where they take more than there is.
    """
    tensors = [each for graph in _graphs(message.graph) for each in _tensors(graph)]
    lie = [each for each in tensors if each.data_location or each.external_data]
    memory.check(2 * sum(prod(each.dims) * _ITEM.get(each.data_type, 4) for each in lie))
    for each in lie:
        each.CopyFrom(whole(each))


def _graphs(graph: Any) -> Iterator[Any]:
    """Yield a graph and those inside its nodes."""
    yield graph
    for node in graph.node:
        for each in node.attribute:
            for inner in (each.g, *each.graphs) if each.type in (5, 10) else ():
                yield from _graphs(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield the tensors that a graph holds."""
    yield from graph.initializer
    sparse = list(graph.sparse_initializer)
    for node in graph.node:
        for each in node.attribute:
            yield from (each.t, *each.tensors) if each.type in (4, 9) else ()
            sparse += (each.sparse_tensor, *each.sparse_tensors) if each.type in (11, 12) else ()
    for both in sparse:
        yield from (both.values, both.indices)


def _taken(node: Any) -> set[str]:
    """Return what a node takes, itself or in the graphs inside it."""
    names = set(node.input)
    for each in node.attribute:
        for graph in (each.g, *each.graphs) if each.type in (5, 10) else ():
            names |= {output.name for output in graph.output}
            names = names.union(*(_taken(inner) for inner in graph.node))
    return names - {""}
