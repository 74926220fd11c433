"""ONNX's recurrent nodes, products and convolutions as pieces."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rnncli.cells import GRU, Cell, cell_for
from rnncli.layers import bare
from rnncli.layers.onnx import RECURRENT
from rnncli.layers.op import Array
from rnncli.layers.rnn.onnx import CELLS
from rnncli.layers.rnn.weight_layouts import LAYOUTS
from rnncli.model import Layer, Weight
from rnncli.weights.layouts import filters_last, to_keras
from rnncli.weights.piece import Part, Piece, only

LAYOUT = LAYOUTS["onnx"]
_USUAL = {"RNN": ("tanh",), "GRU": ("sigmoid", "tanh"), "LSTM": ("sigmoid", "tanh", "tanh")}
_SCALES = {1: "gamma", 2: "beta"}
_MOVING = {3: "moving_mean", 4: "moving_variance"}
_NAMES = {
    "Gemm": {1: "kernel", 2: "bias"},
    "MatMul": {1: "kernel"},
    "Conv": {1: "kernel", 2: "bias"},
    "ConvTranspose": {1: "kernel", 2: "bias"},
    "Gather": {0: "embeddings"},
    "LayerNormalization": _SCALES,
    "BatchNormalization": {**_SCALES, **_MOVING},
}
_KINDS = {"Gemm": "Dense", "MatMul": "Dense", "Gather": "Embedding"}


def pieces(layer: Layer) -> Iterator[Piece]:
    """Yield each direction of a recurrent node, else the node itself if its weights have names."""
    if layer.kind in RECURRENT:
        yield from _cells(layer)
        return
    weights = {weight.path: weight for weight in layer.weights or ()}
    names = _NAMES.get(layer.type, {})
    parts: dict[str, Part] = {}
    for position, (what, source) in enumerate(layer.config.get("operands", ())):
        if what == "weight" and source in weights and position in names:
            parts[names[position]] = _part(layer, names[position], weights[source])
    if parts and len(parts) == len(weights):
        yield Piece(_kind(layer, parts), layer, "", parts, {"attributes": _attributes(layer)})


def _attributes(layer: Layer) -> dict[str, Any]:
    return dict(layer.config.get("attributes") or {})


def _kind(layer: Layer, parts: dict[str, Part]) -> str:
    if layer.type.startswith("Conv"):
        rank = len(parts["kernel"].shape) - 2 if "kernel" in parts else 0
        return f"Conv{rank}D{layer.type.removeprefix('Conv')}"
    return _KINDS.get(layer.type, layer.type)


def _part(layer: Layer, name: str, weight: Weight) -> Part:
    shape = weight.shape
    if name == "kernel" and layer.type.startswith("Conv") and len(shape) > 2:
        return Part((*shape[2:], shape[1], shape[0]), (weight,), lambda each: filters_last(each[0]))
    if name == "kernel" and layer.type == "Gemm" and _attributes(layer).get("transB"):
        return Part(shape[::-1], (weight,), lambda each: each[0].T)
    return Part(shape, (weight,))


def _cells(layer: Layer) -> Iterator[Piece]:
    weights = {weight.name: weight for weight in layer.weights or ()}
    kernel, recurrent = weights.get("W"), weights.get("R")
    if kernel is None or recurrent is None or {len(kernel.shape), len(recurrent.shape)} != {3}:
        return
    attributes, operator = _attributes(layer), bare(layer.kind or "")
    cell = cell_for(
        CELLS[operator].name, {"reset_after": bool(attributes.get("linear_before_reset"))}
    )
    ways = kernel.shape[0]
    for way in range(ways):
        reverse = way == 1 or attributes.get("direction") == "reverse"
        settings: dict[str, Any] = {
            "units": recurrent.shape[2], "use_bias": "B" in weights, "go_backwards": reverse,
            **_functions(operator, attributes, way),
        }  # fmt: skip
        if cell.name == "GRU":
            settings["reset_after"] = cell is GRU
        if ways == 2:
            settings["merge_mode"] = "concat"
        special = [name for name in ("clip", "input_forget") if attributes.get(name)]
        special += ["peepholes"] * ("P" in weights)
        if special:
            settings["special"] = special
        place = ("forward", "backward")[way] if ways == 2 else ""
        yield Piece(cell.name, layer, place, _cell_parts(cell, weights, way), settings, cell, 0,
                    way == 1)  # fmt: skip


def _functions(operator: str, attributes: dict[str, Any], way: int) -> dict[str, str]:
    usual = _USUAL[operator]
    names = [str(each).lower() for each in attributes.get("activations") or usual * (way + 1)]
    own = names[way * len(usual) : (way + 1) * len(usual)]
    return {"activation": own[-1], **({"recurrent_activation": own[0]} if len(own) > 1 else {})}


def _cell_parts(cell: Cell, weights: dict[str, Weight], way: int) -> dict[str, Part]:
    def turned(arrays: Sequence[Array]) -> Array:
        return to_keras(LAYOUT, cell, only(arrays)[way])

    def bias(arrays: Sequence[Array]) -> Array:
        one, other = (to_keras(LAYOUT, cell, row) for row in np.split(only(arrays)[way], 2))
        return np.stack([one, other]) if cell is GRU else one + other

    kernel, recurrent = weights["W"], weights["R"]
    parts = {
        "kernel": Part(kernel.shape[:0:-1], (kernel,), turned),
        "recurrent_kernel": Part(recurrent.shape[:0:-1], (recurrent,), turned),
    }
    if "B" in weights:
        parts["bias"] = Part(cell.bias_shape(recurrent.shape[2]), (weights["B"],), bias)
    return parts
