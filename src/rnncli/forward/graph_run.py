"""One run of a graph of layers: its inputs and weights, then block by block and whole."""

import re
from contextlib import ExitStack
from typing import BinaryIO

import numpy as np

from rnncli.atomic import replacing
from rnncli.forward import memory, save, weights
from rnncli.forward.arrays import Loaded, NpyFile
from rnncli.forward.engine import Graph, Rules, keep
from rnncli.forward.fitting import Input
from rnncli.forward.inputs import check_batches, file_inputs, fitted, random_inputs
from rnncli.forward.provenance import (
    Origin,
    precision_warnings,
    training_warnings,
    weights_origin,
)
from rnncli.forward.request import Request
from rnncli.forward.statistics import Stats
from rnncli.forward.streaming import Chain, Collected, Progress, block_steps, chain_of, run_chain
from rnncli.layers.op import Array, Notes, Sizes, Value
from rnncli.model import Model, Ref, Source


def graph_run(
    model: Model,
    outputs: tuple[Ref, ...],
    request: Request,
    seeds: list[np.random.Generator],
    notes: Notes,
) -> "GraphRun":
    """Return the run of a graph of layers on the inputs and the weights that are asked for."""
    inputs = _inputs(model, request, seeds[0])
    model, dtype = fitted(model, inputs), np.dtype(request.dtype)
    rules = Rules(dtype, keras_version(model.source), notes)
    found = list(weights.slots(model, outputs))
    origin = weights_origin(model, found, request.weights, request.init, request.seed)
    values = _values(model, found, inputs, request, origin, seeds[1])
    run = GraphRun(Graph(model, outputs, values, rules), inputs, request.save)
    run.weights, run.warnings = origin, precision_warnings(model, request.dtype)
    if rules.keras < 3:
        run.warnings += tuple(training_warnings(model))
    return run


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


class GraphRun:
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
