"""One step of a cell, written down as it runs, so that gradients can go back through it.

That is reverse accumulation (Linnainmaa, 1970): a cell's own `step` runs on values that remember
what they were made of.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnncli.cell import Parts
from rnncli.kernels.activations import described
from rnncli.kernels.reference import Name, Reference
from rnncli.layers.op import Array

Back = Callable[[Array], Array]


class Taped:
    """A value `(1, units)` and its `sources`: the values it was made of, each with what gives the
    gradient `(n, units)` by that value from the gradient by this one."""

    __array_ufunc__ = None  # an array on the left leaves the operation to this class

    def __init__(self, tape: "list[Taped]", value: Array, *sources: "tuple[Taped, Back]") -> None:
        self.tape, self.value, self.sources = tape, value, sources
        tape.append(self)

    def made(self, value: Array, back: Back) -> "Taped":
        """Return a value made of this one."""
        return Taped(self.tape, value, (self, back))

    def __add__(self, other: "Taped | Array | float") -> "Taped":
        """Return the sum."""
        if isinstance(other, Taped):
            return Taped(self.tape, self.value + other.value, (self, _same), (other, _same))
        return self.made(self.value + other, _same)

    __radd__ = __add__

    def __neg__(self) -> "Taped":
        """Return the value with the other sign."""
        return self.made(-self.value, np.negative)

    def __sub__(self, other: "Taped | Array | float") -> "Taped":
        """Return the difference."""
        return self + (-other)

    def __rsub__(self, other: Array | float) -> "Taped":
        """Return the difference, this taken away."""
        return -self + other

    def __mul__(self, other: "Taped | Array | float") -> "Taped":
        """Return the product, element by element."""
        if isinstance(other, Taped):
            one, two = self.value, other.value
            return Taped(self.tape, one * two, (self, lambda gradient: gradient * two),
                         (other, lambda gradient: gradient * one))  # fmt: skip
        return self.made(self.value * other, lambda gradient: gradient * other)

    __rmul__ = __mul__


def _same(gradient: Array) -> Array:
    return gradient


class _TapedParts(Parts):
    """What a step is handed; an input is a plain array."""

    def __init__(self, of: Reference, names: Sequence[Name]) -> None:
        self.of, self.activations = of, [described(name) for name in names]

    def product(self, letter: str, gate: str, operand: Any) -> Any:
        """Return an operand times the weights of a gate, and their bias."""
        of, term = self.of, self.of.terms[letter]
        weights = of.shares[letter][gate]
        row = {"inputs": 0, "units": 1}.get(term.reads, len(of.rows))
        bias = of.rows[row][gate] if row < len(of.rows) else 0.0
        if not isinstance(operand, Taped):
            return of.multiply(term, operand, weights) + bias
        return operand.made(of.multiply(term, operand.value, weights) + bias,
                            lambda gradient: of.multiply(term, gradient, weights.T))  # fmt: skip

    def activation(self, value: Any) -> Any:
        """Return the activation of the candidate."""
        return self._applied(0, value)

    def recurrent_activation(self, value: Any) -> Any:
        """Return the activation of the gates."""
        return self._applied(1, value)

    def output_activation(self, value: Any) -> Any:
        """Return the activation of the state that is given out."""
        return self._applied(2, value)

    def _applied(self, index: int, value: Any) -> Any:
        found = self.activations[index]
        if not isinstance(value, Taped):
            return found.function(value)
        pull, x = found.pull, value.value
        assert pull is not None  # `lacking` names such an activation
        return value.made(found.function(x), lambda gradient: pull(x, gradient))


class Backward:
    """Takes gradients back through steps of a cell, in float64."""

    def __init__(self, reference: Reference, names: Sequence[Name]) -> None:
        weights = {t.name: np.concatenate(list(reference.shares[t.letter].values()), axis=-1)
                   for t in reference.cell.weights}  # fmt: skip
        bias = [np.concatenate(list(row.values())) for row in reference.rows]
        self.reference = Reference(
            reference.cell, {**weights, "bias": np.stack(bias) if bias else None},
            names, dtype="float64", projection=reference.projection,
        )  # fmt: skip
        self.parts = _TapedParts(self.reference, names)
        self.lacking = next((str(name) for name, each in
                             zip(names, self.parts.activations, strict=True)
                             if each.pull is None), None)  # fmt: skip

    def through(
        self, x: Array, states: Sequence[Array], gradient: Sequence[Array]
    ) -> tuple[Array, ...]:
        """Return the gradients by the states before a step, of those by the states after it.

        `x` is the input `(inputs,)`, `states` `(units,)` are those before the step; a gradient is
        `(n, units)` for each state.
        """
        tape: list[Taped] = []
        before = [Taped(tape, state[None].astype(np.float64)) for state in states]
        after = self.reference.cell.step(self.parts, x[None].astype(np.float64), *before)
        held: dict[Taped, Array] = {}
        for index, (node, each) in enumerate(zip(after, gradient, strict=True)):
            if isinstance(node, Taped):
                projection = self.reference.projection if index == 0 else None
                _add(held, node, each if projection is None else each @ projection.T)
        for node in reversed(tape):
            if node in held and node.sources:
                found = held.pop(node)
                for source, back in node.sources:
                    _add(held, source, back(found))
        tape.clear()  # which the values know
        return tuple(
            held[node] if node in held else np.zeros((len(gradient[0]), node.value.shape[1]))
            for node in before
        )


def _add(held: dict[Taped, Array], node: Taped, gradient: Array) -> None:
    held[node] = held[node] + gradient if node in held else gradient
