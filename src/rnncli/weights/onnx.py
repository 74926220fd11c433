"""ONNX's products, convolutions and normalisations as pieces."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rnncli.model import Layer, Weight
from rnncli.weights.forms import FORMS
from rnncli.weights.layouts import filters_last
from rnncli.weights.piece import Entry, Part, Piece

# The kind of Keras for an operator; that of a convolution depends on its window.
_KINDS = {
    FORMS[kind].onnx: kind
    for kind in ("Dense", "Embedding", "PReLU", "LayerNormalization", "BatchNormalization",
                 "Conv1D", "Conv1DTranspose")
}  # fmt: skip
# Keras's names of an operator's weights, by their positions among its inputs.
_NAMES = {
    operator: {position: name for name, (_, position) in FORMS[kind].names.items()}
    for operator, kind in _KINDS.items()
}
_KINDS["MatMul"], _NAMES["MatMul"] = "Dense", {1: "kernel"}


def pieces(layer: Layer) -> Iterator[Piece]:
    """Yield the node if it is one whose weights have names."""
    weights = {weight.path: weight for weight in layer.weights or ()}
    names = _NAMES.get(layer.type, {})
    parts: dict[str, Part] = {}
    for position, (what, source) in enumerate(layer.config.get("operands", ())):
        if what == "weight" and source in weights and position in names:
            parts[names[position]] = _part(layer, names[position], weights[source])
    if parts and len(parts) == len(weights) and _are_whole(layer, parts):
        yield Piece(_kind(layer, parts), layer, "", parts, {"attributes": _attributes(layer)})


def _are_whole(layer: Layer, parts: dict[str, Part]) -> bool:
    """Whether a product has one matrix, and a convolution a kernel with a window."""
    if not {"kernel", "embeddings"}.intersection(_NAMES[layer.type].values()):
        return True
    main = parts.get("kernel") or parts.get("embeddings")
    rank = len(main.shape) if main is not None else 0
    return rank > 2 if layer.type.startswith("Conv") else rank == 2


def _attributes(layer: Layer) -> dict[str, Any]:
    return dict(layer.config.get("attributes") or {})


def _kind(layer: Layer, parts: dict[str, Part]) -> str:
    if layer.type.startswith("Conv"):
        rank = len(parts["kernel"].shape) - 2 if "kernel" in parts else 0
        return f"Conv{rank}D{layer.type.removeprefix('Conv')}"
    return _KINDS[layer.type]


def _part(layer: Layer, name: str, weight: Weight) -> Part:
    shape = weight.shape
    if name == "kernel" and layer.type.startswith("Conv") and len(shape) > 2:
        return Part((*shape[2:], shape[1], shape[0]), (weight,), lambda each: filters_last(each[0]))
    if name == "kernel" and layer.type == "Gemm" and _attributes(layer).get("transB"):
        return Part(shape[::-1], (weight,), lambda each: each[0].T)
    if name == "alpha" and len(shape) > 1:  # of channels that stand first
        return Part((*shape[1:], shape[0]), (weight,), lambda each: np.moveaxis(each[0], 0, -1))
    return Part(shape, (weight,))


def joined(entries: Sequence[Entry]) -> list[Entry]:
    """Return the pieces with each vector that is added to a product as the bias of that."""
    found: dict[str, Entry] = {}
    for entry in entries:
        layer = entry.piece.layer
        before = [ref.layer for call in layer.calls for ref in call.inputs]
        product = found.get(before[0]) if len(before) == 1 and layer.type == "Add" else None
        vectors = [each for each in layer.weights or () if len(each.shape) == 1]
        if product is not None and product.piece.layer.type == "MatMul" and len(vectors) == 1:
            parts = {**product.piece.parts, "bias": Part(vectors[0].shape, (vectors[0],))}
            found[before[0]] = product._replace(piece=product.piece._replace(parts=parts))
        else:
            found[entry.name] = entry
    return list(found.values())
