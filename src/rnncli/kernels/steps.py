"""The step of each cell as in-place calls, on arrays allocated once per run.

Arrays have the batch last, `(units, batch)`, in which each gate is one contiguous slab; for a
batch of 1 they are vectors. Views are made before the first step, and a product is the method
`dot`, which is called faster than the function.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnncli.cell import Step
from rnncli.cells import GRU, GRU_RESET_BEFORE, LSTM, SIMPLE_RNN
from rnncli.kernels.activation_layers import Array
from rnncli.kernels.folding import Folded, InPlace
from rnncli.kernels.gemm import in_slabs, slab_rows

Take = Callable[[int, int], None]  # take the steps of a block from the first number to the second


class Prepared(NamedTuple):
    """The weights of a cell, gates in the order of `Fast`, with what activations fold into them.

    `recurrent` holds `(gates * units, outputs)`, in two where a reset gate acts before the product;
    it has one more column, the bias, where `h` has a last row of ones. `gain` is how many times too
    large `h` is carried.
    """

    units: int
    outputs: int
    recurrent: Sequence[Array]
    projection: Array | None
    inner: Folded
    outer: Folded
    squash: InPlace
    gain: float
    ones_row: bool


class Product(NamedTuple):
    """The factors of a product at each step, and where it goes if it is made in slabs."""

    left: list[Array]
    right: list[Array]
    slabs: Array | None

    def make(self, out: Array) -> None:
        """Multiply the only pair of factors."""
        if self.slabs is None:
            self.left[0].dot(self.right[0], out)
        else:
            np.matmul(self.left[0], self.right[0], out=self.slabs)


class Workspace:
    """The arrays of a run: `h` before and after each step, projections, the gates of one step."""

    def __init__(self, weights: Prepared, size: int, batch: int, columns: int, dtype: Any) -> None:
        tail = () if batch == 1 else (batch,)
        states = np.ones((size + 1, weights.outputs + weights.ones_row, *tail), dtype)
        self.states = list(states)
        self.h = list(states[:, : weights.outputs]) if weights.ones_row else self.states
        self.outputs = states[1:, : weights.outputs]
        # Without gates, a projection turns into the output where it is.
        alone = columns == weights.units
        self.parts = states[1:] if alone else np.empty((size, columns, *tail), dtype)
        self.gates = np.empty((columns + weights.units, *tail), dtype)  # and c below them
        self.weights, self.dtype, self.vector = weights, dtype, batch == 1

    def product(self, weights: Array, states: list[Array], out: Array) -> Product:
        """Return how to multiply `weights` by each of the states into `out`."""
        if self.vector:  # vectors are faster on the left
            return Product(states, [np.ascontiguousarray(weights.T)] * len(states), None)
        rows = slab_rows(weights, out.shape[-1])
        if rows == len(weights):
            return Product([weights] * len(states), states, None)
        return Product([in_slabs(weights, rows)] * len(states), states, in_slabs(out, rows))

    def scalar(self, value: float) -> Array:
        """Return a number that ufuncs need not convert."""
        return np.asarray(value, self.dtype)


def simple_rnn(room: Workspace) -> Take:
    """Return the steps of a SimpleRNN."""
    apply, z = room.weights.inner.apply, room.gates[: room.weights.units]
    left, right, slabs = room.product(room.weights.recurrent[0], room.states[:-1], z)
    rows = list(zip(left, right, room.states[1:], strict=True))
    add, matmul = np.add, np.matmul

    def take(start: int, stop: int) -> None:
        for left, right, after in rows[start:stop]:
            if slabs is None:
                left.dot(right, z)
            else:
                matmul(left, right, slabs)
            add(z, after, after)
            apply(after, after)

    return take


def lstm(room: Workspace) -> Take:
    """Return the steps of an LSTM."""
    weights, units = room.weights, room.weights.units
    z, c = room.gates[: 4 * units], room.gates[4 * units :]
    gates, o, candidate = z[: 3 * units], z[:units], z[3 * units :]
    before, below = room.gates[units : 3 * units], room.gates[3 * units :]
    products = np.empty_like(below)
    new, kept = products[:units], products[units:]
    outer, inner, squash = weights.outer.apply, weights.inner.apply, weights.squash
    joint, plus_one = outer is inner, weights.outer.plus_one
    one, share = room.scalar(1), room.scalar(1 / weights.outer.gain)
    projection = weights.projection
    squashed = [np.empty_like(c)] * len(room.parts) if projection is not None else room.h[1:]
    left, right, slabs = room.product(weights.recurrent[0], room.states[:-1], z)
    rows = list(zip(left, right, room.parts, squashed, room.h[1:], strict=True))
    add, multiply, matmul = np.add, np.multiply, np.matmul

    def take(start: int, stop: int) -> None:
        for left, right, part, value, after in rows[start:stop]:
            if slabs is None:
                left.dot(right, z)
            else:
                matmul(left, right, slabs)
            add(z, part, z)
            if joint:
                outer(z, z)
            else:
                outer(gates, gates)
                inner(candidate, candidate)
            if plus_one:
                add(gates, one, gates)
            multiply(before, below, products)
            add(new, kept, c)
            multiply(c, share, c)
            squash(c, value)
            multiply(value, o, value)
            if projection is not None:
                projection.dot(value, after)

    return take


def gru(room: Workspace) -> Take:
    """Return the steps of a GRU; `h` has a row of ones where the reset gate scales the product."""
    weights, units = room.weights, room.weights.units
    z = room.gates[: 3 * units]
    gates, candidate = z[: 2 * units], z[2 * units :]
    update, reset = np.split(gates, 2)
    held = np.empty_like(update)
    outer, inner, plus_one = weights.outer.apply, weights.inner.apply, weights.outer.plus_one
    one, share = room.scalar(1), room.scalar(1 / weights.outer.gain)
    late = weights.ones_row
    below = None if late else room.product(weights.recurrent[1], [held], candidate)
    parts = room.parts[:, : 2 * units], room.parts[:, 2 * units :]
    product = z if late else gates
    left, right, slabs = room.product(weights.recurrent[0], room.states[:-1], product)
    rows = list(zip(left, right, *parts, room.h[:-1], room.h[1:], strict=True))
    add, subtract, multiply, matmul = np.add, np.subtract, np.multiply, np.matmul

    def take(start: int, stop: int) -> None:
        for left, right, first, second, h, after in rows[start:stop]:
            if slabs is None:
                left.dot(right, product)
            else:
                matmul(left, right, slabs)
            add(gates, first, gates)
            outer(gates, gates)
            if plus_one:
                add(gates, one, gates)
            if below is None:
                multiply(candidate, reset, candidate)
            else:
                multiply(h, reset, held)
                below.make(candidate)
            add(candidate, second, candidate)
            inner(candidate, candidate)
            subtract(h, candidate, after)
            multiply(after, update, after)
            multiply(after, share, after)
            add(after, candidate, after)

    return take


class Fast(NamedTuple):
    """How a cell's step is run fast.

    `order` is that in which its gates stand here: those of the recurrent activation first, the
    candidate last. `gains`: the output is carried too large. `reset` says whether a reset gate acts
    `before` or `after` the recurrent product, if there is one.
    """

    order: tuple[str, ...]
    steps: Callable[[Workspace], Take]
    gains: bool = False
    reset: str = ""


# By the step that each is the fast form of. LSTM's i and f come before the candidate and c, so that
# one multiplication takes each to its own.
STEPS: dict[Step, Fast] = {
    SIMPLE_RNN.step: Fast(("h",), simple_rnn),
    LSTM.step: Fast(("o", "i", "f", "c"), lstm, gains=True),
    GRU.step: Fast(("z", "r", "h"), gru, reset="after"),
    GRU_RESET_BEFORE.step: Fast(("z", "r", "h"), gru, reset="before"),
}
