"""The recurrence at the speed of its matrix products.

Weights are prepared once: gates of one activation side by side, scale and bias of the activations
folded in. Input projections are one product per block of steps. A step is then one recurrent
product and in-place operations on preallocated arrays of shape `(units, batch)`, in which each gate
is one contiguous slab.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnncli.cells import Cell
from rnncli.forward.activations import Array
from rnncli.forward.gates import Folded, folded, in_place, plain

BLOCK = 64  # steps whose input projections are computed in one product
BLOCK_BYTES = 1 << 22  # of projections at once: larger blocks leave the cache

# Projections of some steps, h before the first, where the h after each goes.
Steps = Callable[[Sequence[Array], Array, Array], None]

# The order in which a cell's gates stand here: those of the recurrent activation first.
_ORDER = {"SimpleRNN": ("h",), "LSTM": ("i", "f", "o", "c"), "GRU": ("z", "r", "h")}


class Outcome(NamedTuple):
    """The last output `(batch, units)`, as Keras defines it under a mask, and the final states."""

    last: Array
    states: tuple[Array, ...]


class Recurrence:
    """One direction of one recurrent layer, its weights prepared once.

    Takes Keras's layout: `kernel` `(inputs, gates * units)`, `recurrent_kernel`
    `(units, gates * units)`, `bias` `(gates * units,)` or `(2, gates * units)`. `projection`
    `(units, outputs)` is that of PyTorch's `proj_size`; states `h` are then `(batch, outputs)`.
    """

    def __init__(
        self,
        cell: Cell,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array | None = None,
        *,
        activation: str | None = "tanh",
        recurrent_activation: str | None = "sigmoid",
        dtype: str = "float32",
        projection: Array | None = None,
    ) -> None:
        self.cell, self.dtype = cell, np.dtype(dtype)
        self.units = recurrent_kernel.shape[1] // len(cell.gates)
        self.outputs = recurrent_kernel.shape[0]
        self.inner = plain(activation, self.units, self.dtype)
        self.squash = in_place(activation, self.units)
        self.outer = folded(recurrent_activation, self.units, self.dtype)
        self.joint = (activation, recurrent_activation) == ("tanh", "sigmoid")
        rows = np.zeros((2, kernel.shape[1]), np.float64)
        if bias is not None:
            rows[: bias.ndim] = bias
        # A second bias row stays apart only where the recurrent part is gated on its own.
        self.apart = cell.name == "GRU" and cell.bias_rows == 2
        self.kernel = self._prepare(kernel)
        # The output of LSTM is carried `gain` times too large, GRU's reset gate too: the weights
        # that read them make up for it.
        gain = self.outer.gain
        self.gain = gain if cell.name == "LSTM" and projection is None else 1.0
        self.recurrent = self._prepare(recurrent_kernel / self.gain)
        if cell.name == "GRU":
            self.recurrent[2 * self.units :] /= gain
        self.bias, self.recurrent_bias = self._prepare_bias(rows)
        self.projection = (
            None if projection is None else np.ascontiguousarray(projection.T / gain, self.dtype)
        )

    def _folds(self) -> list[tuple[str, Folded]]:
        order = _ORDER[self.cell.name]
        gated = len(order) > 1
        return [
            (gate, self.inner if index == len(order) - 1 or not gated else self.outer)
            for index, gate in enumerate(order)
        ]

    def _slabs(self, weights: Array) -> list[Array]:
        """Return the columns of each gate, in this module's order, each scaled by its activation."""
        parts = dict(zip(self.cell.gates, np.split(weights, len(self.cell.gates), -1), strict=True))
        return [parts[gate] * fold.scale for gate, fold in self._folds()]

    def _prepare(self, weights: Array) -> Array:
        """Return `(gates * units, inputs)`, contiguous, gates in this module's order."""
        slabs = self._slabs(np.asarray(weights))
        return np.ascontiguousarray(np.concatenate(slabs, axis=-1).T, self.dtype)

    def _prepare_bias(self, rows: Array) -> tuple[Array, Array | None]:
        """Return the bias of the projections, and that of GRU's recurrent candidate."""
        shifts = np.concatenate([np.full(self.units, fold.shift) for _, fold in self._folds()])
        first, second = (np.concatenate(self._slabs(row)) for row in rows)
        candidate = slice(2 * self.units, None)
        recurrent = None
        if self.apart:
            recurrent = (second[candidate] / self.outer.gain).astype(self.dtype)
            second[candidate] = 0
        return (first + second + shifts).astype(self.dtype), recurrent

    def zero_states(self, batch: int) -> tuple[Array, ...]:
        """Return zeros for each state, `(batch, units)`."""
        sizes = [self.outputs, *[self.units] * (len(self.cell.states) - 1)]
        return tuple(np.zeros((batch, size), self.dtype) for size in sizes)

    def run(
        self,
        x: Array,
        states: Sequence[Array] | None = None,
        *,
        mask: Array | None = None,
        reverse: bool = False,
        sequence: Array | None = None,
        zero_output_for_mask: bool = False,
        previous: Array | None = None,
    ) -> Outcome:
        """Return the outcome of all steps of `x` `(batch, time, inputs)`.

        `sequence` `(batch, time, units)` is filled with the output of every step, in the order the
        steps are taken; `reverse` takes the last step first. A step that `mask` `(batch, time)`
        leaves out keeps the states and repeats the output before it (`previous` before the first),
        or gives zeros.
        """
        batch, steps = x.shape[:2]
        given = self.zero_states(batch) if states is None else states
        vector = batch == 1
        now = [_feature_major(state, vector, self.dtype) for state in given]
        now[0] *= self.gain
        size = self._block(batch, steps)
        buffer = np.empty((size, self.outputs, *(() if vector else (batch,))), self.dtype)
        take = _STEPS[self.cell.name](self, now)
        last = np.zeros((batch, self.outputs), self.dtype) if previous is None else previous
        for start in range(0, steps, size):
            stop = min(start + size, steps)
            block, kept = _window(x, mask, start, stop, reverse)
            self._run_block(block, kept, now, buffer, take)
            outputs = buffer[: stop - start].reshape(stop - start, self.outputs, batch)
            outputs = outputs.transpose(2, 0, 1) / self.gain
            if kept is not None:
                outputs = _masked_outputs(outputs, kept, last, zero_output_for_mask)
            last = outputs[:, -1].copy()
            if sequence is not None:
                sequence[:, start:stop] = outputs
        now[0] /= self.gain
        final = tuple(np.ascontiguousarray(s.reshape(len(s), batch).T) for s in now)
        return Outcome(last, final)

    def _block(self, batch: int, steps: int) -> int:
        fits = BLOCK_BYTES // (len(self.kernel) * batch * self.dtype.itemsize)
        return max(1, min(BLOCK, fits, steps))

    def _run_block(
        self, x: Array, kept: Array | None, now: list[Array], buffer: Array, take: Steps
    ) -> None:
        """Take the steps of a block: `buffer[t]` becomes the output of step t, `now` the states."""
        h, parts = now[0], self._project(x)
        if kept is None or kept.all():
            take(parts, h, buffer)
            np.copyto(h, buffer[len(parts) - 1])
            return
        for t, part in enumerate(parts):
            before = [state.copy() for state in now]
            take([part], h, buffer[t : t + 1])
            np.copyto(h, buffer[t])
            for state, old in zip(now, before, strict=True):
                np.copyto(state, old, where=~kept[:, t])
            np.copyto(buffer[t], h)

    def _project(self, x: Array) -> Sequence[Array]:
        """Return the input projections of each step of a block, `(gates * units, batch)`."""
        batch, steps, inputs = x.shape
        flat = np.array(x.transpose(1, 0, 2), self.dtype, order="C").reshape(-1, inputs)
        if batch == 1:
            rows = np.dot(flat, self.kernel.T)
            rows += self.bias
            return list(rows)
        columns = np.dot(self.kernel, flat.T)
        columns += self.bias[:, None]
        return np.split(columns, steps, axis=1)


