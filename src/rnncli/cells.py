"""The recurrent cells, each described once.

Weight shapes, parameter counts, file layouts, the forward pass, the equations and the cost all
follow from a `Cell`. A `step` reads like the textbook and uses only `+ - *` and the `Parts` it is
handed, so that it runs on arrays, on symbols, on dual numbers, or on images with convolutions for
products.

Sources: Elman (1990) for SimpleRNN; Hochreiter & Schmidhuber (1997) and Gers et al. (2000) for
LSTM, Gers & Schmidhuber (2000) for its peepholes, Greff et al. (2017) for coupled gates; Cho et al.
(2014) for GRU, whose `reset_after` form is that of cuDNN.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

Operand = Any  # an array `(batch, units)`, a symbol, a dual number; whatever knows + - *
Step = Callable[..., tuple[Operand, ...]]  # parts, x, *states -> the states after the step

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Parts:
    """What a step is handed: the products with its weights, and its activations.

    `parts.W("i", x)` is `product("W", "i", x)`: the share of gate `i` in the weights whose letter
    is `W`, times `x`, and its bias. `kernels.reference` computes it, `equations` writes it down.
    """

    def product(self, letter: str, gate: str, operand: Operand) -> Operand:
        """Return an operand times the weights of a gate, and the bias that belongs to them."""
        raise NotImplementedError

    def activation(self, value: Operand) -> Operand:
        """Return the activation of the candidate."""
        raise NotImplementedError

    def recurrent_activation(self, value: Operand) -> Operand:
        """Return the activation of the gates."""
        raise NotImplementedError

    def output_activation(self, value: Operand) -> Operand:
        """Return the activation of the state that is given out; only ONNX lets it be another."""
        raise NotImplementedError

    def __getattr__(self, letter: str) -> Callable[[str, Operand], Operand]:
        if letter.startswith("_"):
            raise AttributeError(letter)
        return partial(self.product, letter)


class Term(NamedTuple):
    """Weights of a cell: a share for each of some gates, side by side.

    `reads` says what they are multiplied by: `inputs`, a matrix `(inputs, units)` per gate;
    `units`, a matrix `(units, units)` for a state; `each`, one value per unit, element by element.
    The first bias row belongs to what reads the inputs, the second to what reads a state.
    """

    name: str
    letter: str
    gates: tuple[str, ...]
    reads: str
    meaning: str
    initializer: str

    def shape(self, inputs: int, units: int, outputs: int | None = None) -> tuple[int, ...]:
        """Return `(inputs, gates * units)`, or `(gates * units,)` where it holds no matrices."""
        columns = len(self.gates) * units
        rows = {"inputs": (inputs,), "units": (outputs or units,), "each": ()}[self.reads]
        return (*rows, columns)


def kernel(*gates: str) -> Term:
    """Return the weights that multiply the input."""
    return Term("kernel", "W", gates, "inputs", "kernel", "glorot_uniform")


def recurrent_kernel(*gates: str) -> Term:
    """Return the weights that multiply the state `h`, or what a gate leaves of it."""
    return Term("recurrent_kernel", "U", gates, "units", "recurrent kernel", "orthogonal")


def peephole(*gates: str) -> Term:
    """Return the weights that multiply a state element by element."""
    return Term("peephole", "p", gates, "each", "peephole", "zeros")


class Form(NamedTuple):
    """A cell in another framework: its class, its gates in stored order, and their names there."""

    name: str
    order: tuple[str, ...]
    letters: tuple[str, ...] = ()


class Cell(NamedTuple):
    """A recurrent cell; gates and states are in Keras's order, the first state is the output.

    A gate that is called like a state is the candidate for it. `terms` are its weights beside the
    bias: empty for a kernel and a recurrent kernel for every gate. `bias_rows` is how many values
    Keras keeps per unit and gate. `chosen_by` holds the arguments that tell cells of one name
    apart; `meanings` says what gates and states are, by the symbols that `equations` has for them;
    `forms` what the cell is in other frameworks.
    """

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    step: Step
    bias_rows: int = 1
    terms: tuple[Term, ...] = ()
    chosen_by: Mapping[str, Any] = NOTHING
    meanings: Mapping[str, str] = NOTHING
    forms: Mapping[str, Form] = NOTHING
    unit_forget_bias: bool = False

    @property
    def weights(self) -> tuple[Term, ...]:
        """The weights beside the bias."""
        return self.terms or (kernel(*self.gates), recurrent_kernel(*self.gates))

    @property
    def gated(self) -> bool:
        """Whether it has gates beside the candidate, so that it has a recurrent activation."""
        return len(self.gates) > 1

    @property
    def activated(self) -> bool:
        """Whether its values pass an activation beside those of the gates."""
        parts = _Asked()
        self.step(parts, 0.0, *[0.0] * len(self.states))
        return parts.asked

    def symbol(self, gate: str) -> str:
        """Return how a gate is written: `i`, or `c'` for the candidate of state `c`."""
        return f"{gate}'" if gate in self.states else gate

    def meaning(self, symbol: str) -> str:
        """Return what a gate or a state is, in words."""
        usual = f"candidate of {symbol[:-1]}" if symbol.endswith("'") else f"gate {symbol}"
        return self.meanings.get(symbol, "state" if symbol in self.states else usual)

    def order(self, framework: str) -> tuple[str, ...]:
        """Return the gates as a framework stores them; as Keras does where it lacks the cell."""
        form = self.forms.get(framework)
        return self.gates if form is None else form.order

    def letters(self, framework: str) -> Mapping[str, str]:
        """Return what a framework calls each gate."""
        form = self.forms.get(framework)
        names = (form and form.letters) or self.order(framework)
        return dict(zip(self.order(framework), names, strict=True))

    def bias_shape(self, units: int, rows: int | None = None) -> tuple[int, ...]:
        """Return `(gates * units,)`, or `(rows, gates * units)` where several rows are stored."""
        columns, rows = len(self.gates) * units, self.bias_rows if rows is None else rows
        return (columns,) if rows == 1 else (rows, columns)

    def macs_per_step(self, inputs: int, units: int, outputs: int | None = None) -> int:
        """Return the multiply-accumulates of the matrix products of one step of one sequence."""
        sizes = {"inputs": inputs, "units": outputs or units, "each": 0}
        return sum(len(term.gates) * units * sizes[term.reads] for term in self.weights)


class _Asked(Parts):
    """Parts that give 0, and note whether an activation is asked for beside those of gates."""

    asked = False

    def product(self, letter: str, gate: str, operand: Operand) -> Operand:
        """Return 0."""
        return 0.0

    def activation(self, value: Operand) -> Operand:
        """Return 0."""
        self.asked = True
        return 0.0

    def recurrent_activation(self, value: Operand) -> Operand:
        """Return 0."""
        return 0.0

    output_activation = activation


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
