"""The recurrent cells, each one value from which all else follows.

Sources: Elman (1990) for SimpleRNN; Hochreiter & Schmidhuber (1997) and Gers et al. (2000) for
LSTM, Gers & Schmidhuber (2000) for its peepholes, Greff et al. (2017) for coupled gates; Cho et al.
(2014) for GRU, whose `reset_after` form is that of cuDNN.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rnncli.cell import NOTHING, Cell, Form, Operand, Parts, kernel, peephole, recurrent_kernel


def _simple_rnn(parts: Parts, x: Operand, h: Operand) -> tuple[Operand, ...]:
    return (parts.activation(parts.W("h", x) + parts.U("h", h)),)


def _lstm(parts: Parts, x: Operand, h: Operand, c: Operand) -> tuple[Operand, ...]:
    i = parts.recurrent_activation(parts.W("i", x) + parts.U("i", h))
    f = parts.recurrent_activation(parts.W("f", x) + parts.U("f", h))
    candidate = parts.activation(parts.W("c", x) + parts.U("c", h))
    o = parts.recurrent_activation(parts.W("o", x) + parts.U("o", h))
    c = f * c + i * candidate
    return o * parts.output_activation(c), c


def _peephole_lstm(parts: Parts, x: Operand, h: Operand, c: Operand) -> tuple[Operand, ...]:
    i = parts.recurrent_activation(parts.W("i", x) + parts.U("i", h) + parts.p("i", c))
    f = parts.recurrent_activation(parts.W("f", x) + parts.U("f", h) + parts.p("f", c))
    candidate = parts.activation(parts.W("c", x) + parts.U("c", h))
    c = f * c + i * candidate
    o = parts.recurrent_activation(parts.W("o", x) + parts.U("o", h) + parts.p("o", c))
    return o * parts.output_activation(c), c


def _coupled_lstm(parts: Parts, x: Operand, h: Operand, c: Operand) -> tuple[Operand, ...]:
    i = parts.recurrent_activation(parts.W("i", x) + parts.U("i", h) + parts.p("i", c))
    candidate = parts.activation(parts.W("c", x) + parts.U("c", h))
    c = (1 - i) * c + i * candidate
    o = parts.recurrent_activation(parts.W("o", x) + parts.U("o", h) + parts.p("o", c))
    return o * parts.output_activation(c), c


def _gru_reset_after(parts: Parts, x: Operand, h: Operand) -> tuple[Operand, ...]:
    z = parts.recurrent_activation(parts.W("z", x) + parts.U("z", h))
    r = parts.recurrent_activation(parts.W("r", x) + parts.U("r", h))
    candidate = parts.activation(parts.W("h", x) + r * parts.U("h", h))
    return (z * h + (1 - z) * candidate,)


def _gru_reset_before(parts: Parts, x: Operand, h: Operand) -> tuple[Operand, ...]:
    z = parts.recurrent_activation(parts.W("z", x) + parts.U("z", h))
    r = parts.recurrent_activation(parts.W("r", x) + parts.U("r", h))
    candidate = parts.activation(parts.W("h", x) + parts.U("h", r * h))
    return (z * h + (1 - z) * candidate,)


SIMPLE_RNN = Cell(
    "SimpleRNN", ("h",), ("h",), _simple_rnn,
    meanings={"h": "hidden state, the output"},
    forms={"torch": Form("RNN", ("h",)), "onnx": Form("RNN", ("h",))},
)  # fmt: skip
LSTM = Cell(
    "LSTM", ("i", "f", "c", "o"), ("h", "c"), _lstm,
    meanings={"i": "input gate", "f": "forget gate", "c'": "candidate", "o": "output gate",
              "h": "hidden state, the output", "c": "cell state"},
    forms={"torch": Form("LSTM", ("i", "f", "c", "o"), ("i", "f", "g", "o")),
           "onnx": Form("LSTM", ("i", "o", "f", "c")),
           "cudnn": Form("CuDNNLSTM", ("i", "f", "c", "o"))},
    unit_forget_bias=True,
)  # fmt: skip
GRU = Cell(
    "GRU", ("z", "r", "h"), ("h",), _gru_reset_after, bias_rows=2,
    chosen_by={"reset_after": True},
    meanings={"z": "update gate", "r": "reset gate", "h'": "candidate",
              "h": "hidden state, the output"},
    forms={"torch": Form("GRU", ("r", "z", "h"), ("r", "z", "n")),
           "onnx": Form("GRU", ("z", "r", "h")),
           "cudnn": Form("CuDNNGRU", ("z", "r", "h"))},
)  # fmt: skip
GRU_RESET_BEFORE = GRU._replace(
    step=_gru_reset_before, bias_rows=1, chosen_by={"reset_after": False}
)

# The cells that have a layer of their name; of those of one name, the first is the default.
CELLS = (SIMPLE_RNN, LSTM, GRU, GRU_RESET_BEFORE)

# What only ONNX's operators have.
_IFCO = ("i", "f", "c", "o")
PEEPHOLE_LSTM = LSTM._replace(
    step=_peephole_lstm,
    terms=(kernel(*_IFCO), recurrent_kernel(*_IFCO), peephole("i", "f", "o")),
)
COUPLED_LSTM = PEEPHOLE_LSTM._replace(
    step=_coupled_lstm,
    meanings={**LSTM.meanings, "f": "forget gate, not used: it is 1 - i"},
)


def names() -> tuple[str, ...]:
    """Return the names of the cells that have a layer, each once."""
    return tuple(dict.fromkeys(cell.name for cell in CELLS))


def snake_case(class_name: str) -> str:
    """Return `simple_rnn` for `SimpleRNN`, `conv1d` for `Conv1D`, as Keras names layers."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def cell_for(class_name: str, config: Mapping[str, Any] = NOTHING) -> Cell:
    """Return the cell of a Keras class such as `GRU` or `GRUCell`. Raises: KeyError."""
    found = list(_named(class_name.removesuffix("Cell")))
    if not found:
        raise KeyError(class_name)
    for cell in found:
        if all(bool(config.get(key, found[0].chosen_by[key])) == value
               for key, value in cell.chosen_by.items()):  # fmt: skip
            return cell
    return found[0]


def _named(name: str) -> Iterator[Cell]:
    return (cell for cell in CELLS if cell.name == name)


def cells_in(framework: str) -> dict[str, Cell]:
    """Return the cells of another framework by the names they have there."""
    found: dict[str, Cell] = {}
    for cell in CELLS:
        if framework in cell.forms:
            found.setdefault(cell.forms[framework].name, cell)
    return found
