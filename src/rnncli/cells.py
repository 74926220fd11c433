"""The recurrent cells, each described once.

Weight shapes, parameter counts, file layouts, the forward pass, the equations and the
cost all follow from a `Cell`. A `step` reads like the textbook and uses only `+ - *`, the
projections it is handed and the two activations, so that it runs on arrays and on symbols alike.

Sources: Elman (1990) for SimpleRNN; Hochreiter & Schmidhuber (1997) and Gers et al. (2000) for
LSTM; Cho et al. (2014) for GRU, whose `reset_after` form is that of cuDNN.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

Operand = Any  # an array `(batch, units)` or a symbol; whatever knows + - *
Inputs = Callable[[str], Operand]  # gate -> x_t @ kernel[gate] + bias[gate]
Recurrent = Callable[[str, Operand], Operand]  # gate, h -> h @ recurrent_kernel[gate] (+ 2nd bias)
Activation = Callable[[Operand], Operand]
Step = Callable[..., tuple[Operand, ...]]


class Cell(NamedTuple):
    """A recurrent cell; gates and states are in Keras's order, the first state is the output."""

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    bias_rows: int
    step: Step

    def kernel_shape(self, inputs: int, units: int) -> tuple[int, int]:
        """Return `(inputs, gates * units)`."""
        return (inputs, len(self.gates) * units)

    def recurrent_kernel_shape(self, units: int) -> tuple[int, int]:
        """Return `(units, gates * units)`."""
        return (units, len(self.gates) * units)

    def bias_shape(self, units: int) -> tuple[int, ...]:
        """Return `(gates * units,)`, or `(2, gates * units)` where two rows are stored."""
        columns = len(self.gates) * units
        return (columns,) if self.bias_rows == 1 else (self.bias_rows, columns)

    def macs_per_step(self, inputs: int, units: int) -> int:
        """Return the multiply-accumulates of the matrix products of one step of one sequence."""
        return len(self.gates) * units * (inputs + units)


def _simple_rnn(
    inputs: Inputs,
    recurrent: Recurrent,
    activation: Activation,
    recurrent_activation: Activation,
    h: Operand,
) -> tuple[Operand, ...]:
    return (activation(inputs("h") + recurrent("h", h)),)


def _lstm(
    inputs: Inputs,
    recurrent: Recurrent,
    activation: Activation,
    recurrent_activation: Activation,
    h: Operand,
    c: Operand,
) -> tuple[Operand, ...]:
    i = recurrent_activation(inputs("i") + recurrent("i", h))
    f = recurrent_activation(inputs("f") + recurrent("f", h))
    candidate = activation(inputs("c") + recurrent("c", h))
    o = recurrent_activation(inputs("o") + recurrent("o", h))
    c = f * c + i * candidate
    return o * activation(c), c


def _gru_reset_after(
    inputs: Inputs,
    recurrent: Recurrent,
    activation: Activation,
    recurrent_activation: Activation,
    h: Operand,
) -> tuple[Operand, ...]:
    z = recurrent_activation(inputs("z") + recurrent("z", h))
    r = recurrent_activation(inputs("r") + recurrent("r", h))
    candidate = activation(inputs("h") + r * recurrent("h", h))
    return (z * h + (1 - z) * candidate,)


def _gru_reset_before(
    inputs: Inputs,
    recurrent: Recurrent,
    activation: Activation,
    recurrent_activation: Activation,
    h: Operand,
) -> tuple[Operand, ...]:
    z = recurrent_activation(inputs("z") + recurrent("z", h))
    r = recurrent_activation(inputs("r") + recurrent("r", h))
    candidate = activation(inputs("h") + recurrent("h", r * h))
    return (z * h + (1 - z) * candidate,)


SIMPLE_RNN = Cell("SimpleRNN", ("h",), ("h",), 1, _simple_rnn)
LSTM = Cell("LSTM", ("i", "f", "c", "o"), ("h", "c"), 1, _lstm)
GRU = Cell("GRU", ("z", "r", "h"), ("h",), 2, _gru_reset_after)
GRU_RESET_BEFORE = Cell("GRU", ("z", "r", "h"), ("h",), 1, _gru_reset_before)

CELLS = (SIMPLE_RNN, LSTM, GRU, GRU_RESET_BEFORE)


def cell_for(class_name: str, reset_after: bool = True) -> Cell:
    """Return the cell of a Keras class such as `GRU` or `GRUCell`."""
    name = class_name.removesuffix("Cell")
    for cell in CELLS:
        if cell.name == name and (cell is not GRU or reset_after):
            return cell
    raise KeyError(class_name)
