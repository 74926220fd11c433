"""The equations of a cell: its `step` run on symbols, written as a framework writes it.

In Keras's notation `*` is element by element, `@` the matrix product, as in NumPy; in PyTorch's a
matrix stands before the vector that it multiplies.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rnncli.cells import Cell, Parts


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """An expression: an operator over parts, or a name. `gate` is the gate it projects."""

    operator: str
    parts: tuple["Symbol", ...] = ()
    text: str = ""
    gate: str = ""

    def __add__(self, other: "Symbol") -> "Symbol":
        return Symbol("+", (self, other))

    def __mul__(self, other: "Symbol") -> "Symbol":
        return Symbol("*", (self, other))

    def __rsub__(self, other: int) -> "Symbol":
        return Symbol("-", (_name(str(other)), self))

    def walk(self) -> Iterator["Symbol"]:
        """Yield the parts, innermost first, then the expression itself."""
        for part in self.parts:
            yield from part.walk()
        yield self


def _name(text: str) -> Symbol:
    return Symbol("name", text=text)


_ARITHMETIC = ("name", "+", "*", "-", "@")


class Notation:
    """How a framework writes the weights, the biases and the gates of a cell: here, Keras."""

    framework = "keras"
    matrix_first = False

    def __init__(self, cell: Cell, rows: int) -> None:
        self.cell, self.rows = cell, rows
        self.terms = {term.letter: term for term in cell.weights}

    def gate(self, gate: str) -> str:
        """Return `i`, or `c'` for the candidate of a state."""
        return self.cell.symbol(gate)

    def weights(self, letter: str, gate: str) -> str:
        """Return `W_i`."""
        return f"{letter}_{gate}"

    def bias(self, row: int, gate: str) -> str:
        """Return `b_z`, or where a cell has two bias rows `bx_z` and `bh_z`."""
        return f"b_{gate}" if self.rows == 1 else f"{('bx', 'bh')[row]}_{gate}"

    def shape(self, rows: int, columns: int) -> tuple[int, int]:
        """Return the shape of a matrix of so many inputs and outputs."""
        return (rows, columns)


class TorchNotation(Notation):
    """PyTorch's: `W_ii x_t + b_ii + W_hi h_{t-1} + b_hi`, gates `i f g o` and `r z n`."""

    framework = "torch"
    matrix_first = True

    def gate(self, gate: str) -> str:
        """Return PyTorch's letter of a gate."""
        return self.cell.letters("torch")[gate]

    def weights(self, letter: str, gate: str) -> str:
        """Return `W_ii` for what multiplies the input, `W_hi` for what multiplies the state."""
        of = {"inputs": "i", "units": "h"}.get(self.terms[letter].reads, letter)
        return f"W_{of}{self.gate(gate)}"

    def bias(self, row: int, gate: str) -> str:
        """Return `b_ii` or `b_hi`."""
        return f"b_{('i', 'h')[row]}{self.gate(gate)}"

    def shape(self, rows: int, columns: int) -> tuple[int, int]:
        """Return the shape of a matrix of so many inputs and outputs."""
        return (columns, rows)


PROJECTION = "W_hr"  # of PyTorch's proj_size


def notation(framework: str, cell: Cell, rows: int) -> Notation:
    """Return the notation of a framework, Keras's for one that has none of its own."""
    own = framework == "torch" and framework in cell.forms
    return (TorchNotation if own else Notation)(cell, rows)


class _Symbols(Parts):
    """Products and activations written down."""

    def __init__(self, style: Notation, activations: tuple[str, str, str]) -> None:
        self.style, self.activations = style, activations

    def product(self, letter: str, gate: str, operand: Symbol) -> Symbol:
        """Return `x_t @ W_i + b_i`."""
        style, reads = self.style, self.style.terms[letter].reads
        weights = _name(style.weights(letter, gate))
        if reads == "each":
            return weights * operand
        product = Symbol("@", (operand, weights), gate=gate)
        row = 0 if reads == "inputs" else 1
        return product + _name(style.bias(row, gate)) if row < style.rows else product

    def activation(self, value: Symbol) -> Symbol:
        """Return the activation of the candidate."""
        return Symbol(self.activations[0], (value,))

    def recurrent_activation(self, value: Symbol) -> Symbol:
        """Return the activation of the gates."""
        return Symbol(self.activations[1], (value,))

    def output_activation(self, value: Symbol) -> Symbol:
        """Return the activation of the state that is given out."""
        return Symbol(self.activations[2], (value,))


class Written(NamedTuple):
    """The lines of a cell's equations, each a name and its expression, in the order to compute."""

    style: Notation
    names: dict[int, str]  # of the expressions that have a line, by their `id`
    lines: tuple[tuple[str, Symbol], ...]

    def text(self) -> tuple[str, ...]:
        """Return `h_t = tanh(x_t @ W_h + b_h + h_{t-1} @ U_h)` and the like."""
        return self._with(_Plain(self.style.matrix_first))

    def latex(self) -> tuple[str, ...]:
        """Return the same for LaTeX's math mode."""
        return self._with(_Latex(self.style.matrix_first))

    def _with(self, pen: "_Plain") -> tuple[str, ...]:
        return tuple(f"{pen.name(name)} = {pen.write(node, self.names)}"
                     for name, node in self.lines)  # fmt: skip


