"""The equations of a cell: its `step` run on symbols."""

from collections.abc import Iterator
from typing import NamedTuple

from rnncli.cell import Cell, Parts
from rnncli.notation import (
    ARITHMETIC,
    PROJECTION,
    Latex,
    Notation,
    Plain,
    Symbol,
    named,
    notation,
)


class _Symbols(Parts):
    """Products and activations written down."""

    def __init__(self, style: Notation, activations: tuple[str, str, str]) -> None:
        self.style, self.activations = style, activations

    def product(self, letter: str, gate: str, operand: Symbol) -> Symbol:
        """Return `x_t @ W_i + b_i`."""
        style, reads = self.style, self.style.terms[letter].reads
        weights = named(style.weights(letter, gate))
        if reads == "each":
            return weights * operand
        product = Symbol("@", (operand, weights), gate=gate)
        row = 0 if reads == "inputs" else 1
        return product + named(style.bias(row, gate)) if row < style.rows else product

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
        return self._with(Plain(self.style.matrix_first))

    def latex(self) -> tuple[str, ...]:
        """Return the same for LaTeX's math mode."""
        return self._with(Latex(self.style.matrix_first))

    def _with(self, pen: "Plain") -> tuple[str, ...]:
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
    states = tuple(named(f"{state}_{{t-1}}") for state in cell.states)
    last = activation if output_activation is None else output_activation
    parts = _Symbols(style, (activation, recurrent_activation, last))
    h, *others = cell.step(parts, named("x_t"), *states)
    outcome = (Symbol("@", (h, named(PROJECTION))) if projected else h, *others)
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
    return "" if node.operator in ARITHMETIC else next(_gates(node.parts[0]), "")


def _gates(node: Symbol) -> Iterator[str]:
    """Yield the gates projected from the input, up to the next activation."""
    if node.operator == "@" and node.parts[0].text == "x_t":
        yield node.gate
    elif node.operator in ARITHMETIC:
        for part in node.parts:
            yield from _gates(part)
