"""From a model and a request to its outputs and what is worth knowing about them."""

import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from rnncli.atomic import replacing
from rnncli.errors import UsageError
from rnncli.forward import memory, save, weights
from rnncli.forward.arrays import Loaded, NpyFile
from rnncli.forward.engine import Graph, Rules, check_runnable, keep
from rnncli.forward.fitting import Input
from rnncli.forward.inputs import check_batches, file_inputs, fitted, random_inputs
from rnncli.forward.outputs import outputs_of, sequences_of
from rnncli.forward.provenance import (
    NOTHING,
    Origin,
    input_origin,
    precision_warnings,
    weights_origin,
)
from rnncli.forward.statistics import Stats
from rnncli.forward.streaming import Chain, Collected, Progress, block_steps, chain_of, run_chain
from rnncli.layers.op import Array, Notes, Sizes, Value
from rnncli.model import Model, Ref, Source

if TYPE_CHECKING:
    from rnncli.forward.onnx.graph import OnnxGraph
    from rnncli.forward.onnx.run import OnnxRun
    from rnncli.forward.probe import Look, Watch
    from rnncli.forward.probe_cells import First
    from rnncli.forward.trace import Trace


@dataclass(frozen=True, slots=True)
class Request:
    """How to run a model.

    `inputs` are `(name or None, path)`, none of them for random ones of `batch_size` and `steps`
    where the model leaves these open. `weights` is the file that they come from, an `.npz` or one
    that the model's weights have been located in; without it `init` (`keras` or `uniform01`) draws
    them, and with neither they are those of the model's file, or `keras`. `until` is the
    layer to stop after, `save` the file for the outputs, `look` what to see of the inside.
    """

    inputs: tuple[tuple[str | None, str], ...] = ()
    seed: int = 0
    batch_size: int | None = None
    steps: int | None = None
    dtype: str = "float32"
    init: str | None = None
    weights: str | None = None
    until: str | None = None
    save: str | None = None
    look: "Look | None" = None


