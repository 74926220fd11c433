"""Cells that are seen as they run, and the layers and recurrences that let them be seen."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from rnncli.errors import UsageError
from rnncli.forward.statistics import Inside, changed
from rnncli.forward.trace import Trace
from rnncli.kernels.recurrence import Outcome, Recurrence
from rnncli.kernels.reference import reference_run
from rnncli.layers.op import Array, Value
from rnncli.layers.rnn.direction import Direction, Memory
from rnncli.layers.rnn.opened import Textbook

BLOCK = 256  # steps that are run literally at once


class Seen:
    """One cell of one direction of a layer, run literally. `names` are what it can be asked for by:
    the layer, the direction, the cell."""

    def __init__(
        self, names: tuple[str, str, str], textbook: Textbook, dtype: "np.dtype[Any]"
    ) -> None:
        self.names, self.dtype = names, dtype
        self.cell, kernel, self.kernel, bias, inner, outer = textbook
        self.run = partial(
            reference_run, self.cell, kernel, self.kernel, bias,
            activation_name=inner, recurrent_name=outer,
        )  # fmt: skip
        self.inside = Inside(self.cell, inner, outer)
        self.trace: Trace | None = None
        self.gate: str | None = None
        self.states: tuple[Array, ...] = ()
        self.calls = 0

    def begin(self, states: tuple[Array, ...]) -> None:
        """Start a sequence from these states."""
        self.states = states
        self.calls += 1
        self.inside.begin()

    def take(self, x: Array, mask: Array | None, stats: bool) -> Array:
        """Take the steps of a block and return the states `h` after each."""

        def observe(step: int, gates: dict[str, Array], states: tuple[Array, ...]) -> None:
            if stats:
                self.inside.step(gates, states, None if mask is None else mask[:, step])
            if self.trace is not None and self.calls == 1:
                shown = states[0] if self.gate is None else gates[self.gate]
                norm = np.linalg.norm(states[0][0].astype(np.float64))
                self.trace.add(shown[0], float(norm))

        block = x.astype(self.dtype, copy=False)
        h, self.states = self.run(block, self.states, mask=mask, observe=observe)
        return h

    def figures(self, reverse: bool) -> dict[str, Any]:
        """Return the contract's figures of the cell."""
        return self.inside.figures(self.kernel, reverse)

    def draw(self, gate: str | None, reverse: bool) -> Trace:
        """Return what will hold the state, or the gate, once the model has run."""
        if gate is not None and gate not in self.cell.gates:
            raise UsageError(
                f"layer {self.names[0]!r} ({self.cell.name}) has no gate called {gate!r}",
                f"it has: {', '.join(self.cell.gates)}",
            )
        what = "state h" if gate is None else f"gate {gate}"
        back = ", read from the end" if reverse else ""
        self.gate = gate
        self.trace = Trace(f"{self.names[2]}: {what}{back}", reverse, self.inside.bounds(gate))
        return self.trace


class _Rows:
    """Which rows of a batch are run literally.

    For `stats` all of them, and a second time from a changed start; without, only the first.
    """

    def __init__(self, stats: bool) -> None:
        self.stats = stats

    def of(self, array: Array) -> Array:
        """Return the rows."""
        return np.concatenate((array, array)) if self.stats else array[:1]

    def starts(self, states: Sequence[Array]) -> tuple[Array, ...]:
        """Return where they start from."""
        if not self.stats:
            return tuple(state[:1] for state in states)
        return tuple(np.concatenate((state, changed(state))) for state in states)

    def blocks(
        self, x: Array, mask: Array | None, reverse: bool
    ) -> Iterator[tuple[Array, Array | None]]:
        """Yield the inputs and the mask, in the order in which the steps are taken."""
        if reverse:
            x, mask = x[:, ::-1], None if mask is None else mask[:, ::-1]
        for start in range(0, x.shape[1], BLOCK):
            cut = slice(start, start + BLOCK)
            yield self.of(x[:, cut]), None if mask is None else self.of(mask[:, cut])


class Watched(Direction):
    """A direction of a layer whose cells are seen as it runs."""

    def __init__(self, direction: Direction, seen: Sequence[Seen], stats: bool) -> None:
        vars(self).update(vars(direction))
        self.seen, self.rows = tuple(seen), _Rows(stats)

    def memory(self, batch: int, states: Sequence[Array] | None) -> Memory:
        """Return where to start from, and start there."""
        memory = super().memory(batch, states)
        for seen, start in zip(self.seen, memory.states, strict=True):
            seen.begin(self.rows.starts(start))
        return memory

    def block(self, value: Value, memory: Memory) -> tuple[Value, Memory]:
        """Return what the direction gives, once its cells have been seen."""
        for x, mask in self.rows.blocks(*value, self.reverse):
            output = x
            for seen in self.seen:
                output = seen.take(output, mask, self.rows.stats)
        return super().block(value, memory)


class WatchedCell(Recurrence):
    """A recurrence that is seen as it runs; a sequence begins where zero states are asked for."""

    def __init__(self, recurrence: Recurrence, seen: Seen, stats: bool) -> None:
        vars(self).update(vars(recurrence))
        self.seen, self.rows, self.begins = seen, _Rows(stats), True

    def zero_states(self, batch: int) -> tuple[Array, ...]:
        """Return zeros for each state of a sequence that begins."""
        self.begins = True
        return super().zero_states(batch)

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
        """Return the outcome of all steps, once they have been seen."""
        starts = self.zero_states(len(x)) if states is None else states
        if self.begins:
            self.seen.begin(self.rows.starts(starts))
            self.begins = False
        for block, kept in self.rows.blocks(x, mask, reverse):
            self.seen.take(block, kept, self.rows.stats)
        return super().run(
            x, starts, mask=mask, reverse=reverse, sequence=sequence,
            zero_output_for_mask=zero_output_for_mask, previous=previous,
        )  # fmt: skip
