"""From a model and a request to its outputs and what is worth knowing about them."""

from typing import TYPE_CHECKING

import numpy as np

from rnncli.forward import save
from rnncli.forward.engine import check_runnable
from rnncli.forward.graph_run import GraphRun, graph_run
from rnncli.forward.outputs import outputs_of, sequences_of
from rnncli.forward.provenance import input_origin
from rnncli.forward.request import Output, Request, Result
from rnncli.forward.streaming import Progress
from rnncli.layers.op import Notes, Sizes
from rnncli.model import Model, Ref

if TYPE_CHECKING:
    from rnncli.forward.engine import Graph
    from rnncli.forward.onnx.graph import OnnxGraph
    from rnncli.forward.onnx.run import OnnxRun
    from rnncli.forward.probe import Look, Watch


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
    # What is no number is counted in the statistics, not warned of.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        run = _made(model, outputs, request, seeds, notes)
        watch = None if request.look is None else _watch(run.graph, request.look)
        arrays, shapes = run.all(progress)
        seen = () if watch is None else (watch.rows(progress), watch.trace, watch.first())
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


def _made(
    model: Model,
    outputs: tuple[Ref, ...],
    request: Request,
    seeds: list[np.random.Generator],
    notes: Notes,
) -> "GraphRun | OnnxRun":
    if model.type != "ONNX":
        return graph_run(model, outputs, request, seeds, notes)
    from rnncli.forward.onnx.run import onnx_run

    return onnx_run(model, outputs, request, seeds, notes)


def _watch(graph: "Graph | OnnxGraph", look: "Look") -> "Watch":
    """Return the watch over what is to be seen; its code is loaded only where it is asked for."""
    from rnncli.forward.probe import Watch

    return Watch(graph, look)


def _described(model: Model, ref: Ref, shape: Sizes) -> Output:
    """Return an output with the `return_sequences` of its layer, if it is what that decides."""
    layer = model.layer(ref.layer)
    return Output(ref.layer, sequences_of(layer) if ref.tensor == 0 else None, shape)


def _other(output: Output, steps: Sizes) -> Output:
    """Return the output that the other choice of `return_sequences` gives in the same run."""
    batch, *rest = output.shape
    shape = (batch, rest[-1]) if output.return_sequences else (batch, *steps, *rest)
    return Output(output.name, not output.return_sequences, shape)
