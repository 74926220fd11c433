"""The equations of a cell: its `step` run on symbols.

`*` is element by element, `@` the matrix product, as in NumPy.
"""

from collections.abc import Iterator
from dataclasses import dataclass

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


class _Symbols(Parts):
    """Products and activations written down; `rows` is how many bias values each unit has."""

    def __init__(self, cell: Cell, activations: tuple[str, str, str], rows: int) -> None:
        self.terms = {term.letter: term for term in cell.weights}
        self.activations, self.rows = activations, rows

    def product(self, letter: str, gate: str, operand: Symbol) -> Symbol:
        """Return `x_t @ W_i + b_i`."""
        reads = self.terms[letter].reads
        weights = _name(f"{letter}_{gate}")
        if reads == "each":
            return weights * operand
        product = Symbol("@", (operand, weights), gate=gate)
        row = 0 if reads == "inputs" else 1
        return product + _name(bias_name(gate, row, self.rows)) if row < self.rows else product

    def activation(self, value: Symbol) -> Symbol:
        """Return the activation of the candidate."""
        return Symbol(self.activations[0], (value,))

    def recurrent_activation(self, value: Symbol) -> Symbol:
        """Return the activation of the gates."""
        return Symbol(self.activations[1], (value,))

    def output_activation(self, value: Symbol) -> Symbol:
        """Return the activation of the state that is given out."""
        return Symbol(self.activations[2], (value,))


def equations(
    cell: Cell,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    bias_terms: int | None = None,
    output_activation: str | None = None,
) -> tuple[str, ...]:
    """Return one line per gate and state, such as `h_t = tanh(x_t @ W_h + b_h + h_{t-1} @ U_h)`.

    `bias_terms` is 0, 1 or 2 values per unit and gate; None: as many as the cell stores.
    `output_activation` None: the activation.
    """
    rows = cell.bias_rows if bias_terms is None else bias_terms
    states = tuple(_name(f"{state}_{{t-1}}") for state in cell.states)
    last = activation if output_activation is None else output_activation
    parts = _Symbols(cell, (activation, recurrent_activation, last), rows)
    outcome = cell.step(parts, _name("x_t"), *states)
    names: dict[int, str] = {id(node): f"{state}_t" for state, node in zip(cell.states, outcome,
                                                                          strict=True)}  # fmt: skip
    lines: dict[str, Symbol] = {}
    for node in outcome:
        for part in node.walk():
            gate = _projected(part)
            if gate and id(part) not in names:
                names[id(part)] = f"{cell.symbol(gate)}_t"
            if id(part) in names:
                lines.setdefault(names[id(part)], part)
    order = _in_order(lines, names, cell)
    return tuple(f"{name} = {_show(lines[name], names, top=True)}" for name in order)


def bias_name(gate: str, row: int, rows: int) -> str:
    """Return `b_z`, or where a cell has two bias rows `bx_z` and `bh_z`."""
    return f"b_{gate}" if rows == 1 else f"{('bx', 'bh')[row]}_{gate}"


def _in_order(lines: dict[str, Symbol], names: dict[int, str], cell: Cell) -> list[str]:
    """Return the names of the lines by rank, each after those that it needs."""
    left = sorted(lines, key=lambda name: _rank(name, cell))
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


def _rank(name: str, cell: Cell) -> tuple[int, int]:
    """Order the lines: gates in the cell's order, then the states, the output last."""
    symbol = name.removesuffix("_t")
    if symbol.rstrip("'") in cell.gates and (symbol.endswith("'") or symbol not in cell.states):
        return (0, cell.gates.index(symbol.rstrip("'")))
    return (1, -cell.states.index(symbol))


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


def _show(node: Symbol, names: dict[int, str], top: bool = False) -> str:
    if not top and id(node) in names:
        return names[id(node)]
    if node.operator == "name":
        return node.text
    parts = [_show(part, names) for part in node.parts]
    if node.operator == "+":
        return " + ".join(parts)
    if node.operator == "-":
        return f"({' - '.join(parts)})"
    if node.operator in ("*", "@"):
        loose = [part.operator in _ARITHMETIC[1:] and part.operator != "-" for part in node.parts]
        parts = [
            f"({text})" if wrap and id(part) not in names else text
            for text, wrap, part in zip(parts, loose, node.parts, strict=True)
        ]
        return f" {node.operator} ".join(parts)
    return parts[0] if node.operator == "linear" else f"{node.operator}({parts[0]})"
