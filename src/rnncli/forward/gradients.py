"""How far a gradient reaches back: the derivative of the last state with respect to earlier ones.

It goes back through the cell's own `step`, from the last step to the first (Pascanu, Mikolov &
Bengio, 2013). Of a long sequence the last steps are kept as they were; those before become products
of their Jacobians, a block after another, so that the derivative by the first state is exact in
bounded memory.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from rnncli.forward.tape import Backward
from rnncli.kernels.reference import Name, Reference
from rnncli.layers.op import Array

KEPT = 1000  # steps from the end, that are taken back one by one
BLOCK = 64  # steps before them, whose Jacobians become one
SHOWN = (1, 10, 100)  # steps back; the first step comes on top
POINTS = 128  # of the series
VANISHED, EXPLODED = 1e-3, 1e3
_WORK = 1e12  # multiply-accumulates of one cell; half a minute on one core
_MEMORY = 2**26  # bytes of the products of one cell
Progress = Callable[[int, int], None]


class _Taken(NamedTuple):
    """A step of the run: its input and the states before it."""

    x: Array
    states: tuple[Array, ...]


class _Product(NamedTuple):
    """The derivative of the states after so many steps by those before them, side by side."""

    steps: int
    matrix: Array


class Derivative:
    """The derivative of the last `h` by each state at one step, `(outputs, units)`."""

    def __init__(self, parts: Sequence[Array]) -> None:
        self.parts = parts

    @cached_property
    def norms(self) -> tuple[float, ...]:
        """The spectral norm by each state."""
        return tuple(float(np.linalg.norm(part, 2)) for part in self.parts)

    def reaches(self, limit: float) -> bool:
        """Whether the largest norm is at least `limit`; where Frobenius's tells, it is enough."""
        frobenius = max(float(np.linalg.norm(part)) for part in self.parts)
        if frobenius < limit or frobenius >= limit * sqrt(len(self.parts[0])):
            return frobenius >= limit
        return max(self.norms) >= limit


