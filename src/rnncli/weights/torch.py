"""PyTorch's modules without cells as pieces."""

from collections.abc import Iterator

from rnncli.model import Layer, Weight
from rnncli.weights import attention
from rnncli.weights.forms import FORMS, KINDS
from rnncli.weights.layouts import filters_last
from rnncli.weights.piece import Part, Piece


def pieces(layer: Layer) -> Iterator[Piece]:
    """Yield the module if it is one of `FORMS`."""
    weights = {each.name: each for each in layer.weights or ()
               if each.name != "num_batches_tracked"}  # fmt: skip
    if layer.type == attention.MODULE:
        yield from attention.torch_pieces(layer, weights)
        return
    if layer.type not in KINDS or not weights:
        return
    kind = KINDS[layer.type]
    names = {torch: keras for keras, (torch, _) in FORMS[kind].names.items()}
    if set(weights) <= set(names):
        parts = {names[name]: _part(kind, names[name], each) for name, each in weights.items()}
        yield Piece(kind, layer, "", parts)


def _part(kind: str, name: str, weight: Weight) -> Part:
    if name not in FORMS[kind].turned or len(weight.shape) < 2:
        return Part(weight.shape, (weight,))
    shape = (*weight.shape[2:], weight.shape[1], weight.shape[0])
    return Part(shape, (weight,), lambda arrays: filters_last(arrays[0]))
