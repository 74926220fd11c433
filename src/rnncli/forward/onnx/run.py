"""One run of an ONNX model: weights that stand in for the file's, outputs saved and summed up."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.atomic import replacing
from rnncli.errors import UsageError
from rnncli.forward import save, weights
from rnncli.forward.onnx.graph import OnnxGraph
from rnncli.forward.onnx.inputs import Given, drawn, from_files, stored
from rnncli.forward.provenance import Origin
from rnncli.forward.request import Request
from rnncli.forward.statistics import Stats
from rnncli.layers.op import Array, Notes, Sizes
from rnncli.model import Model, Ref, Weight


def onnx_run(
    model: Model,
    outputs: tuple[Ref, ...],
    request: Request,
    seeds: list[np.random.Generator],
    notes: Notes,
) -> "OnnxRun":
    """Return the run of an ONNX graph on the inputs and the weights that are asked for."""
    if request.dtype != "float32":
        raise UsageError(
            "an ONNX file says the dtype of each of its values: --dtype has none to set"
        )
    if request.inputs:
        given = from_files(model, request.inputs)
    else:
        given = drawn(
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
            slot.weight.stored.tensors[0]: _as_held(slot.weight, values[slot.path])
            for slot in found
            if slot.weight.stored is not None
        }
    run = OnnxRun(model, outputs, given, values, notes, request.save)
    if request.weights is not None:
        run.weights = Origin("weights", request.weights)
    elif request.init is not None:
        run.weights = Origin("random", init=request.init, seed=request.seed)
    return run


def _as_held(weight: Weight, values: Array) -> Array:
    """Return a weight's values as the file has them: biases with their row of zeros."""
    if weight.stored is not None and weight.stored.layout == "onnx_row":
        values = np.concatenate((values, np.zeros_like(values)), axis=1)
    return values.astype(weight.dtype)


class OnnxRun:
    """A graph and its inputs; `path` is the file that the outputs are saved to."""

    def __init__(
        self,
        model: Model,
        outputs: Sequence[Ref],
        inputs: Mapping[Ref, Given],
        values: dict[str, Array],
        notes: Notes,
        path: str | None,
    ) -> None:
        self.inputs, self.path, self.stats = inputs, path, Stats()
        self.graph = OnnxGraph(model, outputs, values, notes)
        self.outputs = tuple(outputs)
        self.weights = Origin("file", model.source.path)
        self.warnings: tuple[str, ...] = ()

    def all(self, progress: Any) -> tuple[tuple[Array | None, ...], list[Sizes]]:
        """Return the outputs and their shapes."""
        given = {ref: each.whole() for ref, each in self.inputs.items()}
        arrays = [stored(array) for array in self.graph.run(given, progress)]
        for array in arrays:
            if array.dtype.kind in "fiub":
                self.stats.add(array.astype(np.float64) if array.dtype.kind == "b" else array)
        if self.path is not None:
            with replacing(self.path) as file:
                save.write(file, self.path, [ref.layer for ref in self.outputs], arrays)
        return tuple(arrays), [array.shape for array in arrays]
