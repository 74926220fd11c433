"""How far a gradient reaches back: the derivative of the last state with respect to earlier ones.

A cell's own `step`, run on dual numbers at the states of the run, gives the Jacobian of each step;
their product, from the last step back, is `dh_T / dh_t` (Pascanu, Mikolov & Bengio, 2013).
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rnncli.cells import Parts
from rnncli.kernels.derivatives import moved
from rnncli.kernels.reference import Name, Reference
from rnncli.layers.op import Array

STEPS = 1000  # from the end, that are kept
SHOWN = (1, 10, 100)  # steps back; the first step comes on top
VANISHED, EXPLODED = 1e-3, 1e3
_WORK = 2e11  # multiply-accumulates for one cell; some seconds


class Dual:
    """A value `(units,)` and how it moves along n directions, `tangent` `(n, units)`."""

    __array_ufunc__ = None  # an array on the left leaves the operation to this class

    def __init__(self, value: Array, tangent: Array) -> None:
        self.value, self.tangent = value, tangent

    def __add__(self, other: "Dual | Array | float") -> "Dual":
        """Return the sum."""
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.tangent + other.tangent)
        return Dual(self.value + other, self.tangent)

    __radd__ = __add__

    def __neg__(self) -> "Dual":
        """Return the value with the other sign."""
        return Dual(-self.value, -self.tangent)

    def __sub__(self, other: "Dual | Array | float") -> "Dual":
        """Return the difference."""
        return self + (-other)

    def __rsub__(self, other: Array | float) -> "Dual":
        """Return the difference, this taken away."""
        return -self + other

    def __mul__(self, other: "Dual | Array | float") -> "Dual":
        """Return the product, element by element."""
        if isinstance(other, Dual):
            tangent = self.tangent * other.value + self.value * other.tangent
            return Dual(self.value * other.value, tangent)
        return Dual(self.value * other, self.tangent * other)

    __rmul__ = __mul__


class _Duals(Parts):
    """What a step is handed, on dual numbers; an input is a plain array."""

    def __init__(self, of: Reference, names: Sequence[Name]) -> None:
        self.of, self.names = of, names

    def product(self, letter: str, gate: str, operand: Any) -> Any:
        """Return an operand times the weights of a gate, and their bias."""
        of, term = self.of, self.of.terms[letter]
        weights = of.shares[letter][gate]
        row = {"inputs": 0, "units": 1}.get(term.reads, len(of.rows))
        bias = of.rows[row][gate] if row < len(of.rows) else 0.0
        if not isinstance(operand, Dual):
            return of.multiply(term, operand, weights) + bias
        return Dual(of.multiply(term, operand.value, weights) + bias,
                    of.multiply(term, operand.tangent, weights))  # fmt: skip

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
        function = self.of.functions[index]
        if not isinstance(value, Dual):
            return function(value)
        return Dual(function(value.value), moved(self.names[index], value.value, value.tangent))


class _Taken(NamedTuple):
    """A step of the run: its input and the states before it."""

    x: Array
    states: tuple[Array, ...]


class Flow:
    """The last steps of one sequence through a cell, and what the gradient does on them.

    `names` are the activations: of the candidate, of the gates, of the output.
    """

    def __init__(self, reference: Reference, names: Sequence[Name]) -> None:
        weights = {t.name: np.concatenate(list(reference.shares[t.letter].values()), axis=-1)
                   for t in reference.cell.weights}  # fmt: skip
        bias = [np.concatenate(list(row.values())) for row in reference.rows]
        self.reference = Reference(
            reference.cell, {**weights, "bias": np.stack(bias) if bias else None},
            names, dtype="float64", projection=reference.projection,
        )  # fmt: skip
        self.parts = _Duals(self.reference, names)
        self.taken: deque[_Taken] = deque(maxlen=STEPS)
        self.steps = 0

    def begin(self) -> None:
        """Start a sequence."""
        self.taken.clear()
        self.steps = 0

    def add(self, x: Array, states: tuple[Array, ...]) -> None:
        """Take a step that the mask lets count: its input `(inputs,)` and the states `(units,)`
        before it."""
        self.taken.append(_Taken(x.copy(), tuple(state.copy() for state in states)))
        self.steps += 1

    def jacobian(self, step: _Taken) -> Array:
        """Return the derivative of the states after a step by those before it, `(after, before)`:
        all states side by side."""
        wide = [state.astype(np.float64) for state in step.states]
        sizes = [len(state) for state in wide]
        tangents = np.split(np.eye(sum(sizes)), np.cumsum(sizes)[:-1], axis=1)
        duals = [Dual(value, tangent) for value, tangent in zip(wide, tangents, strict=True)]
        after = self.reference.cell.step(self.parts, step.x.astype(np.float64), *duals)
        columns = [each.tangent if isinstance(each, Dual) else np.zeros((sum(sizes), len(each)))
                   for each in after]  # fmt: skip
        if self.reference.projection is not None:
            columns[0] = columns[0] @ self.reference.projection
        jacobian: Array = np.concatenate(columns, axis=1).T
        return jacobian

    def norms(self) -> list[tuple[float, ...]]:
        """Return for 1, 2, ... steps back how strongly each state there moves the last `h`: the
        spectral norms of the derivatives, as far as they can be computed in seconds."""
        if len(self.taken) < 2:
            return []
        sizes = [len(state) for state in self.taken[-1].states]
        total, columns = sum(sizes), len(self.reference.cell.gates) * self.reference.units
        work = total * sizes[0] * (columns + 2 * total)
        product, found = np.eye(total)[: sizes[0]], []
        # The first step has no state after an earlier step before it, unless steps went before.
        steps = list(self.taken)[1:] if self.steps == len(self.taken) else list(self.taken)
        for step in steps[::-1][: int(_WORK // work)]:
            if not all(np.isfinite(state).all() for state in step.states):
                break
            product = product @ self.jacobian(step)
            if not np.isfinite(product).all():
                break
            blocks = np.split(product, np.cumsum(sizes)[:-1], axis=1)
            found.append(tuple(float(np.linalg.norm(block, 2)) for block in blocks))
        return found

    def figures(self) -> dict[str, Any]:
        """Return the contract's figures: of some steps the norms by state, and the verdict."""
        norms, states = self.norms(), self.reference.cell.states
        backs = [back for back in SHOWN if back < self.steps - 1]
        backs += [self.steps - 1] if self.steps > 1 else []
        unknown = (None,) * len(states)
        rows = [
            {"step": self.steps - back, "back": back,
             **dict(zip(states, norms[back - 1] if back <= len(norms) else unknown, strict=True))}
            for back in backs
        ]  # fmt: skip
        return {"gradient": rows, "gradient_flow": verdict(norms)}


def verdict(norms: Sequence[tuple[float, ...]]) -> dict[str, Any] | None:
    """Return what the gradient does and after how many steps: it vanishes, explodes or holds.

    It vanishes where it falls below 0.001 and stays there, and explodes where it ends above 1,000.
    """
    if not norms:
        return None
    sizes = [max(each) for each in norms]
    if sizes[-1] < VANISHED:
        after = max((back for back, size in enumerate(sizes, 1) if size >= VANISHED), default=0)
        return {"verdict": "vanishes", "steps": after + 1}
    if sizes[-1] > EXPLODED:
        after = next(back for back, size in enumerate(sizes, 1) if size > EXPLODED)
        return {"verdict": "explodes", "steps": after}
    return {"verdict": "holds", "steps": len(sizes)}
