"""The equations of a cell: its `step` run on symbols.

`*` is element by element, `@` the matrix product, as in NumPy.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rnncli.cells import Activation, Cell


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


def equations(
    cell: Cell,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    bias_terms: int | None = None,
) -> tuple[str, ...]:
    """Return one line per gate and state, such as `h_t = tanh(x_t @ W_h + b_h + h_{t-1} @ U_h)`.

    `bias_terms` is 0, 1 or 2 values per unit and gate; None: as many as the cell stores.
    """
    rows = cell.bias_rows if bias_terms is None else bias_terms
    states = tuple(_name(f"{state}_{{t-1}}") for state in cell.states)

    def inputs(gate: str) -> Symbol:
        product = Symbol("@", (_name("x_t"), _name(f"W_{gate}")), gate=gate)
        return product + _name(bias_name(gate, 0, rows)) if rows else product

    def recurrent(gate: str, state: Symbol) -> Symbol:
        product = Symbol("@", (state, _name(f"U_{gate}")), gate=gate)
        return product + _name(bias_name(gate, 1, rows)) if rows == 2 else product

    def apply(name: str) -> Activation:
        return lambda value: Symbol(name, (value,))

    outcome = cell.step(inputs, recurrent, apply(activation), apply(recurrent_activation), *states)
    names: dict[int, str] = {id(node): f"{state}_t" for state, node in zip(cell.states, outcome,
                                                                          strict=True)}  # fmt: skip
    lines: dict[str, Symbol] = {}
    for node in outcome:
        for part in node.walk():
            gate = _projected(part)
            if gate and id(part) not in names:
                names[id(part)] = f"{gate}'_t" if gate in cell.states else f"{gate}_t"
            if id(part) in names:
                lines.setdefault(names[id(part)], part)
    order = sorted(lines, key=lambda name: _rank(name, cell))
    return tuple(f"{name} = {_show(lines[name], names, top=True)}" for name in order)


def bias_name(gate: str, row: int, rows: int) -> str:
    """Return `b_z`, or where a cell has two bias rows `bx_z` and `bh_z`."""
    return f"b_{gate}" if rows == 1 else f"{('bx', 'bh')[row]}_{gate}"


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
