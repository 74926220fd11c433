"""How each framework lays out a cell's weights, as data.

Gates are always named as in `cells`; a layout says in which order a framework stores them, along
which axis, and how many bias values it keeps per unit and gate. Nobody computes gate offsets by
hand.

Sources: the documentation of torch.nn.RNN, LSTM and GRU; the ONNX operators RNN, LSTM and GRU.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from rnncli.cells import Cell
from rnncli.model import Weight


class Layout(NamedTuple):
    """One framework's way to store a cell.

    `order` lists the gates of each cell as stored; `gates_first` stores `(gates * units, inputs)`
    where Keras stores `(inputs, gates * units)`; `names` are those of the kernel, the recurrent
    kernel and the bias tensors: two bias names for two tensors, one for a single tensor of
    `bias_rows` parts laid end to end. `bias_rows` None: as many as the cell has.
    """

    framework: str
    order: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...]
    gates_first: bool = False
    bias_rows: int | None = None
    letters: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    directions_axis: bool = False

    def gate_letters(self, cell: Cell) -> tuple[str, ...]:
        """Return the gates in stored order, under the framework's own names."""
        letters = self.letters.get(cell.name, {})
        return tuple(letters.get(gate, gate) for gate in self.order[cell.name])

    def rows(self, cell: Cell) -> int:
        """Return how many bias values each unit of each gate has."""
        return cell.bias_rows if self.bias_rows is None else self.bias_rows


LAYOUTS = {
    "keras": Layout(
        "Keras",
        {"SimpleRNN": ("h",), "LSTM": ("i", "f", "c", "o"), "GRU": ("z", "r", "h")},
        ("kernel", "recurrent_kernel", "bias"),
    ),
    "torch": Layout(
        "PyTorch",
        {"SimpleRNN": ("h",), "LSTM": ("i", "f", "c", "o"), "GRU": ("r", "z", "h")},
        ("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
        gates_first=True,
        bias_rows=2,
        letters={"LSTM": {"c": "g"}, "GRU": {"h": "n"}},
    ),
    "onnx": Layout(
        "ONNX",
        {"SimpleRNN": ("h",), "LSTM": ("i", "o", "f", "c"), "GRU": ("z", "r", "h")},
        ("W", "R", "B"),
        gates_first=True,
        bias_rows=2,
        directions_axis=True,
    ),
}


def cell_weights(
    layout: Layout, cell: Cell, inputs: int, units: int, use_bias: bool = True
) -> tuple[Weight, ...]:
    """Return the tensors in which a framework stores one cell, with shapes and formulas."""
    letters = layout.gate_letters(cell)
    columns, many = len(letters) * units, "" if len(letters) == 1 else f"{len(letters)} × "

    def kernel(name: str, size: int, what: str) -> Weight:
        shape = (columns, size) if layout.gates_first else (size, columns)
        axis = (1,) if layout.directions_axis else ()
        return Weight(name, (*axis, *shape), f"{many}{what} × units", letters)

    weights = [
        kernel(layout.names[0], inputs, "inputs"),
        kernel(layout.names[1], units, "units"),
    ]
    rows = layout.rows(cell)
    if use_bias and len(layout.names) == 4:
        weights += [Weight(name, (columns,), f"{many}units", letters) for name in layout.names[2:]]
    elif use_bias:
        shape = (columns,) if rows == 1 else (rows, columns)
        if layout.directions_axis:
            shape = (1, rows * columns)
        times = f"{rows} × " if rows > 1 else ""
        weights.append(Weight(layout.names[2], shape, f"{times}{many}units", letters))
    return tuple(weights)