class Output(NamedTuple):
    """One output. `return_sequences` is None where the layer has no such argument."""

    name: str
    return_sequences: bool | None
    shape: Sizes


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave. `arrays` holds each output, None for one that went to `saved` in blocks.

    `other_shapes` has, for an output of a recurrent layer, the one that the other choice of
    `return_sequences` gives; `layers`, `trace` and `first` are what was to be seen of the inside.
    """

    input_shapes: tuple[Sizes, ...]
    dtype: str
    seed: int
    outputs: tuple[Output, ...]
    other_shapes: tuple[Output, ...]
    states: tuple[tuple[str, str, Sizes], ...]
    stats: dict[str, Any]
    params: int
    lacks: int | None
    saved: str | None
    arrays: tuple[Array | None, ...] = field(default=(), repr=False)
    weights: Origin = NOTHING
    input: Origin = NOTHING
    warnings: tuple[str, ...] = ()
    layers: list[dict[str, Any]] | None = None
    trace: "Trace | None" = field(default=None, repr=False)
    first: "First | None" = None


def forward(model: Model, request: Request, progress: Progress | None = None) -> Result:
    """Return what the model computes.

    Raises: UnsupportedError for a layer that cannot be run and for sizes beyond memory; UsageError,
    ShapeError and FileError for inputs, weights and files that do not fit.
    """
    outputs = outputs_of(model, request.until)
    if model.type != "ONNX":
        check_runnable(model, outputs)
    if request.save is not None:
        save.check_target(request.save, len(outputs))
    seeds = np.random.default_rng(request.seed).spawn(2)
    notes = Notes()
    make = _onnx_run if model.type == "ONNX" else _run
    # What is no number is counted in the statistics, not warned of.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        run = make(model, outputs, request, seeds, notes)
        watch = None if request.look is None else _watch(run.graph, request.look)
        arrays, shapes = run.all(progress)
        seen = () if watch is None else (watch.rows(), watch.trace, watch.first())
    described = [_described(model, ref, shape) for ref, shape in zip(outputs, shapes, strict=True)]
    steps = next((each.shape[1:2] for each in run.inputs.values()), ())
    return Result(
        tuple(array.shape for array in run.inputs.values()),
        next((each.dtype.name for each in arrays if each is not None), request.dtype),
        request.seed,
        tuple(described),
        tuple(_other(each, steps) for each in described if each.return_sequences is not None),
        tuple((layer, *state) for layer, states in notes.states.items() for state in states),
        run.stats.summary(notes),
        model.params,
        model.lacks,
        request.save,
        arrays,
        run.weights,
        input_origin([path for _, path in request.inputs], request.seed),
        run.warnings,
        *seen,
    )


def _run(
    model: Model,
    outputs: tuple[Ref, ...],
    request: Request,
    seeds: list[np.random.Generator],
    notes: Notes,
) -> "_Run":
    inputs = _inputs(model, request, seeds[0])
    model, dtype = fitted(model, inputs), np.dtype(request.dtype)
    rules = Rules(dtype, keras_version(model.source), notes)
    found = list(weights.slots(model, outputs))
    origin = weights_origin(model, found, request.weights, request.init, request.seed)
    values = _values(model, found, inputs, request, origin, seeds[1])
    run = _Run(Graph(model, outputs, values, rules), inputs, request.save)
    run.weights, run.warnings = origin, precision_warnings(model, request.dtype)
    return run


def _onnx_run(
    model: Model,
    outputs: tuple[Ref, ...],
    request: Request,
    seeds: list[np.random.Generator],
    notes: Notes,
) -> "OnnxRun":
    from rnncli.forward.onnx import inputs
    from rnncli.forward.onnx.run import OnnxRun

    if request.dtype != "float32":
        raise UsageError(
            "an ONNX file says the dtype of each of its values: --dtype has none to set"
        )
    if request.inputs:
        given = inputs.from_files(model, request.inputs)
    else:
        given = inputs.drawn(
            model, seeds[0], batch=request.batch_size, steps=request.steps,
            uniform=request.init == "uniform01",
        )  # fmt: skip
    values: weights.Values = {}
    if request.weights is not None or request.init is not None:
        found, dtype = list(weights.slots(model, outputs)), np.dtype(np.float32)
        if request.weights is not None:
            values = weights.npz_values(request.weights, found, dtype)
        else:
            values = weights.random_values(found, seeds[1], request.init or "keras", dtype)
        values = {
            slot.weight.stored.tensors[0]: values[slot.path].astype(slot.weight.dtype)
            for slot in found
            if slot.weight.stored is not None
        }
    run = OnnxRun(model, outputs, given, values, notes, request.save)
    if request.weights is not None:
        run.weights = Origin("weights", request.weights)
    elif request.init is not None:
        run.weights = Origin("random", init=request.init, seed=request.seed)
    return run


def _watch(graph: "Graph | OnnxGraph", look: "Look") -> "Watch":
    """Return the watch over what is to be seen; its code is loaded only where it is asked for."""
    from rnncli.forward.probe import Watch

    return Watch(graph, look)


def keras_version(source: Source) -> int:
    """Return the major version of the Keras whose rules hold: the writer's, else 3."""
    match = re.search(r"keras\D*(\d+)", source.written_by or "", re.IGNORECASE)
    return int(match[1]) if match else 3


def _inputs(model: Model, request: Request, rng: np.random.Generator) -> dict[Ref, Input]:
    if not request.inputs:
        return random_inputs(
            model, rng, batch=request.batch_size, steps=request.steps,
            uniform=request.init == "uniform01", dtype=request.dtype,
        )  # fmt: skip
    inputs = file_inputs(model, request.inputs, request.dtype)
    check_batches(model, inputs)
    return inputs


def _values(
    model: Model,
    found: list[weights.Slot],
    inputs: dict[Ref, Input],
    request: Request,
    origin: Origin,
    rng: np.random.Generator,
) -> weights.Values:
    """Return the weights' values, once it is sure that they and the inputs fit in memory."""
    held, dtype = 0, np.dtype(request.dtype)
    for array in inputs.values():
        if not isinstance(array.source, Loaded | NpyFile):
            held += memory.values(array.shape, 1, 1) * 4
    # Twice the weights: as they are read, and as the kernels have prepared them.
    memory.check(held + 2 * dtype.itemsize * sum(slot.weight.params for slot in found))
    if request.weights is not None and request.weights.lower().endswith(".npz"):
        stack = model if any(layer.dialect == "torch" for layer in model.layers) else None
        return weights.npz_values(request.weights, found, dtype, stack)
    if origin.source == "random":
        return weights.random_values(found, rng, origin.init or "keras", dtype)
    return weights.stored_values(model, found, dtype) if found else {}


