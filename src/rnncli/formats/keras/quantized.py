"""Quantized models whose configs do not say so."""

from collections.abc import Iterable
from typing import BinaryIO

from rnncli.layers import TABLE
from rnncli.model import Layer


def has_attention(layers: Iterable[Layer]) -> bool:
    """Whether a layer may be quantized without a word of it in its config.

    `Model.quantize` reaches the projections inside attention, whose configs nothing holds.
    """
    return any(_attention(layers))


def holds_other_attention(layers: Iterable[Layer], file: BinaryIO) -> bool:
    """Whether the HDF5 of a model may hold other tensors for its attention than its config gives.

    A quantized projection has more of them: scales, zero points, histories.
    """
    from rnncli.formats.containers.hdf5_paths import paths

    found = paths(file)
    given = sum(weight.saved for each in _attention(layers) for weight in each.weights or ())
    return found is None or given != sum("_dense/vars/" in each for each in found)


def _attention(layers: Iterable[Layer]) -> Iterable[Layer]:
    for layer in layers:
        if TABLE.get(layer.kind or "") == "multi_head_attention":
            yield layer
        yield from _attention(layer.model.layers if layer.model is not None else ())
