"""The recurrence at the speed of its matrix products.

Weights are prepared once: gates of one activation side by side, scale and bias of the activations
folded in. Input projections, the bias among them, are computed for a block of steps at once. A step
is then one recurrent product and the in-place operations of `steps`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnncli.activation_names import Applied
from rnncli.cell import Cell
from rnncli.kernels.activation_layers import Array
from rnncli.kernels.folding import Folded, folded, in_place, plain
from rnncli.kernels.gemm import in_slabs, in_threads, shards, slab_rows
from rnncli.kernels.reference import Name, Outcome, Reference
from rnncli.kernels.steps import STEPS, Fast, Prepared, Take, Workspace

BLOCK = 128  # steps whose input projections are computed at once, at most
BLOCK_BYTES = 1 << 20  # of projections at once: larger blocks leave the cache


class _Part(NamedTuple):
    """What to run, of some rows of a batch."""

    x: Array
    mask: Array | None
    sequence: Array | None
    zeros: bool

    def of(self, rows: slice) -> "_Part":
        """Return these rows."""
        mask, sequence = (None if a is None else a[rows] for a in (self.mask, self.sequence))
        return self._replace(x=self.x[rows], mask=mask, sequence=sequence)


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
        self.cell, self.dtype, self.fast = cell, np.dtype(dtype), STEPS[cell.step]
        self.units = units = recurrent_kernel.shape[1] // len(cell.gates)
        self.outputs = recurrent_kernel.shape[0]
        inner = plain(activation, units, self.dtype)
        outer = folded(recurrent_activation, units, self.dtype)
        self._folds = _folds(self.fast, inner, outer)
        rows = np.zeros((2, kernel.shape[1]), np.float64)
        if bias is not None:
            rows[: bias.ndim] = bias
        # A second bias row stays apart only where the recurrent part is gated on its own.
        ones_row = self.fast.reset == "after"
        first, second = self._prepare_bias(rows, ones_row)
        self.kernel = self._prepare(kernel, first)
        # The output of LSTM is carried `gain` times too large: the weights that read it make up.
        gain = outer.gain if self.fast.gains and projection is None else 1.0
        recurrent = self._prepare(recurrent_kernel / gain, second if ones_row else None)
        if self.fast.reset:  # so is the reset gate
            recurrent[2 * units :] /= outer.gain
        self.weights = Prepared(
            units,
            self.outputs,
            np.split(recurrent, [2 * units]) if self.fast.reset == "before" else (recurrent,),
            None if projection is None
            else np.ascontiguousarray(projection.T / outer.gain, self.dtype),
            inner, outer, in_place(activation, units), gain, ones_row,
        )  # fmt: skip

    def _prepare(self, weights: Array, column: Array | None = None, dtype: Any = None) -> Array:
        """Return `(gates * units, inputs)`, gates in the fast order, each scaled by its activation;
        the column comes last. A large kernel is there once more, and not four times."""
        parts = np.split(np.asarray(weights), len(self.cell.gates), -1)
        inputs, rows = weights.shape
        found = np.empty((rows, inputs + (column is not None)), dtype or self.dtype)
        for slab, (gate, fold) in zip(np.split(found, len(parts)), self._folds, strict=True):
            part = parts[self.cell.gates.index(gate)].T
            np.multiply(part, fold.scale, out=slab[:, :inputs], casting="same_kind")
        if column is not None:
            found[:, -1] = column
        return found

    def _prepare_bias(self, rows: Array, apart: bool) -> tuple[Array, Array]:
        """Return the bias of the projections, and what of it belongs to the recurrent product."""
        shifts = np.concatenate([np.full(self.units, fold.shift) for _, fold in self._folds])
        first, second = self._prepare(rows, dtype=np.float64).T
        merged = slice(2 * self.units if apart else None)
        first[merged] += second[merged]
        second[merged] = 0
        return (first + shifts).astype(self.dtype), second.astype(self.dtype)

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
        sequence: Array | None = None,
        zero_output_for_mask: bool = False,
        previous: Array | None = None,
    ) -> Outcome:
        """Return the outcome of all steps of `x` `(batch, time, inputs)`.

        `sequence` `(batch, time, units)` is filled with the output of every step. A step that
        `mask` `(batch, time)` leaves out keeps the states and repeats the output before it
        (`previous` before the first), or gives zeros.
        """
        batch = len(x)
        given = self.zero_states(batch) if states is None else states
        last = np.zeros((batch, self.outputs), self.dtype) if previous is None else previous

        whole = _Part(x, mask, sequence, zero_output_for_mask)

        def part(rows: slice) -> Outcome:
            return self._run(whole.of(rows), [state[rows] for state in given], last[rows])

        outcomes = in_threads(part, batch, shards(batch, len(self.kernel) * self.outputs))
        if len(outcomes) == 1:
            return outcomes[0]
        finals = zip(*(outcome.states for outcome in outcomes), strict=True)
        return Outcome(
            np.concatenate([outcome.last for outcome in outcomes]),
            tuple(np.concatenate(final) for final in finals),
        )

    def _run(self, part: "_Part", given: Sequence[Array], last: Array) -> Outcome:
        batch, steps = part.x.shape[:2]
        size, columns = self._block(batch, steps), len(self.kernel)
        room = Workspace(self.weights, size, batch, columns, self.dtype)
        now = [room.h[0], room.gates[columns:]][: len(self.cell.states)]
        for state, value in zip(now, given, strict=True):
            state[...] = value.T.reshape(state.shape)
        now[0] *= self.weights.gain
        inputs = np.ones((size, batch, self.kernel.shape[1]), self.dtype)
        take = self.fast.steps(room)
        for start in range(0, steps, size):
            stop = min(start + size, steps)
            kept = None if part.mask is None else part.mask[:, start:stop]
            self._project(part.x[:, start:stop], inputs, room)
            _take_block(take, room, now, stop - start, kept)
            if part.sequence is not None or kept is not None or stop == steps:
                outputs = self._outputs(room, stop - start, batch)
                if kept is not None:
                    outputs = _masked_outputs(outputs, kept, last, part.zeros)
                last = outputs[:, -1].copy()
                if part.sequence is not None:
                    part.sequence[:, start:stop] = outputs
        now[0] /= self.weights.gain
        final = tuple(np.ascontiguousarray(s.reshape(len(s), batch).T) for s in now)
        return Outcome(last, final)

    def _block(self, batch: int, steps: int) -> int:
        fits = BLOCK_BYTES // (len(self.kernel) * max(1, batch) * self.dtype.itemsize)
        return max(1, min(BLOCK, fits, steps))

    def _outputs(self, room: Workspace, steps: int, batch: int) -> Array:
        """Return the outputs of a block, a view."""
        outputs = room.outputs[:steps].reshape(steps, self.outputs, batch)
        if self.weights.gain != 1:
            outputs *= 1 / self.weights.gain
        return outputs.transpose(2, 0, 1)

    def _project(self, x: Array, inputs: Array, room: Workspace) -> None:
        """Fill `room.parts` with the input projections of each step of a block."""
        steps, batch = x.shape[1], len(x)
        inputs, parts = inputs[:steps], room.parts[:steps]
        np.copyto(inputs[:, :, :-1], x.transpose(1, 0, 2))
        rows = slab_rows(self.kernel, batch)
        if room.vector:
            inputs[:, 0].dot(self.kernel.T, parts)
        elif rows == len(self.kernel):
            np.matmul(self.kernel, inputs.transpose(0, 2, 1), out=parts)
        else:  # the kernels for small products take no transposed factor
            turned = np.ascontiguousarray(inputs.transpose(0, 2, 1))[:, None]
            slabs = parts.reshape(steps, -1, rows, batch)
            np.matmul(in_slabs(self.kernel, rows), turned, out=slabs)


def recurrence(
    cell: Cell,
    weights: Mapping[str, Array | None],
    activations: Sequence[Name],
    dtype: str,
    projection: Array | None = None,
) -> Recurrence | Reference:
    """Return a cell made ready to run: fast where it has a fast step, else as its `step` reads.

    `weights` are as `Reference` takes them, `activations` those of the candidate, the gates and the
    state that is given out.
    """
    inner, outer, last = activations
    kernel, recurrent_kernel = weights["kernel"], weights.get("recurrent_kernel")
    if isinstance(inner, Applied) or isinstance(outer, Applied) or inner != last:
        return Reference(cell, weights, activations, dtype=dtype, projection=projection)
    if cell.step not in STEPS or kernel is None or recurrent_kernel is None:
        return Reference(cell, weights, activations, dtype=dtype, projection=projection)
    return Recurrence(
        cell, kernel, recurrent_kernel, weights.get("bias"),
        activation=inner, recurrent_activation=outer, dtype=dtype, projection=projection,
    )  # fmt: skip


def _folds(fast: Fast, inner: Folded, outer: Folded) -> list[tuple[str, Folded]]:
    """Return each gate in the fast order with its activation: the last is the candidate's."""
    *gates, candidate = fast.order
    return [*((gate, outer) for gate in gates), (candidate, inner)]


def _take_block(
    take: Take, room: Workspace, now: list[Array], steps: int, kept: Array | None
) -> None:
    """Take the steps of a block; `now` becomes the states after it."""
    if kept is None or kept.all():
        take(0, steps)
    else:
        for t in range(steps):
            others = [state.copy() for state in now[1:]]
            take(t, t + 1)
            for state, old in zip((room.h[t + 1], *now[1:]), (room.h[t], *others), strict=True):
                np.copyto(state, old, where=~kept[:, t].astype(bool))
    np.copyto(now[0], room.h[steps])


def _masked_outputs(outputs: Array, kept: Array, last: Array, zeros: bool) -> Array:
    """Return the outputs with those of left-out steps zero, or repeating the output before."""
    if zeros:
        return np.where(kept[:, :, None], outputs, 0)
    seen = np.maximum.accumulate(kept, axis=1)  # from the first step that was taken
    return np.where(seen[:, :, None], outputs, last[:, None])
