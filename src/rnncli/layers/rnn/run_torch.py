"""PyTorch's recurrent modules, run on `(batch, time, inputs)` as with `batch_first=True`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.errors import UnsupportedError
from rnncli.kernels.activations import BOUNDS, saturated
from rnncli.kernels.recurrence import Recurrence
from rnncli.layers.op import Array, OpContext, Value
from rnncli.layers.rnn.opened import Openable, Opened, Textbook
from rnncli.layers.rnn.torch import Part, activation, parts
from rnncli.layers.rnn.weight_layouts import LAYOUTS

States = tuple[Array, ...]


class Module(Openable):
    """A stack of recurrences, each in one or both directions."""

    remembers = True

    def __init__(self, setup: OpContext) -> None:
        self.setup = setup
        kind = setup.kind.removeprefix("torch.")
        self.parts = list(parts(kind, setup.config))
        self.ways = 2 if setup.config["bidirectional"] else 1
        self.inner = activation(kind, setup.config)
        self.cells = [_recurrence(part, setup, self.inner) for part in self.parts]

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the output of every step, `(batch, time, directions * units)`."""
        value, states = self.block(inputs[0], None)
        return self.finish(value, (states,))

    def block(self, value: Value, carry: Any, reading: int = 0) -> tuple[Value, Any]:
        """Return the output of a block of steps; the carry is the states of every cell."""
        x, batch = value.array, len(value.array)
        starts: list[States] = carry or [cell.zero_states(batch) for cell in self.cells]
        ends: list[States] = []
        for first in range(0, len(self.cells), self.ways):
            outputs = []
            for index in range(first, first + self.ways):
                cell, reverse = self.cells[index], self.parts[index].reverse
                sequence = np.empty((*x.shape[:2], cell.outputs), cell.dtype)
                outcome = cell.run(x, starts[index], reverse=reverse, sequence=sequence)
                ends.append(outcome.states)
                outputs.append(sequence[:, ::-1] if reverse else sequence)
            x = outputs[0] if self.ways == 1 else np.concatenate(outputs, axis=-1)
        return Value(x), ends

    def finish(self, value: Value, carries: Sequence[Any]) -> tuple[Value, ...]:
        """Return the output; final states and saturation are noted."""
        notes = self.setup.notes
        if self.inner in BOUNDS:
            notes.bounded += value.array.size
            notes.saturated += saturated(self.inner, value.array)
        notes.states[self.setup.name] = [
            (f"{state}{part.suffix}", array.shape)
            for part, cell, states in zip(self.parts, self.cells, carries[0], strict=True)
            for state, array in zip(cell.cell.states, states, strict=True)
        ]
        return (value,)

    def opened(self) -> Iterator[Opened]:
        """Yield each direction of each stacked layer, named as PyTorch's tensors end."""
        if self.setup.config["proj_size"]:
            raise UnsupportedError(
                f"layer {self.setup.name!r} has a proj_size, so it cannot be looked into"
            )
        for index, part in enumerate(self.parts):
            found = _textbook(part, self.setup, self.inner)
            yield Opened(part.suffix.removeprefix("_"), index // self.ways, part.reverse, found)


def _textbook(part: Part, setup: OpContext, inner: str) -> Textbook:
    """Return the cell of one direction, its weights brought into Keras's layout."""
    order = LAYOUTS["torch"].order[part.cell.name]

    def turned(name: str) -> Array:
        stored = np.split(setup.weights[f"{name}{part.suffix}"], len(order))
        gates = dict(zip(order, stored, strict=True))
        return np.concatenate([gates[gate] for gate in part.cell.gates]).T

    bias = None
    if setup.config["bias"]:
        bias = np.stack([turned("bias_ih"), turned("bias_hh")])
        bias = bias if part.cell.bias_rows == 2 else bias.sum(axis=0)
    return Textbook(part.cell, turned("weight_ih"), turned("weight_hh"), bias, inner, "sigmoid")


def _recurrence(part: Part, setup: OpContext, inner: str) -> Recurrence:
    projection = setup.weights.get(f"weight_hr{part.suffix}")
    turned = None if projection is None else projection.T
    return _textbook(part, setup, inner).prepared(setup.dtype, turned)
