"""A model's graph, run on arrays."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnncli.errors import ShapeError, UnsupportedError
from rnncli.forward.keras_runs import as_keras_runs, mixes, unmasks
from rnncli.graph.order import in_order
from rnncli.layers import TABLE, layer_type, operation
from rnncli.layers.op import Array, Notes, Op, OpContext, Value, array_of, unsupported
from rnncli.layers.wrappers import EachStep
from rnncli.model import Call, Constant, Layer, Model, Ref

Weights = Mapping[str, Array]  # by the path within the model: `lstm/lstm_cell/kernel`
Node = tuple[str, int]
Values = tuple[Value, ...]

# What Python and NumPy raise of arguments and arrays that are not what an operation takes.
_NOT_FITTING = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Rules(NamedTuple):
    """What holds for the whole run; `keras` is the major version whose rules to follow."""

    dtype: np.dtype[Any]
    keras: int
    notes: Notes


class Step(NamedTuple):
    """One call of the graph and the operation that runs it."""

    layer: Layer
    number: int
    op: Op | None  # None: an input

    @property
    def call(self) -> Call:
        """The call in the model."""
        return self.layer.calls[self.number]

    @property
    def node(self) -> Node:
        """The call's place in the graph."""
        return self.layer.name, self.number


class Graph:
    """The calls that some outputs depend on, in an order to run them, weights prepared."""

    def __init__(
        self,
        model: Model,
        outputs: Sequence[Ref],
        weights: Weights,
        rules: Rules,
        prefix: str = "",
    ) -> None:
        self.model, self.outputs, self.rules = model, tuple(outputs), rules
        order = needed(model, self.outputs)
        # In Keras 3 a MultiHeadAttention takes the masks off its inputs, for all that runs later.
        self.unmasks = rules.keras >= 3 and unmasks(model)
        if self.unmasks:
            order = as_keras_runs(model, order)
        self.unmasked: list[Array] = []
        made: dict[str, Op | None] = {}
        for layer, _ in order:
            if layer.name not in made:
                made[layer.name] = _operation(layer, weights, rules, prefix)
        self.steps = [Step(layer, index, made[layer.name]) for layer, index in order]
        self.taken: dict[Ref, list[Step]] = defaultdict(list)
        self.uses = Counter(self.outputs)
        for step in self.steps:
            refs = step.call.tensors()
            self.uses.update(refs)
            for ref in dict.fromkeys(refs):
                self.taken[ref].append(step)
        # The calls of which another output than the first, such as a state, is used.
        self.forked = {(ref.layer, ref.call) for ref in self.uses if ref.tensor}

    def consumers(self, ref: Ref) -> list[Step]:
        """Return the calls that take a tensor."""
        return self.taken.get(ref, [])

    def run(self, values: dict[Ref, Value], done: frozenset[Node] = frozenset()) -> Values:
        """Return the outputs, given the inputs and the outputs of what is `done` already.

        `values` is emptied of what nothing needs any more as the run goes on.
        """
        left, self.unmasked = Counter(self.uses), []
        for step in self.steps:
            if step.node not in done and step.op is not None:
                _run(step, step.op, values, self.rules.dtype)
                if self.unmasks:
                    self._unmask(step, values)
            for ref in step.call.tensors():
                left[ref] -= 1
                if not left[ref]:
                    values.pop(ref, None)
        return tuple(_value(values, ref) for ref in self.outputs)

    def _unmask(self, step: Step, values: dict[Ref, Value]) -> None:
        """Take off the masks of what attention has read, in the step or in a model that it is."""
        read = []
        if isinstance(step.op, Nested):
            read = step.op.graph.unmasked
        elif step.layer.kind == "MultiHeadAttention":
            read = [values[ref].array for ref in step.call.inputs]
        self.unmasked += read
        for ref, value in values.items():
            if value.mask is not None and any(value.array is each for each in read):
                values[ref] = value._replace(mask=None)