class Flow:
    """One sequence through a cell, and what the gradient does on it.

    `names` are the activations: of the candidate, of the gates, of the output.
    """

    def __init__(self, reference: Reference, names: Sequence[Name]) -> None:
        self.states = reference.cell.states
        self.backward = Backward(reference, names)
        self.sizes = [reference.outputs, *[reference.units] * (len(self.states) - 1)]
        products = reference.cell.macs_per_step(0, reference.units, reference.outputs)
        self.row = max(products, 1)  # multiply-accumulates of a row of a gradient through a step
        self.most = max(2, min(POINTS, _MEMORY // (8 * sum(self.sizes) ** 2) // 2 * 2))
        self.begin()

    def begin(self) -> None:
        """Start a sequence."""
        self.recent: list[_Taken] = []
        self.products: list[_Product] | None = []  # None: they would take too long
        self.size, self.steps = BLOCK, 0

    def add(self, x: Array, states: tuple[Array, ...]) -> None:
        """Take a step that the mask lets count: its input `(inputs,)` and the states `(units,)`
        before it."""
        self.steps += 1
        if self.steps == 1 or self.backward.lacking:  # before the first lies no step's state
            return
        self.recent.append(_Taken(x.copy(), tuple(state.copy() for state in states)))
        if len(self.recent) == KEPT + BLOCK:
            self._fold()

    def _fold(self) -> None:
        """Make one product of the oldest steps; of two products one where there are many."""
        steps, self.recent = self.recent[:BLOCK], self.recent[BLOCK:]
        if self.products is None or self.steps * self.row * sum(self.sizes) > 2 * _WORK:
            self.products = None
            return
        found = self._split(np.eye(sum(self.sizes)))
        for step in reversed(steps):
            found = self.backward.through(step.x, step.states, found)
        product = _Product(BLOCK, np.concatenate(found, axis=1))
        if self.products and self.products[-1].steps < self.size:
            product = _after(self.products.pop(), product)
        self.products.append(product)
        if len(self.products) == self.most and product.steps == self.size:
            pairs = zip(self.products[::2], self.products[1::2], strict=True)
            self.products = [_after(*pair) for pair in pairs]
            self.size *= 2

    def _split(self, matrix: Array) -> tuple[Array, ...]:
        return tuple(np.split(matrix, np.cumsum(self.sizes)[:-1], axis=1))

    def walk(self) -> Iterator[tuple[int, Derivative]]:
        """Yield the derivative for 1, 2, ... steps back, for fewer of them beyond `KEPT`, as far as
        it is a number and can be had in reasonable time."""
        found = self._split(np.eye(self.sizes[0], sum(self.sizes)))
        backs = 0
        for step in self.recent[: -self.reach - 1 : -1]:
            found = self.backward.through(step.x, step.states, found)
            if not all(np.isfinite(each).all() for each in (*step.states, *found)):
                return
            backs += 1
            yield backs, Derivative(found)
        for product in reversed(self.products or ()) if backs == len(self.recent) else ():
            found = self._split(np.concatenate(found, axis=1) @ product.matrix)
            if not all(np.isfinite(each).all() for each in found):
                return
            backs += product.steps
            yield backs, Derivative(found)

    @property
    def reach(self) -> int:
        """How many of the last steps can be taken back in reasonable time."""
        return int(_WORK // (self.row * self.sizes[0]))

    def figures(self, progress: Progress | None = None) -> dict[str, Any]:
        """Return the contract's figures: of some steps the norms by state, and the verdict."""
        backs = [back for back in SHOWN if back < self.steps - 1]
        backs += [self.steps - 1] if self.steps > 1 else []
        count = len(self.recent) + len(self.products or ())
        cost = 12 * self.sizes[0] ** 2 * sum(self.sizes)  # of the norms of a point
        every = max(1, -(-count // POINTS), int(count * cost // _WORK))
        course, points = Course(), {}
        for number, (back, derivative) in enumerate(self.walk(), 1):
            course.take(back, derivative)
            if back in backs or number % every == 0:
                points[back] = derivative.norms
            if progress is not None:
                progress(number, count)
        return {
            "gradient": [self._row(back, points) for back in backs],
            "gradient_flow": course.verdict(),
            "gradient_series": [self._row(back, points) for back in reversed(points)],
            "gradient_lacks": self._lacks(),
        }

    def _row(self, back: int, points: dict[int, tuple[float, ...]]) -> dict[str, Any]:
        norms = points.get(back, (None,) * len(self.states))
        return {"step": self.steps - back, "back": back,
                **dict(zip(self.states, norms, strict=True))}  # fmt: skip

    def _lacks(self) -> str | None:
        """Return why some norms are not computed, None where that is not so."""
        if self.backward.lacking:
            return f"{self.backward.lacking} has no derivative within one sequence"
        reach = min(self.reach, len(self.recent))
        if reach == len(self.recent) and self.products is not None:
            return None
        return (
            f"no more than {reach:,} steps: more would take minutes with {self.sizes[-1]:,} units"
        )


def _after(first: _Product, then: _Product) -> _Product:
    """Return the product of two runs of steps."""
    return _Product(first.steps + then.steps, then.matrix @ first.matrix)


class Course:
    """What the gradient does, as it is followed back."""

    def __init__(self) -> None:
        self.back = 0
        # The first point below, and the first above: steps back, and since the point before.
        self.fell = self.rose = (0, 0)
        self.last: Derivative | None = None

    def take(self, back: int, derivative: Derivative) -> None:
        """Take the derivative so many steps back."""
        point = (back, back - self.back)
        self.back, self.last = back, derivative
        if derivative.reaches(VANISHED):
            self.fell = (0, 0)
        elif not self.fell[0]:
            self.fell = point
        if not self.rose[0] and derivative.reaches(EXPLODED):
            self.rose = point

    def verdict(self) -> dict[str, Any] | None:
        """Return what the gradient does and after how many steps: it vanishes, explodes or holds.

        It vanishes where it falls below 0.001 and stays there, and explodes where it ends above
        1,000; `exact` where the step before it is known not to.
        """
        if self.last is None:
            return None
        if self.fell[0]:
            return _said("vanishes", *self.fell)
        if self.last.reaches(EXPLODED):
            return _said("explodes", *self.rose)
        return _said("holds", self.back, 1)


def _said(verdict: str, steps: int, between: int) -> dict[str, Any]:
    return {"verdict": verdict, "steps": steps, "exact": between == 1}