def _feature_major(state: Array, vector: bool, dtype: Any) -> Array:
    """Return a copy of a state `(batch, units)` as `(units, batch)`, or `(units,)` for a batch of 1."""
    copied = np.array(state.T, dtype, order="C")
    return copied[:, 0].copy() if vector else copied


def _window(
    x: Array, mask: Array | None, start: int, stop: int, reverse: bool
) -> tuple[Array, Array | None]:
    """Return the inputs and the mask of the steps taken from `start` to `stop`."""
    if reverse:
        steps = x.shape[1]
        cut = slice(steps - stop, steps - start)
        return x[:, cut][:, ::-1], None if mask is None else mask[:, cut][:, ::-1]
    return x[:, start:stop], None if mask is None else mask[:, start:stop]


def _masked_outputs(outputs: Array, kept: Array, last: Array, zeros: bool) -> Array:
    """Return the outputs with those of left-out steps zero, or repeating the output before."""
    if zeros:
        return np.where(kept[:, :, None], outputs, 0)
    seen = np.maximum.accumulate(kept, axis=1)  # from the first step that was taken
    return np.where(seen[:, :, None], outputs, last[:, None])


def _simple_rnn(run: Recurrence, now: list[Array]) -> Steps:
    weights, apply, dot, add = run.recurrent, run.inner.apply, np.dot, np.add

    def take(parts: Sequence[Array], h: Array, outputs: Array) -> None:
        for part, after in zip(parts, outputs, strict=False):
            dot(weights, h, after)
            add(after, part, after)
            apply(after, after)
            h = after

    return take


