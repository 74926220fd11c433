"""PyTorch's modules as pieces."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from rnncli.cells import GRU, Cell
from rnncli.layers import bare
from rnncli.layers.op import Array
from rnncli.layers.rnn.structure import walk
from rnncli.layers.rnn.torch import structure
from rnncli.layers.rnn.weight_layouts import LAYOUTS
from rnncli.model import Layer, Weight
from rnncli.weights.forms import FORMS, KINDS
from rnncli.weights.layouts import filters_last, to_keras
from rnncli.weights.piece import Part, Piece, only

LAYOUT = LAYOUTS["torch"]


def pieces(layer: Layer) -> Iterator[Piece]:
    """Yield the cells of a recurrent module, else the module itself if it is one of `FORMS`."""
    weights = {weight.name: weight for weight in layer.weights or ()}
    if layer.kind is not None and "hidden_size" in layer.config and weights:
        yield from _cells(layer, weights)
    elif layer.type in KINDS and weights:
        kind = KINDS[layer.type]
        names = {torch: keras for keras, (torch, _) in FORMS[kind].names.items()}
        parts = {
            names[name]: _part(kind, names[name], weight)
            for name, weight in weights.items()
            if name in names
        }
        if len(parts) == len(weights):
            yield Piece(kind, layer, "", parts)


def _part(kind: str, name: str, weight: Weight) -> Part:
    if name not in FORMS[kind].turned:
        return Part(weight.shape, (weight,))
    shape = (*weight.shape[2:], weight.shape[1], weight.shape[0])
    return Part(shape, (weight,), lambda arrays: filters_last(arrays[0]))


def _cells(layer: Layer, weights: dict[str, Weight]) -> Iterator[Piece]:
    kind, config = bare(layer.kind or ""), layer.config
    ways = 2 if config["bidirectional"] else 1
    plain = kind.startswith("RNN")
    known = not plain or config.get("nonlinearity") is not None
    for index, (node, reverse) in enumerate(walk(structure(kind, config).part)):
        settings = {
            "units": config["hidden_size"],
            "use_bias": bool(config["bias"]),
            "go_backwards": reverse,
        }
        if known:
            settings["activation"] = node.activation
        if not plain:
            settings["recurrent_activation"] = "sigmoid"
        if node.cell.name == "GRU":
            settings["reset_after"] = True
        if ways == 2:
            settings["merge_mode"] = "concat"
        parts = _cell_parts(node.cell, weights, node.path, node.outputs)
        place = node.path.removeprefix("_") if ways * config["num_layers"] > 1 else ""
        yield Piece(node.cell.name, layer, place, parts, settings, node.cell, index // ways,
                    reverse)  # fmt: skip


def _cell_parts(
    cell: Cell, weights: dict[str, Weight], suffix: str, outputs: int
) -> dict[str, Part]:
    kernel, recurrent = weights[f"weight_ih{suffix}"], weights[f"weight_hh{suffix}"]
    turned = partial(_turned, cell)
    parts = {
        "kernel": Part(kernel.shape[::-1], (kernel,), turned),
        "recurrent_kernel": Part(recurrent.shape[::-1], (recurrent,), turned),
    }
    if f"bias_ih{suffix}" in weights:
        both = weights[f"bias_ih{suffix}"], weights[f"bias_hh{suffix}"]
        shape = cell.bias_shape(both[0].shape[0] // len(cell.gates))
        parts["bias"] = Part(shape, both, partial(joined_bias, cell))
    if f"weight_hr{suffix}" in weights:
        projection = weights[f"weight_hr{suffix}"]
        parts["projection"] = Part(projection.shape[::-1], (projection,),
                                   lambda arrays: only(arrays).T)  # fmt: skip
    return parts


def _turned(cell: Cell, arrays: Sequence[Array]) -> Array:
    return to_keras(LAYOUT, cell, only(arrays))


def joined_bias(cell: Cell, arrays: Sequence[Array]) -> Array:
    """Return the two biases as Keras has them: two rows of a GRU, else their sum."""
    one, other = (to_keras(LAYOUT, cell, each) for each in arrays)
    return np.stack([one, other]) if cell is GRU else one + other
