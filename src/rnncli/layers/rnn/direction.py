"""One direction of a recurrent layer: its stacked cells, and what they remember."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rnncli.cells import Cell
from rnncli.errors import ShapeError
from rnncli.kernels.activations import BOUNDS, saturated
from rnncli.layers.op import Array, Notes, OpContext, Sizes, Value
from rnncli.layers.rnn.keras import cells_of
from rnncli.layers.rnn.opened import Textbook


class Memory(NamedTuple):
    """Of each cell of a stack: its states and its last output."""

    states: tuple[tuple[Array, ...], ...]
    last: tuple[Array, ...]


class Direction:
    """The stacked cells of a layer, read in one direction."""

    def __init__(self, setup: OpContext) -> None:
        config = setup.config
        self.reverse = bool(config.get("go_backwards"))
        self.sequences = bool(config.get("return_sequences"))
        self.zeros = bool(config.get("zero_output_for_mask"))
        found = list(cells_of(setup.kind, config))
        self.names = [path for path, _, _ in found]
        self.cells = [
            textbook(setup.inside(path, setup.kind, cell_config), cell).prepared(setup.dtype)
            for path, cell, cell_config in found
        ]
        self.activation: str = found[-1][2].get("activation") or "linear"

    def memory(self, batch: int, states: Sequence[Array] | None) -> Memory:
        """Return where to start from: zeros, or the given states of all cells in order."""
        zeros = [cell.zero_states(batch) for cell in self.cells]
        starts = tuple(zeros)
        if states is not None:
            flat = _checked(states, [each for cell in zeros for each in cell])
            starts = tuple(tuple(next(flat) for _ in cell) for cell in zeros)
        return Memory(starts, tuple(np.zeros_like(cell[0]) for cell in zeros))

    def block(self, value: Value, memory: Memory) -> tuple[Value, Memory]:
        """Return the sequence (or the last output so far) of a block of steps, and the memory."""
        x, mask = value
        if self.reverse:
            x, mask = x[:, ::-1], None if mask is None else mask[:, ::-1]
        states, last = [], []
        output = x
        for index, cell in enumerate(self.cells):
            sequence = None
            if self.sequences or index < len(self.cells) - 1:
                sequence = np.empty((*x.shape[:2], cell.outputs), cell.dtype)
            outcome = cell.run(
                output, memory.states[index], mask=mask, sequence=sequence,
                zero_output_for_mask=self.zeros, previous=memory.last[index],
            )  # fmt: skip
            states.append(outcome.states)
            last.append(outcome.last)
            output = outcome.last if sequence is None else sequence
        kept = value.mask if self.sequences else None
        return Value(output, kept), Memory(tuple(states), tuple(last))

    def note(self, notes: Notes, output: Array) -> None:
        """Count the outputs near a bound of the activation."""
        if self.activation in BOUNDS:
            notes.bounded += output.size
            notes.saturated += saturated(self.activation, output)

    def named_states(self, memory: Memory, prefix: str = "") -> list[tuple[str, Sizes]]:
        """Return the name and the shape of each final state."""
        cells = [name.rpartition("/")[2] for name in self.names]
        several = len(cells) > 1
        return [
            (f"{prefix}{name}/{state}" if several else prefix + state, array.shape)
            for name, cell, states in zip(cells, self.cells, memory.states, strict=True)
            for state, array in zip(cell.cell.states, states, strict=True)
        ]


def textbook(setup: OpContext, cell: Cell) -> Textbook:
    """Return a cell with the activations and the weights of its layer, or of its own."""
    config, weights = setup.config, setup.weights
    return Textbook(
        cell,
        weights["kernel"],
        weights["recurrent_kernel"],
        weights.get("bias"),
        config.get("activation"),
        config.get("recurrent_activation", "sigmoid"),
    )


def _checked(states: Sequence[Array], zeros: Sequence[Array]) -> Iterator[Array]:
    given, expected = [s.shape for s in states], [z.shape for z in zeros]
    if given != expected:
        raise ShapeError(f"initial_state has the shapes {given}, but {expected} are expected")
    return iter(states)