class _Run:
    """One run of a graph: the chain in blocks, then the rest, outputs saved on the way."""

    def __init__(self, graph: Graph, inputs: dict[Ref, Input], path: str | None) -> None:
        self.graph, self.inputs, self.path, self.stats = graph, inputs, path, Stats()
        self.weights, self.warnings = Origin("none"), tuple[str, ...]()
        first, *more = inputs
        self.chain = Chain(first, ()) if more else chain_of(graph, first)
        self.steps = self.chain.steps
        self.written = (
            path is not None
            and save.streams(path)
            and bool(self.steps)
            and self.chain.passes is None
            and graph.outputs == (self.chain.end,)
        )

    def all(self, progress: Progress | None) -> tuple[tuple[Array | None, ...], list[Sizes]]:
        """Return the outputs and their shapes."""
        self._check_memory()
        with ExitStack() as stack:
            file = stack.enter_context(replacing(self.path)) if self.path else None
            values, shape = self._chain(file, progress)
            if self.written:
                return (None,), [shape]
            done = frozenset(step.node for step in self.steps)
            arrays = tuple(value.array for value in self.graph.run(values, done))
            for array in arrays:
                self.stats.add(array)
            if file is not None and self.path is not None:
                save.write(file, self.path, [ref.layer for ref in self.graph.outputs], arrays)
        return arrays, [array.shape for array in arrays]

    def _chain(
        self, file: BinaryIO | None, progress: Progress | None
    ) -> tuple[dict[Ref, Value], Sizes]:
        """Return what is known after the chain, and the shape of its output."""
        if not self.steps:
            return {ref: Value(array.whole()) for ref, array in self.inputs.items()}, ()
        source, last = self.inputs[self.chain.start], self.steps[-1]
        if self.written and file is not None:
            sink: save.NpyWriter | Collected = save.NpyWriter(file, self.stats.add)
        else:
            sink = Collected()
        outputs = run_chain(self.chain, source, self._block(source), sink, progress)
        if self.chain.passes is None and isinstance(sink, Collected):
            outputs = (sink.value, *outputs[1:])
        values: dict[Ref, Value] = {}
        keep(last.layer, last.number, outputs, values)
        return values, (*source.shape[:2], *outputs[0].array.shape[2:])

    def _block(self, source: Input) -> int:
        """Return the number of steps of a block, so that its widest tensor stays small."""
        calls = [step.call for step in self.steps]
        shapes = [s for c in calls for s in (*(c.input_shapes or ()), *(c.output_shapes or ()))]
        width = max(memory.values(shape[2:], 1, 1) for shape in shapes)
        batch, total = source.shape[:2]
        return block_steps(batch, total, width, self.graph.rules.dtype.itemsize)

    def _check_memory(self) -> None:
        """Refuse tensors that cannot be held: those of the largest call, and what is collected."""
        shapes = [array.shape for array in self.inputs.values()]
        batch = shapes[0][0] if shapes[0] else 1
        steps = max((shape[1] for shape in shapes if len(shape) > 1), default=1)
        item = self.graph.rules.dtype.itemsize
        chained = {step.node for step in self.steps}
        rest = self.graph.steps if not self.steps else [
            step for step in self.graph.steps if step.node not in chained and step.op is not None
        ]  # fmt: skip
        needed = max((memory.call_bytes(step.call, batch, steps, item) for step in rest), default=0)
        collected = 0
        if self.steps and self.chain.passes is None and not self.written:
            shape = (self.steps[-1].call.output_shapes or ((),))[0]
            collected = memory.values(shape, batch, steps) * item
        memory.check(max(needed, collected))


def _described(model: Model, ref: Ref, shape: Sizes) -> Output:
    """Return an output with the `return_sequences` of its layer, if it is what that decides."""
    layer = model.layer(ref.layer)
    return Output(ref.layer, sequences_of(layer) if ref.tensor == 0 else None, shape)


def _other(output: Output, steps: Sizes) -> Output:
    """Return the output that the other choice of `return_sequences` gives in the same run."""
    batch, *rest = output.shape
    shape = (batch, rest[-1]) if output.return_sequences else (batch, *steps, *rest)
    return Output(output.name, not output.return_sequences, shape)