class Nested(Op):
    """A model used as a layer."""

    def __init__(self, model: Model, weights: Weights, rules: Rules, prefix: str) -> None:
        self.graph = Graph(model, model.outputs, weights, rules, prefix)

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the outputs of the inner graph."""
        refs = self.graph.model.inputs
        if len(refs) != len(inputs):
            raise ShapeError(
                f"model {self.graph.model.name!r} has {len(refs)} inputs, but gets {len(inputs)}"
            )
        return self.graph.run(dict(zip(refs, inputs, strict=True)))


def needed(model: Model, outputs: Iterable[Ref]) -> list[tuple[Layer, int]]:
    """Return the calls that the outputs depend on, in an order to run them."""
    order = in_order(model.layers)
    wanted = {(ref.layer, ref.call) for ref in outputs}
    kept = []
    for layer, index in reversed(order):
        if (layer.name, index) in wanted:
            kept.append((layer, index))
            wanted |= {(ref.layer, ref.call) for ref in layer.calls[index].tensors()}
    return kept[::-1]


def check_runnable(model: Model, outputs: Iterable[Ref], prefix: str = "") -> None:
    """Check that every layer that the outputs depend on can be run. Raises: UnsupportedError."""
    for layer, _ in needed(model, outputs):
        name = f"{prefix}{layer.name}"
        if layer.model is not None:
            check_runnable(layer.model, layer.model.outputs, f"{name}/")
        elif layer.kind is None:
            raise unsupported(name, layer.type, "it is not a layer that rnncli knows")
        elif layer.kind != "InputLayer" and layer_type(layer.kind).run is None:
            raise unsupported(name, layer.type, layer_type(layer.kind).not_run)
        elif layer.weights is None:
            raise unsupported(name, layer.type, "the shapes of its weights are not known")


def _operation(layer: Layer, weights: Weights, rules: Rules, prefix: str) -> Op | None:
    """Return a layer's operation, None for an input."""
    name = f"{prefix}{layer.name}"
    if layer.model is not None:
        nested = Nested(layer.model, weights, rules, f"{name}/")
        if layer.kind == "TimeDistributed":
            mixed = rules.keras >= 3 and mixes(layer.model)
            return EachStep(nested, mixed, masks=rules.keras == 2)
        return nested
    if layer.kind == "InputLayer":
        return None
    own = {each.path: weights[f"{name}/{each.path}"] for each in layer.weights or ()}
    try:
        return operation(OpContext(name, layer.kind or "", layer.config, own, *rules))
    except _NOT_FITTING as error:
        raise unsupported(
            name, layer.type, f"its arguments do not fit it: {said(error)}"
        ) from error


def _run(step: Step, op: Op, values: dict[Ref, Value], dtype: np.dtype[Any]) -> None:
    call, layer = step.call, step.layer
    tensors = (_value(values, ref) for ref in call.inputs)
    inputs = call.arguments(tensors, lambda each: _constant(each, dtype))
    options = {key: _resolved(value, values, dtype) for key, value in call.kwargs.items()}
    inputs = _masked(inputs, options.get("mask"))
    family = TABLE.get(layer.kind or "")
    if family not in _WHOLE and not str(family).startswith("ops."):
        inputs = [_as_floats(value, dtype) for value in inputs]
    if not inputs:
        raise UnsupportedError(f"layer {layer.name!r} ({layer.type}) is called without an input")
    keep(layer, step.number, run_op(layer, lambda: op(inputs, options), inputs), values)


# Families of layers that take whole numbers as they are, or hand them on, as operations do; None:
# a model.
_WHOLE = ("embedding", "preprocessing", "lookup", "reshaping", "merging", "wrappers",
          None)  # fmt: skip


def _as_floats(value: Value, dtype: np.dtype[Any]) -> Value:
    """Return whole numbers in the dtype of the run: NumPy would widen what they are added to."""
    if value.array.dtype.kind not in "iu":
        return value
    return value._replace(array=value.array.astype(dtype))


def _masked(inputs: list[Value], mask: Any) -> list[Value]:
    """Return the inputs with the masks that the call names: a list for each, else the first's."""
    if isinstance(mask, list):
        given = [each.array != 0 if isinstance(each, Value) else None for each in mask]
        masks = [*given, *(value.mask for value in inputs[len(given) :])]
    elif isinstance(mask, Value):
        masks = [mask.array != 0, *(value.mask for value in inputs[1:])]
    else:
        return inputs
    return [value._replace(mask=each) for value, each in zip(inputs, masks, strict=False)]


def run_op(layer: Layer, run: Callable[[], Any], inputs: Sequence[Value]) -> Any:
    """Return what `run` returns. Raises: ShapeError that names the layer if sizes do not fit."""
    try:
        return run()
    except _NOT_FITTING as error:
        shapes = ", ".join(str(value.array.shape) for value in inputs)
        raise ShapeError(
            f"layer {layer.name!r} ({layer.type}) cannot take an input of shape {shapes}: "
            f"{said(error)}"
        ) from error


def said(error: Exception) -> str:
    """Return what an error says, in one line, with its name where that alone says little."""
    text = " ".join(str(error).split())[:200]
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__} {text}"


def _value(values: Mapping[Ref, Value], ref: Ref) -> Value:
    """Return a tensor. Raises: ShapeError if the layer that it is of gives no such output."""
    if ref not in values:
        raise ShapeError(
            f"output {ref.tensor} of call {ref.call} of layer {ref.layer!r} is asked for, "
            "but nothing gives it"
        )
    return values[ref]


def keep(layer: Layer, index: int, outputs: Sequence[Value], values: dict[Ref, Value]) -> None:
    """Put the outputs of a call where the calls after it find them."""
    for tensor, value in enumerate(outputs):
        values[Ref(layer.name, index, tensor)] = value


def _resolved(value: Any, values: Mapping[Ref, Value], dtype: np.dtype[Any]) -> Any:
    """Return an argument of a call with its tensors in place of their Refs."""
    if isinstance(value, Ref):
        return _value(values, value)
    if isinstance(value, Constant):
        return _constant(value, dtype)
    if isinstance(value, list | tuple):
        return [_resolved(item, values, dtype) for item in value]
    return value


def _constant(constant: Constant, dtype: np.dtype[Any]) -> Value:
    """Return a constant as a tensor, in the dtype of the run where it is one of fractions."""
    array = array_of(constant)
    return Value(array.astype(dtype) if array.dtype.kind == "f" else array)
