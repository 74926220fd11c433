"""Cells that are seen as they run, and the layers and recurrences that let them be seen."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnncli.errors import UsageError
from rnncli.forward.gradients import Flow, Progress
from rnncli.forward.statistics import Inside
from rnncli.forward.trace import Trace
from rnncli.kernels.reference import Outcome, Reference
from rnncli.layers.op import Array
from rnncli.layers.rnn.run import Runner
from rnncli.layers.rnn.structure import CellNode
from rnncli.layers.rnn.unpacking import Weights


class First(NamedTuple):
    """The first step that a cell takes: its input, the states before, its gates, the states after.

    They are of the first sequence, by the names that the cell has for them.
    """

    x: list[float]
    before: dict[str, list[float]]
    gates: dict[str, list[float]]
    after: dict[str, list[float]]
    reverse: bool


BLOCK = 256  # steps that are run literally at once


class Seen:
    """One cell of one direction of a layer, run literally. `names` are what it can be asked for by:
    the layer, the direction, the cell."""

    def __init__(
        self, names: tuple[str, str, str], node: CellNode, weights: Weights, dtype: "np.dtype[Any]"
    ) -> None:
        self.names, self.dtype, self.cell = names, dtype, node.cell
        functions = (node.activation, node.recurrent_activation, node.output_activation)
        self.reference = Reference(
            node.cell, weights, functions, dtype=dtype.name, projection=weights.get("projection")
        )
        self.inside = Inside(node)
        self.flow = Flow(self.reference, functions)
        self.trace: Trace | None = None
        self.gate: str | None = None
        self.states: tuple[Array, ...] = ()
        self.calls = 0
        self.first: First | None = None

    def begin(self, states: tuple[Array, ...]) -> None:
        """Start a sequence from these states."""
        self.states = states
        self.calls += 1
        self.inside.begin()
        self.flow.begin()

    def take(self, x: Array, mask: Array | None, stats: bool) -> None:
        """Take the steps of a block."""

        before = self.states

        def observe(step: int, gates: dict[str, Array], states: tuple[Array, ...]) -> None:
            nonlocal before
            if stats:
                if mask is None or mask[0, step]:
                    self.flow.add(block[0, step], tuple(state[0] for state in before))
                before = states
                self.inside.step(gates, states, None if mask is None else mask[:, step])
            if self.trace is not None and self.calls == 1:
                shown = states[0] if self.gate is None else gates[self.gate]
                norm = np.linalg.norm(states[0][0].astype(np.float64))
                self.trace.add(shown[0], float(norm))

        block = x.astype(self.dtype, copy=False)
        if self.first is None and x.shape[1]:
            self.first = self._first(block[:, 0])
        self.states = self.reference.run(block, self.states, mask=mask, observe=observe).states

    def _first(self, x: Array) -> First:
        after, gates = self.reference.step(x, self.states)
        names = self.cell.states
        pairs = [dict(zip(names, states, strict=True)) for states in (self.states, after)]
        before, seen, now = ({name: value[0].tolist() for name, value in found.items()}
                             for found in (pairs[0], gates, pairs[1]))  # fmt: skip
        return First(x[0].tolist(), before, seen, now, reverse=False)

    def figures(self, reverse: bool, progress: Progress | None) -> dict[str, Any]:
        """Return the contract's figures of the cell."""
        own = self.inside.figures(self.reference.shares.get("U", {}), reverse)
        return {"reverse": reverse, **own, **self.flow.figures(progress)}

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

    For `stats` all of them; without, only the first.
    """

    def __init__(self, stats: bool) -> None:
        self.stats = stats

    def of(self, array: Array) -> Array:
        """Return the rows."""
        return array if self.stats else array[:1]

    def starts(self, states: Sequence[Array]) -> tuple[Array, ...]:
        """Return where they start from."""
        return tuple(map(self.of, states))

    def blocks(self, x: Array, mask: Array | None) -> Iterator[tuple[Array, Array | None]]:
        """Yield the inputs and the mask in blocks."""
        for start in range(0, x.shape[1], BLOCK):
            cut = slice(start, start + BLOCK)
            yield self.of(x[:, cut]), None if mask is None else self.of(mask[:, cut])


class Watched:
    """A cell that is seen as it runs; a sequence begins where zero states are asked for."""

    def __init__(self, runner: Runner, seen: Seen, stats: bool) -> None:
        self.runner, self.seen, self.rows, self.begins = runner, seen, _Rows(stats), True
        self.outputs, self.dtype = runner.outputs, runner.dtype

    def zero_states(self, batch: int) -> tuple[Array, ...]:
        """Return zeros for each state of a sequence that begins."""
        self.begins = True
        return self.runner.zero_states(batch)

    def run(
        self, x: Array, states: Sequence[Array], *, mask: Array | None = None, **options: Any
    ) -> Outcome:
        """Return the outcome of all steps, once they have been seen."""
        if self.begins:
            self.seen.begin(self.rows.starts(states))
            self.begins = False
        for block, kept in self.rows.blocks(x, mask):
            self.seen.take(block, kept, self.rows.stats)
        return self.runner.run(x, states, mask=mask, **options)
