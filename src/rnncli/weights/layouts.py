"""Arrays between the layouts of Keras, PyTorch and ONNX: gates by their names, axes turned."""

from collections.abc import Iterator

import numpy as np

from rnncli.cells import Cell
from rnncli.layers.op import Array
from rnncli.layers.rnn.weight_layouts import Layout
from rnncli.model import Layer, Weight


def gates_of(layer: Layer, weight: Weight, array: Array) -> Iterator[tuple[str, Array]]:
    """Yield each gate's share of a weight as its file stores it."""
    count = len(weight.gates)
    if layer.dialect == "torch":
        parts = np.split(array, count, axis=0)
    elif layer.dialect == "onnx" and array.ndim == 3:
        parts = np.split(array, count, axis=1)
    elif layer.dialect == "onnx" or has_two_rows(layer, weight):
        rows = array.reshape(*array.shape[:-1], 2, count, -1)
        shape = (*array.shape[:-1], -1)
        parts = [rows[..., index, :].reshape(shape) for index in range(count)]
    else:
        parts = np.split(array, count, axis=-1)
    yield from zip(weight.gates, parts, strict=True)


def has_two_rows(layer: Layer, weight: Weight) -> bool:
    """Whether a bias is CuDNN's: the two values of each unit and gate laid end to end."""
    inner = layer.config.get("layer")
    kind = inner["class_name"] if layer.kind == "Bidirectional" and inner else layer.kind
    return weight.name == "bias" and str(kind).startswith("CuDNN")


def from_keras(layout: Layout, cell: Cell, array: Array) -> Array:
    """Return `(..., gates * units)` in the cell's order as `(gates * units, ...)` of a layout."""
    turned = array.T
    blocks = turned.reshape(len(cell.gates), -1, *turned.shape[1:])
    index = [cell.gates.index(gate) for gate in layout.order(cell)]
    stored: Array = blocks[index].reshape(turned.shape)
    return stored


def filters_first(array: Array) -> Array:
    """Return Keras's `(*window, inputs, outputs)` as `(outputs, inputs, *window)`."""
    rank = array.ndim
    return array.transpose(rank - 1, rank - 2, *range(rank - 2))


def filters_last(array: Array) -> Array:
    """Return `(outputs, inputs, *window)` as Keras's `(*window, inputs, outputs)`."""
    return array.transpose(*range(2, array.ndim), 1, 0)
