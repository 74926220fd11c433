"""Keras's layers as pieces, and pieces as Keras's variables."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rnncli.cells import GRU, LSTM, Cell
from rnncli.layers.op import Array
from rnncli.layers.rnn.keras import cells_of, directions
from rnncli.model import Config, Layer, Weight
from rnncli.weights.forms import FORMS
from rnncli.weights.piece import Part, Piece

_RECURRENT = ("SimpleRNN", "LSTM", "GRU", "RNN")
_CUDNN = {"CuDNNLSTM": LSTM, "CuDNNGRU": GRU}


def pieces(layer: Layer) -> Iterator[Piece]:
    """Yield the cells of a recurrent layer, else the layer itself if it is one of `FORMS`."""
    weights = {weight.path or weight.name: weight for weight in layer.weights or ()}
    if not weights:
        return
    if layer.kind == "Bidirectional":
        shared = {"merge_mode": layer.config.get("merge_mode", "concat")}
        for (name, kind, config), reverse in zip(
            directions(layer.config), (False, True), strict=True
        ):
            own = _below(weights, name)
            for piece in _cells(layer, kind, config, own, reverse):
                yield piece._replace(settings={**piece.settings, **shared})
    elif layer.kind in (*_RECURRENT, *_CUDNN):
        yield from _cells(layer, layer.kind or "", layer.config, weights, None)
    else:
        kind, config = layer.kind or "", layer.config
        if kind == "TimeDistributed":
            kind, config = config["layer"]["class_name"], config["layer"]["config"]
        if kind in FORMS:
            parts = {each.name: Part(each.shape, (each,)) for each in weights.values()}
            yield Piece(kind, layer, "", parts, dict(config))


def _below(weights: dict[str, Weight], name: str) -> dict[str, Weight]:
    start = f"{name}/"
    return {p.removeprefix(start): each for p, each in weights.items() if p.startswith(start)}


def _cells(
    layer: Layer, kind: str, config: Config, weights: dict[str, Weight], reverse: bool | None
) -> Iterator[Piece]:
    """Yield the cells of one direction; `reverse` None: the layer has but one."""
    way = "" if reverse is None else ("forward", "backward")[reverse]
    backwards = bool(config.get("go_backwards")) != bool(reverse)
    if kind in _CUDNN:
        cell = _CUDNN[kind]
        parts = _cudnn_parts(cell, weights)
        fixed = {**config, "activation": "tanh", "recurrent_activation": "sigmoid"}
        yield _piece(layer, cell, fixed, parts, way, backwards)._replace(reverse=bool(reverse))
        return
    found = list(cells_of(kind, config))
    for level, (path, cell, _, own) in enumerate(found):
        parts = {each.name: Part(each.shape, (each,)) for each in _below(weights, path).values()}
        place = "/".join(filter(None, (way, path if len(found) > 1 else "")))
        piece = _piece(layer, cell, own, parts, place, backwards)
        yield piece._replace(level=level, reverse=bool(reverse))


def _piece(
    layer: Layer, cell: Cell, config: Config, parts: dict[str, Part], place: str, backwards: bool
) -> Piece:
    settings: dict[str, Any] = {"units": config["units"], "use_bias": "bias" in parts,
                                "activation": _name(config.get("activation")),
                                "go_backwards": backwards}  # fmt: skip
    if cell.name != "SimpleRNN":
        settings["recurrent_activation"] = _name(config.get("recurrent_activation", "sigmoid"))
    if cell.name == "GRU":
        settings["reset_after"] = cell is GRU
    return Piece(cell.name, layer, place, parts, settings, cell)


def _name(activation: Any) -> str:
    """Return an activation by name: None is linear, an object goes by its class."""
    if isinstance(activation, dict):
        activation = activation.get("class_name") or activation.get("config")
    return "linear" if activation is None else str(activation)


def _cudnn_parts(cell: Cell, weights: dict[str, Weight]) -> dict[str, Part]:
    """Return the parts of a CuDNN layer, of which each gate's kernel is read as `(units, inputs)`.

    Source: `transform_kernels` in Keras 2's `hdf5_format.py`.
    """

    def turned(arrays: Sequence[Array]) -> Array:
        gates = np.split(arrays[0], len(cell.gates), axis=1)
        return np.concatenate([gate.reshape(gate.shape[::-1]).T for gate in gates], axis=1)

    def bias(arrays: Sequence[Array]) -> Array:
        rows = arrays[0].reshape(2, -1)
        return rows if cell.bias_rows == 2 else rows.sum(axis=0)

    kernels = {
        name: Part(weights[name].shape, (weights[name],), turned)
        for name in ("kernel", "recurrent_kernel")
    }
    shape = cell.bias_shape(weights["recurrent_kernel"].shape[0])
    return {**kernels, "bias": Part(shape, (weights["bias"],), bias)}
