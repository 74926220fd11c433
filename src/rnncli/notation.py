"""How expressions are written: in Keras's notation, in PyTorch's, and for LaTeX.

In Keras's notation `*` is element by element, `@` the matrix product, as in NumPy; in PyTorch's a
matrix stands before the vector that it multiplies.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rnncli.cell import Cell


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
        return Symbol("-", (named(str(other)), self))

    def walk(self) -> Iterator["Symbol"]:
        """Yield the parts, innermost first, then the expression itself."""
        for part in self.parts:
            yield from part.walk()
        yield self


def named(text: str) -> Symbol:
    """Return a name."""
    return Symbol("name", text=text)


ARITHMETIC = ("name", "+", "*", "-", "@")


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


class Plain:
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
            loose = [part.operator in ARITHMETIC[1:] and part.operator != "-"
                     and id(part) not in names for part in node.parts]  # fmt: skip
            parts = [self.grouped(text) if wrap else text
                     for text, wrap in zip(parts, loose, strict=True)]  # fmt: skip
            return self.times.join(parts) if node.operator == "*" else self.product(*parts)
        return parts[0] if node.operator == "linear" else self.applied(node.operator, parts[0])


_FUNCTIONS = {"tanh": r"\tanh", "sigmoid": r"\sigma"}  # that LaTeX has a sign for


class Latex(Plain):
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
