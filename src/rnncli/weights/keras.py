"""Keras's layers without cells as pieces."""

from collections.abc import Iterator

from rnncli.model import Layer
from rnncli.weights.forms import FORMS
from rnncli.weights.piece import Part, Piece


def pieces(layer: Layer) -> Iterator[Piece]:
    """Yield the layer if it is one of `FORMS`, or one of them at every step."""
    kind, config = layer.kind or "", layer.config
    if kind == "TimeDistributed":
        kind, config = config["layer"]["class_name"], config["layer"]["config"]
    kind = "Dense" if kind == "TimeDistributedDense" else kind  # of Keras 1
    if kind in FORMS and layer.weights:
        parts = {each.name: Part(each.shape, (each,)) for each in layer.weights}
        yield Piece(kind, layer, "", parts, dict(config))
