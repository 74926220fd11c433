"""A cell's weights as its framework stores them, brought into Keras's layout."""

from collections.abc import Callable

import numpy as np

from rnncli.cell import Term
from rnncli.layers.op import Array
from rnncli.layers.rnn.structure import CellNode
from rnncli.layers.rnn.weight_layouts import LAYOUTS, Layout

Weights = dict[str, Array | None]


def unpacked(node: CellNode, given: Callable[[str], Array | None]) -> Weights:
    """Return the weights of a cell by the names of its terms, with `bias` and `projection`.

    `given` returns what is stored under a path, such as `lstm_cell/kernel` or `weight_ih_l0`; of
    ONNX's tensors one direction.
    """
    layout = LAYOUTS[node.layout]

    def stored(name: str) -> Array | None:
        return given(layout.path(node.path, layout.names.get(name, name)))

    weights: Weights = {
        term.name: term_values(layout, node, term, stored(term.name)) for term in node.cell.weights
    }
    biases = [stored(name) for name in layout.bias] if node.bias_rows else []
    weights["bias"] = bias_values(layout, node, [each for each in biases if each is not None])
    projection = stored("weight_hr") if node.projected else None
    weights["projection"] = None if projection is None else projection.T
    return weights


def term_values(layout: Layout, node: CellNode, term: Term, array: Array | None) -> Array | None:
    """Return `(inputs, gates * units)`; peepholes that a node leaves out are zero.

    Raises: KeyError for weights that are not there.
    """
    if array is None and term.reads != "each":
        raise KeyError(layout.path(node.path, layout.names.get(term.name, term.name)))
    if array is None:
        return np.zeros(term.shape(node.inputs, node.units, node.outputs), np.float32)
    order = layout.stored_gates(node.cell, term)
    if layout.key == "keras":
        return array
    parts = np.split(array, len(order), axis=0 if layout.gates_first else -1)
    gates = dict(zip(order, parts, strict=True))
    if layout.gates_first:
        return np.concatenate([gates[gate].T for gate in term.gates], axis=-1)
    # CuDNN reads the values of each gate as `(units, inputs)`, in whatever shape they stand.
    return np.concatenate([gates[g].reshape(node.units, -1).T for g in term.gates], axis=-1)


def bias_values(layout: Layout, node: CellNode, arrays: list[Array]) -> Array | None:
    """Return `(gates * units,)`, or `(rows, gates * units)`."""
    if not arrays:
        return None
    columns = len(node.cell.gates) * node.units
    rows = np.concatenate([each.reshape(-1, columns) for each in arrays])
    order = layout.order(node.cell)
    parts = dict(zip(order, np.split(rows, len(order), axis=-1), strict=True))
    turned = np.concatenate([parts[gate] for gate in node.cell.gates], axis=-1)
    return turned[0] if len(turned) == 1 else turned
