"""Arrays between the layouts of Keras, PyTorch and ONNX: gates by their names, axes turned."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rnncli.cell import Cell
from rnncli.layers.op import Array
from rnncli.layers.rnn.weight_layouts import Layout
from rnncli.model import Layer, Weight


class GateAxis(NamedTuple):
    """Where the gates of a weight lie: along an axis, `width` values of each in turn."""

    names: tuple[str, ...]
    axis: int
    width: int

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of each gate's share."""
        return (*shape[: self.axis], shape[self.axis] // len(self.names), *shape[self.axis + 1 :])

    def shares(self, index: Sequence[slice], block: Array) -> Iterator[tuple[int, Array]]:
        """Yield what a block, which is at a place in the weight, holds of which gate."""
        start, at, end = index[self.axis].start, 0, block.shape[self.axis]
        before = (slice(None),) * self.axis
        while at < end:
            gate = (start + at) // self.width
            until = min(end, (gate + 1) * self.width - start)
            yield gate % len(self.names), block[(*before, slice(at, until))]
            at = until


def gate_axis(layer: Layer, weight: Weight, shape: tuple[int, ...]) -> GateAxis | None:
    """Return where the gates of a weight lie as its file stores it, None where there are none."""
    count, last = len(weight.gates), len(shape) - 1
    turns = 1
    if layer.dialect == "torch":
        last = 0
    elif layer.dialect == "onnx" and len(shape) == 3:
        last = 1
    elif layer.dialect == "onnx" or has_two_rows(layer, weight):
        turns = 2
    if count < 2 or not shape or shape[last] % (count * turns):
        return None
    return GateAxis(weight.gates, last, shape[last] // (count * turns))


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
