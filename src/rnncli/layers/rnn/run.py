"""Recurrent layers run on arrays: one function takes the steps of any structure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnncli.errors import ShapeError
from rnncli.kernels.activation_layers import Bounds
from rnncli.kernels.activations import bounds, near
from rnncli.kernels.recurrence import Recurrence, recurrence
from rnncli.kernels.reference import Reference
from rnncli.layers import layer_type
from rnncli.layers.op import Array, Notes, Op, OpContext, Value, flat
from rnncli.layers.rnn.structure import (
    Backwards,
    CellNode,
    Chain,
    Pair,
    Part,
    Structure,
    last_cells,
    output_sizes,
    walk,
)
from rnncli.layers.rnn.unpacking import Weights, unpacked

Runner = Recurrence | Reference


class Memory(NamedTuple):
    """What a cell carries from block to block: its states and its last output."""

    states: tuple[Array, ...]
    last: Array


class Running:
    """A structure with its weights prepared. `weights` are in Keras's layout, of each cell.

    Raises: ShapeError if its directions cannot be merged.
    """

    def __init__(self, structure: Structure, weights: Sequence[Weights], dtype: Any) -> None:
        output_sizes(structure.part)
        self.structure, self.weights, self.dtype = structure, tuple(weights), np.dtype(dtype)
        self.runners: list[Runner] = [
            recurrence(
                node.cell, own,
                (node.activation, node.recurrent_activation, node.output_activation),
                self.dtype.name, own.get("projection"),
            )
            for node, own in zip(structure.cells, self.weights, strict=True)
        ]  # fmt: skip

    def start(self, batch: int, states: Sequence[Array] | None = None) -> list[list[Memory]]:
        """Return where to start from in each direction: zeros, or the states of all cells in order.

        Raises: ShapeError if the states are not those of the cells.
        """
        zeros = [runner.zero_states(batch) for runner in self.runners]
        flat = _checked(states, [each for cell in zeros for each in cell])
        starts = [tuple(next(flat) for _ in cell) for cell in zeros]
        found = iter([Memory(each, np.zeros_like(each[0])) for each in starts])
        return [[next(found) for _ in walk(part)] for part in self.structure.directions]

    def take(
        self, direction: int, value: Value, memories: Sequence[Memory], sequences: bool
    ) -> tuple[Array, list[Memory]]:
        """Return the sequence (or the last output so far) of a block of steps in one direction, in
        the order in which it reads, and the memory of its cells."""
        parts = self.structure.directions
        before = sum(1 for part in parts[:direction] for _ in walk(part))
        cells = zip(self.runners[before:], memories, strict=False)
        after: list[Memory] = []
        return take(parts[direction], value, cells, sequences, after), after


def _checked(states: Sequence[Array] | None, zeros: Sequence[Array]) -> Iterator[Array]:
    if states is None:
        return iter(zeros)
    given, expected = [s.shape for s in states], [z.shape for z in zeros]
    if given != expected:
        raise ShapeError(f"initial_state has the shapes {given}, but {expected} are expected")
    return iter(states)


def take(
    part: Part,
    value: Value,
    cells: Iterator[tuple[Runner, Memory]],
    sequences: bool,
    after: list[Memory],
) -> Array:
    """Return what a part gives for a block of steps: a sequence, or the last output.

    `cells` are its cells in order, each with its memory; the memory that follows goes to `after`.
    """
    if isinstance(part, CellNode):
        runner, memory = next(cells)
        x, mask = value
        sequence = np.empty((*x.shape[:2], runner.outputs), runner.dtype) if sequences else None
        outcome = runner.run(
            x, memory.states, mask=mask, sequence=sequence,
            zero_output_for_mask=part.zeros, previous=memory.last,
        )  # fmt: skip
        after.append(Memory(outcome.states, outcome.last))
        return outcome.last if sequence is None else sequence
    if isinstance(part, Chain):
        for each in part.parts[:-1]:
            value = value._replace(array=take(each, value, cells, True, after))
        return take(part.parts[-1], value, cells, sequences, after)
    if isinstance(part, Backwards):
        output = take(part.part, turned(value), cells, sequences, after)
        if not part.zeroed or value.mask is None:
            return output
        kept = value.mask[..., None] if sequences else value.mask[:, :1]
        return np.where(kept, output, output.dtype.type(0))
    one = take(part.forward, value, cells, sequences, after)
    other = take(part.backward, value, cells, sequences, after)
    return merged(part.merge, one, other, sequences)[0]


def turned(value: Value) -> Value:
    """Return a sequence and its mask from the last step to the first."""
    return Value(value.array[:, ::-1], None if value.mask is None else value.mask[:, ::-1])


def merged(mode: str | None, one: Array, other: Array, sequences: bool) -> tuple[Array, ...]:
    """Return the outputs of two directions as Keras's Bidirectional merges them; None: both."""
    if sequences:  # the second direction ends where the first begins
        other = other[:, ::-1]
    if mode is None:
        return one, other
    if mode == "concat":
        return (np.concatenate((one, other), axis=-1),)
    if mode == "mul":
        return (one * other,)
    return (one + other if mode == "sum" else (one + other) / 2,)