def _lstm(run: Recurrence, now: list[Array]) -> Steps:
    units, weights, projection = run.units, run.recurrent, run.projection
    c = now[1]
    z = np.empty((4 * units, *c.shape[1:]), run.dtype)
    gates, candidate = z[: 3 * units], z[3 * units :]
    i, f, o = np.split(gates, 3)
    squashed = None if projection is None else np.empty_like(c)
    outer, inner, squash, joint = run.outer.apply, run.inner.apply, run.squash, run.joint
    one, share = np.ones((), run.dtype), np.asarray(1 / run.outer.gain, run.dtype)
    dot, add, multiply, tanh = np.dot, np.add, np.multiply, np.tanh

    def take(parts: Sequence[Array], h: Array, outputs: Array) -> None:
        for part, after in zip(parts, outputs, strict=False):
            dot(weights, h, z)
            add(z, part, z)
            if joint:
                tanh(z, z)
                add(gates, one, gates)
            else:
                outer(gates, gates)
                inner(candidate, candidate)
            multiply(c, f, c)
            multiply(candidate, i, candidate)
            add(c, candidate, c)
            multiply(c, share, c)
            value = after if squashed is None else squashed
            squash(c, value)
            multiply(value, o, value)
            if projection is not None:
                dot(projection, value, after)
            h = after

    return take


def _gru(run: Recurrence, now: list[Array]) -> Steps:
    units, dtype = run.units, run.dtype
    held = np.empty_like(now[0])
    z = np.empty((3 * units, *held.shape[1:]), dtype)
    gates, candidate = z[: 2 * units], z[2 * units :]
    update, reset = np.split(gates, 2)
    outer, inner = run.outer.apply, run.inner.apply
    share = np.asarray(1 / run.outer.gain, dtype)
    weights, below = np.split(run.recurrent, [3 * units if run.apart else 2 * units])
    bias = run.recurrent_bias
    if bias is not None and held.ndim > 1:
        bias = bias[:, None]
    dot, add, subtract, multiply = np.dot, np.add, np.subtract, np.multiply

    def take(parts: Sequence[Array], h: Array, outputs: Array) -> None:
        for part, after in zip(parts, outputs, strict=False):
            if bias is not None:  # reset_after: the reset gate scales the product
                dot(weights, h, z)
                add(candidate, bias, candidate)
                add(gates, part[: 2 * units], gates)
                outer(gates, gates)
                multiply(candidate, reset, candidate)
            else:
                dot(weights, h, gates)
                add(gates, part[: 2 * units], gates)
                outer(gates, gates)
                multiply(h, reset, held)
                dot(below, held, candidate)
            add(candidate, part[2 * units :], candidate)
            inner(candidate, candidate)
            subtract(h, candidate, after)
            multiply(after, update, after)
            multiply(after, share, after)
            add(after, candidate, after)
            h = after

    return take


_STEPS = {"SimpleRNN": _simple_rnn, "LSTM": _lstm, "GRU": _gru}
