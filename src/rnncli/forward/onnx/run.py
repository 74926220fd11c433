"""One run of an ONNX model: weights that stand in for the file's, outputs saved and summed up."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.atomic import replacing
from rnncli.forward import save
from rnncli.forward.onnx.graph import OnnxGraph
from rnncli.forward.onnx.inputs import Given, stored
from rnncli.forward.provenance import Origin
from rnncli.forward.statistics import Stats
from rnncli.layers.op import Array, Notes, Sizes
from rnncli.model import Model, Ref


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