class Recurrent(Op):
    """A recurrent layer: its structure, run in blocks or at once."""

    remembers = True

    def __init__(self, setup: OpContext) -> None:
        made = layer_type(setup.kind).structure
        assert made is not None
        structure = made(setup.config, _size(setup))
        assert structure is not None
        self.setup, self.structure = setup, structure
        weights = [unpacked(node, setup.weights.get) for node in structure.cells]
        self.running = Running(structure, weights, setup.dtype)
        self.ends = [state_bounds(last_cells(part)[0]) for part in structure.directions]

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the output(s) and, where asked for, the final states."""
        value, states, masked = _start(self.setup, inputs, options)
        value = _swapped(value) if self.structure.time_major else value
        read = value if masked else Value(value.array)
        starts = self.running.start(len(read.array), states)
        sequences = self.structure.return_sequences
        carries = [
            self.running.take(index, read, start, sequences) for index, start in enumerate(starts)
        ]
        if sequences:
            self._note(carries)
        return self.finish(Value(value.array, value.mask), carries)

    def reads(self) -> tuple[bool, ...] | None:
        """Return a pass per direction, None where every step is given."""
        if self.structure.return_sequences:
            return None
        return tuple(next(walk(part))[1] for part in self.structure.directions)

    def block(self, value: Value, carry: Any, reading: int = 0) -> tuple[Value, Any]:
        """Return the output of a block of steps in one direction, and the carry: it and the memory
        of the cells."""
        start = self.running.start(len(value.array))[reading] if carry is None else carry[1]
        sequences = self.structure.return_sequences
        output, memory = self.running.take(reading, value, start, sequences)
        if sequences:
            self._note([(output, memory)])
        return Value(output, value.mask if sequences else None), (output, memory)

    def finish(self, value: Value, carries: Sequence[Any]) -> tuple[Value, ...]:
        """Return the merged outputs, masked as `value`, and, where asked for, the final states."""
        sequences = self.structure.return_sequences
        if not sequences:
            self._note(carries)
        states = [state for _, memories in carries for each in memories for state in each.states]
        names = [
            node.state.format(name) for node in self.structure.cells for name in node.cell.states
        ]
        self.setup.notes.states[self.setup.name] = [
            (name, state.shape) for name, state in zip(names, states, strict=True)
        ]
        outputs = [Value(each, value.mask if sequences else None) for each in self._merged(carries)]
        if self.structure.time_major and sequences:
            outputs = [_swapped(each) for each in outputs]
        given = map(Value, states) if self.structure.return_state else ()
        return (*outputs, *given)

    def _merged(self, carries: Sequence[Any]) -> tuple[Array, ...]:
        arrays, part = [output for output, _ in carries], self.structure.part
        if not isinstance(part, Pair):
            return (arrays[0],)
        return merged(part.merge, arrays[0], arrays[1], self.structure.return_sequences)

    def _note(self, carries: Sequence[Any]) -> None:
        """Count the outputs that are near a bound."""
        for found, (output, _) in zip(self.ends, carries, strict=True):
            note(self.setup.notes, found, output)


def state_bounds(node: CellNode) -> Bounds | None:
    """Return what a cell's output cannot leave: the bounds of its last activation, where gates only
    let through and nothing projects it."""
    shares = not node.cell.gated or bounds(node.recurrent_activation) == (0, 1)
    inside = shares and node.cell.activated and not node.projected
    return bounds(node.output_activation) if inside else None


def note(notes: Notes, found: Bounds | None, output: Array) -> None:
    """Count the outputs near a bound, if there are any."""
    if found is not None:
        notes.bounded += output.size
        notes.saturated += near(found, output)


def _size(setup: OpContext) -> int:
    """Return the features of the input, as the first kernel has them."""
    kernels = [array for path, array in setup.weights.items() if path.endswith("kernel")]
    return kernels[0].shape[0] if kernels else 0


def _swapped(value: Value) -> Value:
    """Return `(time, batch, …)` of `(batch, time, …)`, and the other way round."""
    return value._replace(array=value.array.swapaxes(0, 1))


def _start(
    setup: OpContext, inputs: Sequence[Value], options: Mapping[str, Any]
) -> tuple[Value, list[Array] | None, bool]:
    """Return the sequences, the initial states, and whether the mask counts.

    Keras 3 does not hand the mask to a layer that is given its initial states.
    """
    value, *rest = inputs
    given = list(flat(options.get("initial_state"))) or rest
    states = [each.array for each in given] if given else None
    handed_on = states is None or setup.keras < 3 or isinstance(options.get("mask"), Value)
    return value, states, handed_on
