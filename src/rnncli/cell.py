"""What a recurrent cell is: its gates, states and weights, and one step.

Weight shapes, parameter counts, file layouts, the forward pass, the equations and the cost all
follow from a `Cell`. A `step` reads like the textbook and uses only `+ - *` and the `Parts` it is
handed, so that it runs on arrays, on symbols, on dual numbers, or on images with convolutions for
products.
"""

from collections.abc import Callable, Mapping
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