def equations(
    cell: Cell,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    bias_terms: int | None = None,
    output_activation: str | None = None,
    framework: str = "keras",
    projected: bool = False,
) -> Written:
    """Return a line per gate and state.

    `bias_terms` is 0, 1 or 2 values per unit and gate; None: as many as the cell stores.
    `output_activation` None: the activation. `projected`: PyTorch's `proj_size` makes `h`.
    """
    style = notation(framework, cell, cell.bias_rows if bias_terms is None else bias_terms)
    states = tuple(_name(f"{state}_{{t-1}}") for state in cell.states)
    last = activation if output_activation is None else output_activation
    parts = _Symbols(style, (activation, recurrent_activation, last))
    h, *others = cell.step(parts, _name("x_t"), *states)
    outcome = (Symbol("@", (h, _name(PROJECTION))) if projected else h, *others)
    names: dict[int, str] = {id(node): f"{state}_t" for state, node in zip(cell.states, outcome,
                                                                          strict=True)}  # fmt: skip
    ranks = {f"{state}_t": (1, -index) for index, state in enumerate(cell.states)}
    lines: dict[str, Symbol] = {}
    for node in outcome:
        for part in node.walk():
            gate = _projected(part)
            if gate and id(part) not in names:
                names[id(part)] = f"{style.gate(gate)}_t"
                ranks[names[id(part)]] = (0, cell.order(style.framework).index(gate))
            if id(part) in names:
                lines.setdefault(names[id(part)], part)
    order = _in_order(lines, names, ranks)
    return Written(style, names, tuple((name, lines[name]) for name in order))


def _in_order(
    lines: dict[str, Symbol], names: dict[int, str], ranks: dict[str, tuple[int, int]]
) -> list[str]:
    """Return the names of the lines by rank, each after those that it needs.

    Gates stand in the framework's order, then the states, the output last.
    """
    left = sorted(lines, key=lambda name: ranks[name])
    order: list[str] = []
    while left:
        ready = (name for name in left if not set(_needs(lines[name], names)) & set(left))
        order.append(next(ready))
        left.remove(order[-1])
    return order


def _needs(node: Symbol, names: dict[int, str]) -> Iterator[str]:
    """Yield the names of the other lines in an expression."""
    for part in node.parts:
        if id(part) in names:
            yield names[id(part)]
        else:
            yield from _needs(part, names)


def _projected(node: Symbol) -> str:
    """Return the gate whose input projection an activation is applied to, or ''."""
    return "" if node.operator in _ARITHMETIC else next(_gates(node.parts[0]), "")


def _gates(node: Symbol) -> Iterator[str]:
    """Yield the gates projected from the input, up to the next activation."""
    if node.operator == "@" and node.parts[0].text == "x_t":
        yield node.gate
    elif node.operator in _ARITHMETIC:
        for part in node.parts:
            yield from _gates(part)


class _Plain:
    """Writes expressions as text."""

    times = " * "

    def __init__(self, matrix_first: bool) -> None:
        self.matrix_first = matrix_first

    def name(self, text: str) -> str:
        """Return a name."""
        return text

    def grouped(self, text: str) -> str:
        """Return an expression in parentheses."""
        return f"({text})"

    def applied(self, function: str, text: str) -> str:
        """Return a function of an expression."""
        return f"{function}({text})"

    def product(self, operand: str, weights: str) -> str:
        """Return a matrix product."""
        return f"{weights} {operand}" if self.matrix_first else f"{operand} @ {weights}"

    def write(self, node: Symbol, names: dict[int, str]) -> str:
        """Return the expression; parts that have a line of their own stand as its name."""
        if node.operator == "name":
            return self.name(node.text)
        parts = [self.name(names[id(part)]) if id(part) in names else self.write(part, names)
                 for part in node.parts]  # fmt: skip
        if node.operator == "+":
            return " + ".join(parts)
        if node.operator == "-":
            return self.grouped(" - ".join(parts))
        if node.operator in ("*", "@"):
            loose = [part.operator in _ARITHMETIC[1:] and part.operator != "-"
                     and id(part) not in names for part in node.parts]  # fmt: skip
            parts = [self.grouped(text) if wrap else text
                     for text, wrap in zip(parts, loose, strict=True)]  # fmt: skip
            return self.times.join(parts) if node.operator == "*" else self.product(*parts)
        return parts[0] if node.operator == "linear" else self.applied(node.operator, parts[0])


_FUNCTIONS = {"tanh": r"\tanh", "sigmoid": r"\sigma"}  # that LaTeX has a sign for


class _Latex(_Plain):
    """Writes expressions for LaTeX's math mode."""

    times = r" \odot "

    def name(self, text: str) -> str:
        """Return a name with its whole index below: `W_{ii}`, `b^{x}_{z}`."""
        base, _, index = text.partition("_")
        if not index:
            return text
        letter, above = (base[0], f"^{{{base[1:]}}}") if base[1:].isalpha() else (base, "")
        return f"{letter}{above}_{{{index.strip('{}')}}}"

    def grouped(self, text: str) -> str:
        """Return an expression in parentheses."""
        return rf"\left({text}\right)"

    def applied(self, function: str, text: str) -> str:
        """Return a function of an expression."""
        name = function.replace("_", r"\_")
        shown = _FUNCTIONS.get(function, rf"\operatorname{{{name}}}")
        return rf"{shown}\left({text}\right)"

    def product(self, operand: str, weights: str) -> str:
        """Return a matrix product."""
        return f"{weights} {operand}" if self.matrix_first else f"{operand} {weights}"
