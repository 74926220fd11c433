"""ONNX's reference evaluator with a bound on memory, names in its errors, and our operators."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx.reference import ReferenceEvaluator

from rnncli.errors import FileError, RnncliError, ShapeError, UnsupportedError
from rnncli.forward import memory
from rnncli.forward.onnx.sizes import Sizes
from rnncli.layers.op import Array, Notes
from rnncli.layers.rnn.run_onnx import OnnxRnn

Progress = Callable[[int, int], None]

# What a file of strangers has no business to do: draw numbers, decode pictures, match patterns
# whose time has no bound.
REFUSED = {
    "Bernoulli": "it draws random numbers",
    "ImageDecoder": "it decodes pictures",
    "Multinomial": "it draws random numbers",
    "RandomNormal": "it draws random numbers",
    "RandomNormalLike": "it draws random numbers",
    "RandomUniform": "it draws random numbers",
    "RandomUniformLike": "it draws random numbers",
    "RegexFullMatch": "the time that a pattern takes has no bound",
}


class Session:
    """What all graphs of one run share: the recurrent nodes, what they leave behind, progress.

    `given` are values by the names of tensors, which hold whatever the file says of them.
    """

    def __init__(self, notes: Notes, given: dict[str, Array]) -> None:
        self.notes, self.given = notes, given
        self.recurrent: dict[str, OnnxRnn] = {}
        self.progress: Progress | None = None
        self.evaluators: list[Evaluator] = []

    def advance(self, done: int, total: int) -> None:
        """Say how far the run is."""
        if self.progress is not None:
            self.progress(done, total)

    def looped(self, done: int, total: int | None, rows: Sequence[Sequence[Any]]) -> None:
        """Say how far a loop is, and check that what it has collected can be held."""
        self.advance(done, total or done + 1)
        if done & (done - 1) == 0:  # at 1, 2, 4, 8, ...: twice as much will be there at the next
            bytes_held = sum(getattr(row[-1], "nbytes", 0) * done for row in rows if row)
            memory.check(2 * bytes_held)


class Evaluator(ReferenceEvaluator):
    """One graph, prepared to run; the graphs inside its nodes are of this class too."""

    session: Session  # set by the class that `evaluator_of` makes for a run

    def _init(self) -> None:
        self.refuse()
        super()._init()
        self.session.evaluators.append(self)
        self.sizes = Sizes(self.opsets)
        self.uses = Counter(name for node in self.rt_nodes_ for name in node.input)
        self.uses.update(self.output_names)
        self.keeps = {"", *self.rt_inits_, *_captured(self.nodes_)}

    def refuse(self) -> None:
        """Refuse the operators that no file may run, and one name for several tensors.

        Raises: UnsupportedError, ShapeError.
        """
        if not all(hasattr(each, "name") for each in self.inits_):
            raise UnsupportedError("the values of sparse weights cannot be run")
        names = Counter(each.name for each in self.inits_)
        names.update(name for node in self.nodes_ for name in node.output if name)
        for name, count in names.items():
            if count > 1:
                raise ShapeError(f"several tensors of a graph have the name {name!r}")
        for node in self.nodes_:
            why = REFUSED.get(node.op_type) if node.domain in ("", "ai.onnx") else None
            if why is not None:
                raise refused(node, why)

    def _load_impl(self, node: Any, input_types: Any = None) -> Any:
        try:
            return super()._load_impl(node, input_types)
        except (NotImplementedError, RuntimeError) as error:
            if type(error).__name__ == "RuntimeContextError":
                raise  # the caller knows the types of the inputs
            raise refused(node, "rnncli and onnx.reference do not know it") from None

    def run(  # type: ignore[override]
        self,
        output_names: Sequence[str] | None,
        feed_inputs: Mapping[str, Any],
        attributes: Any = None,
        intermediate: bool = False,
        **others: Any,
    ) -> Any:
        """Return the outputs; a value is let go once no node of this graph needs it."""
        names = list(self.output_names if output_names is None else output_names)
        results: dict[str, Any] = {"": None, **self.rt_inits_, **feed_inputs}
        results |= {name: self.session.given[name] for name in results.keys() & self.session.given}
        left, kept = Counter(self.uses), self.keeps | set(feed_inputs) | set(names)
        top = self.proto_ if hasattr(self.proto_, "graph") else None
        for index, node in enumerate(self.rt_nodes_):
            for name, value in zip(node.output, self.call(node, results, attributes), strict=False):
                results[name] = self.session.given.get(name, value)
            for name in node.input:
                left[name] -= 1
                if left[name] <= 0 and name not in kept:
                    results.pop(name, None)
            if top is not None:
                self.session.advance(index + 1, len(self.rt_nodes_))
        absent = [name for name in names if name not in results]
        if absent:
            raise ShapeError(f"no operator gives the output {absent[0]!r}")
        return results if intermediate else [results[name] for name in names]

    def call(self, node: Any, results: Mapping[str, Any], attributes: Any) -> tuple[Any, ...]:
        """Return the outputs of a node. Raises: UnsupportedError, ShapeError."""
        missing = [name for name in node.input if name not in results]
        if missing:
            raise ShapeError(
                f"node {title(node)} takes {missing[0]!r}, which nothing before it gives"
            )
        inputs = [results[name] for name in node.input]
        if all(name in self.session.given for name in node.output):
            return tuple(self.session.given[name] for name in node.output)
        self.sizes.check(node.onnx_node, inputs)
        extra: dict[str, Any] = {}
        if node.has_linked_attribute and attributes:
            extra["linked_attributes"] = attributes
        if node.need_context():
            extra["context"] = results
        try:
            outputs: tuple[Any, ...] = node.run(*inputs, **extra)
        except (RnncliError, MemoryError):
            raise
        except Exception as error:  # whatever NumPy says of values that do not fit
            raise failed(node, inputs, error) from error
        return outputs


def _captured(nodes: Sequence[Any]) -> set[str]:
    """Return the names that graphs inside these nodes take; they may be of the graph around."""
    inner = [g for node in nodes for each in node.attribute for g in (each.g, *each.graphs)]
    names = {name for graph in inner for node in graph.node for name in node.input}
    names |= {each.name for graph in inner for each in graph.output}
    return names.union(*(_captured(graph.node) for graph in inner if graph.node))


def evaluator_of(model: Any, session: Session, new_ops: Sequence[type]) -> Evaluator:
    """Return the evaluator of a model's graph. Raises: UnsupportedError, FileError."""
    bound = type("Bound", (Evaluator,), {"session": session})
    try:
        evaluator: Evaluator = bound(model, new_ops=list(new_ops))
    except (RnncliError, MemoryError):
        raise
    except Exception as error:  # whatever onnx.reference says of a file that is damaged
        raise FileError(f"its graph cannot be made ready to run: {reason(error)}") from error
    return evaluator


def title(node: Any) -> str:
    """Return how to call a node in a sentence: `'name' (Operator)`."""
    own = getattr(node, "onnx_node", node)
    return f"{own.name or own.op_type.lower()!r} ({own.op_type})"


def refused(node: Any, why: str) -> UnsupportedError:
    """Return the error that says which node cannot be run."""
    domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
    name = node.name or node.op_type.lower()
    return UnsupportedError(
        f"layer {name!r} ({domain}{node.op_type}) cannot be run; {why}",
        "--until LAYER runs the model up to a layer before it",
    )


def failed(node: Any, inputs: Sequence[Any], error: Exception) -> RnncliError:
    """Return what was wrong with the inputs of a node."""
    cause = error.__cause__ or error
    shapes = ", ".join(
        f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else "nothing"
        for value in inputs
    )
    return ShapeError(
        f"node {title(node)} cannot take inputs of {shapes or 'none'}: {reason(cause)}"
    )


def reason(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
