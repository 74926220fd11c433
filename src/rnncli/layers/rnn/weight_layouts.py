"""How each framework lays out a cell's weights, as data.

Gates are always named as in `cells`, which says in which order a framework stores them; a layout
says along which axis, under which names, and how many bias values it keeps per unit and gate.

Sources: the documentation of torch.nn.RNN, LSTM and GRU; the ONNX operators RNN, LSTM and GRU;
`keras/src/legacy/saving` for the layout of CuDNN's layers.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from rnncli.cell import Cell, Term
from rnncli.layers.rnn.structure import CellNode
from rnncli.model import Weight


class Layout(NamedTuple):
    """One framework's way to store a cell.

    `gates_first` stores `(gates * units, inputs)` where Keras stores `(inputs, gates * units)`;
    `names` are those of the cell's weights where they differ from Keras's; `bias` those of the bias
    tensors: two names for two tensors, one for a single tensor, whose `bias_rows` parts may be laid
    `end_to_end`. `bias_rows` None: as many as the cell has. `directions_axis`: the first axis is
    that of the directions. `suffixed`: a path ends a name, it does not begin it.
    """

    framework: str
    key: str
    names: Mapping[str, str] = MappingProxyType({})
    bias: tuple[str, ...] = ("bias",)
    bias_rows: int | None = None
    gates_first: bool = False
    directions_axis: bool = False
    end_to_end: bool = False
    suffixed: bool = False

    def order(self, cell: Cell) -> tuple[str, ...]:
        """Return the gates in stored order."""
        return cell.order(self.key)

    def stored_gates(self, cell: Cell, term: Term) -> tuple[str, ...]:
        """Return the gates of some weights in stored order."""
        return tuple(gate for gate in self.order(cell) if gate in term.gates)

    def rows(self, cell: Cell) -> int:
        """Return how many bias values each unit of each gate has."""
        return cell.bias_rows if self.bias_rows is None else self.bias_rows

    def path(self, prefix: str, name: str) -> str:
        """Return the path of a weight of the cell that `prefix` leads to."""
        if self.suffixed:
            return f"{name}{prefix}"
        return f"{prefix}/{name}" if prefix else name


LAYOUTS = {
    "keras": Layout("Keras", "keras"),
    "torch": Layout(
        "PyTorch", "torch",
        {"kernel": "weight_ih", "recurrent_kernel": "weight_hh"},
        ("bias_ih", "bias_hh"), 2, gates_first=True, suffixed=True,
    ),
    "onnx": Layout(
        "ONNX", "onnx", {"kernel": "W", "recurrent_kernel": "R", "peephole": "P"},
        ("B",), 2, gates_first=True, directions_axis=True, end_to_end=True,
    ),
    "tflite": Layout("TensorFlow Lite", "keras"),
    "cudnn": Layout("CuDNN", "cudnn", bias_rows=2, end_to_end=True),
}  # fmt: skip


def cell_weights(layout: Layout, node: CellNode) -> tuple[Weight, ...]:
    """Return the tensors in which a framework stores one cell, with shapes and formulas."""
    cell, units = node.cell, node.units
    letters = cell.letters(layout.key)
    axis = (1,) if layout.directions_axis else ()
    weights = []
    for term in cell.weights:
        gates = tuple(letters[gate] for gate in layout.stored_gates(cell, term))
        shape = term.shape(node.inputs, units, node.outputs)
        shape = shape[::-1] if layout.gates_first else shape
        name = layout.names.get(term.name, term.name)
        weights.append(
            Weight(name, (*axis, *shape), _formula(term, node), gates, initializer=term.initializer)
        )
    if node.bias_rows:
        weights += _biases(layout, node, tuple(letters.values()))
    if node.projected:  # of PyTorch alone
        weights.append(Weight("weight_hr", (node.outputs, units), "outputs × units",
                              initializer="glorot_uniform"))  # fmt: skip
    return tuple(weights)


def _formula(term: Term, node: CellNode) -> str:
    reads = {"inputs": "inputs × ", "units": "outputs × " if node.projected else "units × "}
    return f"{_times(len(term.gates))}{reads.get(term.reads, '')}units"


def _times(count: int) -> str:
    return f"{count} × " if count > 1 else ""


def _biases(layout: Layout, node: CellNode, letters: tuple[str, ...]) -> list[Weight]:
    cell, units = node.cell, node.units
    columns, rows = len(cell.gates) * units, layout.rows(cell)
    if len(layout.bias) > 1:
        return [
            Weight(name, (columns,), f"{_times(len(letters))}units", letters)
            for name in layout.bias
        ]
    shape = (rows * columns,) if layout.end_to_end else cell.bias_shape(units, rows)
    shape = (1, *shape) if layout.directions_axis else shape
    forget = layout.key == "keras" and node.unit_forget_bias
    return [
        Weight(layout.bias[0], shape, f"{_times(rows)}{_times(len(letters))}units", letters,
               initializer="unit_forget" if forget else "zeros")
    ]  # fmt: skip


def placed_weights(node: CellNode) -> tuple[Weight, ...]:
    """Return the weights of a cell as its own framework stores them, with their paths."""
    layout = LAYOUTS[node.layout]
    found = []
    for weight in cell_weights(layout, node):
        path = layout.path(node.path, weight.name)
        name = path if layout.suffixed else weight.name
        found.append(
            weight._replace(name=name, path=path, trainable=node.trainable, dtype=node.dtype)
        )
    return tuple(found)
