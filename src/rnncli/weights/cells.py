"""Recurrent layers of any framework as pieces: a piece per cell, in Keras's layout."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from rnncli.cell import Term
from rnncli.cells import GRU
from rnncli.layers import TABLE, layer_type
from rnncli.layers.op import Array
from rnncli.layers.rnn.structure import Backwards, CellNode, Chain, Pair
from rnncli.layers.rnn.structure import Part as Tree
from rnncli.layers.rnn.unpacking import bias_values, term_values
from rnncli.layers.rnn.weight_layouts import LAYOUTS, Layout, cell_weights
from rnncli.model import Layer, Weight
from rnncli.weights.piece import Part, Piece

_READ = {"keras", "cudnn", "torch", "onnx"}  # layouts whose tensors hold all gates
Place = tuple[CellNode, int, bool, bool]  # level, of the second direction, read from the end
Find = Callable[[str], Weight | None]


def cell_pieces(layer: Layer) -> tuple[Piece, ...]:
    """Return the cells of a recurrent layer, () of any other, and where weights are missing."""
    made = layer_type(layer.kind).structure if layer.kind in TABLE else None
    own = layer.weights or ()
    if made is None or not own or len(own[0].shape) > 3:
        return ()
    found = made(layer.config, own[0].shape[0] if own[0].shape else 0)
    if found is None or not {node.layout for node in found.cells} <= _READ:
        return ()
    both, several = isinstance(found.part, Pair), len(found.cells) > 1
    places = list(_placed(found.part))
    if not all(_fits(layer, node, second) for node, _, second, _ in places):
        return ()
    pieces = [
        _piece(layer, place, _name(layer, place, both) if several else "") for place in places
    ]
    complete = all({"kernel", "recurrent_kernel"} <= set(piece.parts) for piece in pieces)
    return tuple(pieces) if complete else ()


def _placed(
    part: Tree, level: int = 0, second: bool = False, back: bool = False
) -> Iterator[Place]:
    """Yield each cell with its place in the tree."""
    if isinstance(part, CellNode):
        yield part, level, second, back
    elif isinstance(part, Chain):
        for index, each in enumerate(part.parts):
            yield from _placed(each, index, second, back)
    elif isinstance(part, Backwards):
        yield from _placed(part.part, level, second, not back)
    else:
        yield from _placed(part.forward, level, False, back)
        yield from _placed(part.backward, level, True, back)


def _name(layer: Layer, place: Place, both: bool) -> str:
    node, _, second, _ = place
    if layer.dialect == "torch":
        return node.path.removeprefix("_")
    way = ("forward", "backward")[second] if both else ""
    return "/".join(filter(None, (way, node.label)))


def _finder(layer: Layer, node: CellNode) -> Find:
    """Return what finds a weight of a cell by the name that its layout has for it."""
    if layer.dialect == "onnx":  # whose paths are names of the graph
        return {weight.name: weight for weight in layer.weights or ()}.get
    weights = {weight.key: weight for weight in layer.weights or ()}
    return lambda stored: weights.get(LAYOUTS[node.layout].path(node.path, stored))


def _way(layer: Layer, second: bool) -> int | None:
    """Return where a direction is along the first axis, None where there is no such axis."""
    return int(second) if layer.dialect == "onnx" else None


def _fits(layer: Layer, node: CellNode, second: bool) -> bool:
    """Whether the weights of a cell have the shapes that its layout gives them."""
    find, way = _finder(layer, node), _way(layer, second)
    for expected in cell_weights(LAYOUTS[node.layout], node):
        weight = find(expected.name)
        if weight is None:
            continue
        shape, own = weight.shape, expected.shape
        if (shape != own) if way is None else (shape[1:] != own[1:] or way >= (*shape, 0)[0]):
            return False
    return True


def _piece(layer: Layer, place: Place, name: str) -> Piece:
    node, level, second, back = place
    layout = LAYOUTS[node.layout]
    find, way = _finder(layer, node), _way(layer, second)
    parts = {term.name: part for term in node.cell.weights
             if (part := _kernel(layout, node, term, find, way)) is not None}  # fmt: skip
    biases = [each for stored in layout.bias if (each := find(stored)) is not None]
    if node.bias_rows and biases:
        make = partial(_bias, layout, node, way)
        parts["bias"] = Part(node.cell.bias_shape(node.units), tuple(biases), make)
    projection = find("weight_hr") if node.projected else None
    if projection is not None:
        parts["projection"] = Part(projection.shape[::-1], (projection,), _transposed)
    summed = node.bias_rows > node.cell.bias_rows
    settings = _settings(layer, node, back, "bias" in parts)
    return Piece(node.cell.name, layer, name, parts, settings, node.cell, level, second,
                 summed and "bias" in parts)  # fmt: skip


def _settings(layer: Layer, node: CellNode, back: bool, use_bias: bool) -> Mapping[str, Any]:
    found: dict[str, Any] = {"units": node.units, "use_bias": use_bias, "go_backwards": back}
    if layer.config.get("nonlinearity", "") is not None or node.cell.gated:  # else nobody says it
        found["activation"] = _activation(node.activation)
    if node.cell.gated:
        found["recurrent_activation"] = _activation(node.recurrent_activation)
    if node.cell.name == "GRU":
        found["reset_after"] = node.cell is GRU
    if node.output_activation != node.activation:
        found["special"] = "an output activation of its own"
    if node.cell.terms:
        found["special"] = "peepholes or coupled gates"
    if layer.kind == "Bidirectional":
        found["merge_mode"] = layer.config.get("merge_mode", "concat")
    elif layer.config.get("bidirectional"):  # of PyTorch
        found["merge_mode"] = "concat"
    return found


def _activation(value: Any) -> str:
    """Return an activation by name; an object goes by its class, None is linear."""
    if isinstance(value, Mapping):
        value = value.get("class_name") or value.get("config")
    return "linear" if value is None else str(value)


def _kernel(layout: Layout, node: CellNode, term: Term, find: Find, way: int | None) -> Part | None:
    weight = find(layout.names.get(term.name, term.name))
    if weight is None:
        return None
    shape = term.shape(node.inputs, node.units, node.outputs)
    return Part(shape, (weight,), partial(_turned, layout, node, term, way))


def _turned(
    layout: Layout, node: CellNode, term: Term, way: int | None, arrays: Sequence[Array]
) -> Array:
    array = arrays[0] if way is None else arrays[0][way]
    found = term_values(layout, node, term, array)
    assert found is not None
    return found


def _bias(layout: Layout, node: CellNode, way: int | None, arrays: Sequence[Array]) -> Array:
    """Return the biases as Keras has them: two rows of a GRU, else their sum."""
    found = bias_values(layout, node, [each if way is None else each[way] for each in arrays])
    assert found is not None
    if found.ndim <= node.cell.bias_rows:
        return found
    with np.errstate(invalid="ignore", over="ignore"):  # of infinite ones
        summed: Array = found.sum(axis=0)
    return summed


def _transposed(arrays: Sequence[Array]) -> Array:
    return arrays[0].T
