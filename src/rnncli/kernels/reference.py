"""A cell run step by step as its description reads: for cells without a fast step, for looking
inside, and for tests."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rnncli.activation_names import Applied
from rnncli.cell import Cell, Parts, Term
from rnncli.kernels.activation_layers import Array, Function
from rnncli.kernels.activations import activation

Name = str | Applied | None  # of an activation; None: linear
Observe = Callable[[int, dict[str, Array], tuple[Array, ...]], None]
Multiply = Callable[[Term, Array, Array], Array]  # a value times a gate's share of some weights


class Outcome(NamedTuple):
    """The last output `(batch, units)`, as Keras defines it under a mask, and the final states."""

    last: Array
    states: tuple[Array, ...]


def multiplied(term: Term, value: Array, weights: Array) -> Array:
    """Return the matrix product; of weights that hold one value per unit, that of each value."""
    product: Array = value * weights if term.reads == "each" else value @ weights
    return product


class Reference:
    """One direction of one cell, run as its `step` reads. It takes what a `Recurrence` takes.

    `weights` are in Keras's layout, by the names of the cell's terms, and `bias`; `projection`
    `(units, outputs)` is that of PyTorch's `proj_size`. `multiply` makes the products: convolutions
    where a state is an image of the sizes `space`.
    """

    def __init__(
        self,
        cell: Cell,
        weights: Mapping[str, Array | None],
        activations: Sequence[Name] = ("tanh", "sigmoid"),
        *,
        dtype: str = "float32",
        projection: Array | None = None,
        multiply: Multiply = multiplied,
        space: tuple[int, ...] = (),
    ) -> None:
        self.cell, self.dtype, self.space = cell, np.dtype(dtype), space
        self.terms = {term.letter: term for term in cell.weights}
        self.shares = {t.letter: self._shares(t.gates, weights[t.name]) for t in cell.weights}
        self.rows = self._bias(weights.get("bias"))
        self.functions = [activation(name) for name in activations]
        self.projection, self.multiply = self._typed(projection), multiply
        self.units = self._units()
        self.outputs = self.units if projection is None else projection.shape[1]

    def _typed(self, array: Array | None) -> Array | None:
        return None if array is None else np.asarray(array, self.dtype)

    def _shares(self, gates: tuple[str, ...], weights: Array | None) -> dict[str, Array]:
        assert weights is not None
        parts = np.split(np.asarray(weights, self.dtype), len(gates), axis=-1)
        return dict(zip(gates, parts, strict=True))

    def _bias(self, bias: Array | None) -> list[dict[str, Array]]:
        """Return the value of each gate in each bias row."""
        rows = [] if bias is None else list(np.atleast_2d(bias))
        return [self._shares(self.cell.gates, row) for row in rows]

    def _units(self) -> int:
        shares = next(iter(self.shares.values()))
        return int(next(iter(shares.values())).shape[-1])

    def zero_states(self, batch: int) -> tuple[Array, ...]:
        """Return zeros for each state, `(batch, units)`."""
        sizes = [self.outputs, *[self.units] * (len(self.cell.states) - 1)]
        return tuple(np.zeros((batch, *self.space, size), self.dtype) for size in sizes)

    def run(
        self,
        x: Array,
        states: Sequence[Array] | None = None,
        *,
        mask: Array | None = None,
        sequence: Array | None = None,
        zero_output_for_mask: bool = False,
        previous: Array | None = None,
        observe: Observe | None = None,
    ) -> Outcome:
        """Return the outcome of all steps of `x` `(batch, time, inputs)`.

        As of a `Recurrence`; `observe(step, gates, states)` sees the value of each gate and the
        states after each step.
        """
        now = self.zero_states(len(x)) if states is None else tuple(states)
        last = np.zeros_like(now[0]) if previous is None else previous
        for step in range(x.shape[1]):
            after, gates = self.step(np.asarray(x[:, step], self.dtype), now)
            output = after[0]
            if mask is not None:
                kept = mask[:, step].astype(bool).reshape(-1, *[1] * (output.ndim - 1))
                after = tuple(np.where(kept, new, old) for new, old in zip(after, now, strict=True))
                output = np.where(kept, output, 0 if zero_output_for_mask else last)
            now, last = after, output
            if sequence is not None:
                sequence[:, step] = output
            if observe is not None:
                observe(step, gates, now)
        return Outcome(last, now)

    def step(self, x: Array, states: Sequence[Array]) -> tuple[tuple[Array, ...], dict[str, Array]]:
        """Return the states after one step of `x` `(batch, inputs)`, and the value of each gate."""
        arrays = _Arrays(self)
        after = self.cell.step(arrays, x, *states)
        if self.projection is not None:
            after = (after[0] @ self.projection, *after[1:])
        return after, arrays.seen


class _Arrays(Parts):
    """What a step is handed, and the value of each gate once it has been called."""

    def __init__(self, of: Reference) -> None:
        self.of, self.functions = of, of.functions
        self.seen: dict[str, Array] = {}
        self.asked: list[str] = []  # gates whose input was read, and that no activation has seen

    def product(self, letter: str, gate: str, operand: Array) -> Array:
        """Return an operand times the weights of a gate, and their bias."""
        of, term = self.of, self.of.terms[letter]
        product = of.multiply(term, operand, of.shares[letter][gate])
        if term.reads == "inputs":
            self.asked.append(gate)
        row = {"inputs": 0, "units": 1}.get(term.reads, len(of.rows))
        return product + of.rows[row][gate] if row < len(of.rows) else product

    def activation(self, value: Array) -> Array:
        """Return the activation of the candidate."""
        return self._noted(self.functions[0], value)

    def recurrent_activation(self, value: Array) -> Array:
        """Return the activation of the gates."""
        return self._noted(self.functions[1], value)

    def output_activation(self, value: Array) -> Array:
        """Return the activation of the state that is given out."""
        return self.functions[-1 if len(self.functions) > 2 else 0](value)

    def _noted(self, function: Function, value: Array) -> Array:
        """Return the activation, noting its result as that of the gate asked for before it."""
        result = function(value)
        if self.asked:
            self.seen[self.asked.pop()] = result
        return result
