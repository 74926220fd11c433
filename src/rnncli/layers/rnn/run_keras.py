"""Recurrent layers: of one direction, of both."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.layers.op import Array, Op, OpContext, Value
from rnncli.layers.rnn.direction import Direction
from rnncli.layers.rnn.keras import directions
from rnncli.layers.rnn.run_cudnn import without_cudnn
from rnncli.model import Config


class Recurrent(Op):
    """A recurrent layer of one direction."""

    remembers = True

    def __init__(self, setup: OpContext) -> None:
        self.setup, self.direction = setup, Direction(setup)
        self.return_state = bool(setup.config.get("return_state"))

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the output and, where asked for, the final states."""
        value, states, masked = _start(self.setup, inputs, options)
        major = bool(self.setup.config.get("time_major"))
        value = _turned(value) if major else value
        memory = self.direction.memory(len(value.array), states)
        output, memory = self.direction.block(value if masked else Value(value.array), memory)
        if self.direction.sequences:
            output = output._replace(mask=value.mask)
            self.direction.note(self.setup.notes, output.array)
            output = _turned(output) if major else output
        return self.finish(output, (memory,))

    def reads(self) -> tuple[bool, ...] | None:
        """Return the one pass, None where every step is given."""
        return None if self.direction.sequences else (self.direction.reverse,)

    def block(self, value: Value, carry: Any, reading: int = 0) -> tuple[Value, Any]:
        """Return the output of a block; the carry is the memory of the cells."""
        memory = self.direction.memory(len(value.array), None) if carry is None else carry
        output, memory = self.direction.block(value, memory)
        if self.direction.sequences:
            self.direction.note(self.setup.notes, output.array)
        return output, memory

    def finish(self, value: Value, carries: Sequence[Any]) -> tuple[Value, ...]:
        """Return the output and, where asked for, the final states."""
        (memory,) = carries
        if not self.direction.sequences:
            self.direction.note(self.setup.notes, value.array)
        self.setup.notes.states[self.setup.name] = self.direction.named_states(memory)
        states = [Value(each) for cell in memory.states for each in cell]
        return (value, *states) if self.return_state else (value,)


class Bidirectional(Op):
    """A layer read in both directions, their outputs merged."""

    def __init__(self, setup: OpContext) -> None:
        self.setup = setup = without_cudnn(setup)
        self.mode = setup.config["merge_mode"]
        # Keras 3 and tf.keras give zeros at masked steps; the readers of older files say otherwise.
        zeros = setup.config.get("zero_output_for_mask", True)
        self.directions = [
            Direction(setup.inside(name, kind, _with_zeros(config, zeros)))
            for name, kind, config in directions(setup.config)
        ]
        inner = setup.config["layer"]["config"]
        self.sequences = bool(inner.get("return_sequences"))
        self.return_state = bool(inner.get("return_state"))

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the merged output (both, without a merge mode) and the states of both."""
        value, states, masked = _start(self.setup, inputs, options)
        half = None if states is None else len(states) // 2
        given = (None, None) if states is None else (states[:half], states[half:])
        read = value if masked else Value(value.array)
        outputs, carries = [], []
        for direction, start in zip(self.directions, given, strict=True):
            output, memory = direction.block(read, direction.memory(len(read.array), start))
            outputs.append(output.array)
            carries.append((output.array, memory))
        return self.finish(Value(value.array, value.mask), carries)

    def reads(self) -> tuple[bool, ...] | None:
        """Return a pass per direction."""
        return tuple(direction.reverse for direction in self.directions)

    def block(self, value: Value, carry: Any, reading: int = 0) -> tuple[Value, Any]:
        """Take a block of steps in one direction."""
        direction = self.directions[reading]
        memory = direction.memory(len(value.array), None) if carry is None else carry[1]
        output, memory = direction.block(value, memory)
        return output, (output.array, memory)

    def finish(self, value: Value, carries: Sequence[Any]) -> tuple[Value, ...]:
        """Return the merged outputs of both directions, with the mask of `value`."""
        outputs, named, states = [], [], []
        for direction, (output, memory), prefix in zip(
            self.directions, carries, ("forward_", "backward_"), strict=True
        ):
            direction.note(self.setup.notes, output)
            named += direction.named_states(memory, prefix)
            states += [Value(each) for cell in memory.states for each in cell]
            outputs.append(output)
        self.setup.notes.states[self.setup.name] = named
        mask = value.mask if self.sequences else None
        merged = [Value(each, mask) for each in self._merge(*outputs)]
        return (*merged, *states) if self.return_state else tuple(merged)

    def _merge(self, y: Array, other: Array) -> tuple[Array, ...]:
        if self.sequences:  # the second direction ends where the first begins
            other = other[:, ::-1]
        if self.mode is None:
            return y, other
        if self.mode == "concat":
            return (np.concatenate((y, other), axis=-1),)
        if self.mode == "mul":
            return (y * other,)
        return (y + other if self.mode == "sum" else (y + other) / 2,)


def _with_zeros(config: Config, zeros: bool) -> Config:
    if not zeros:
        return config
    return {**config, "zero_output_for_mask": bool(config.get("return_sequences"))}


def _turned(value: Value) -> Value:
    """Return `(time, batch, …)` of `(batch, time, …)`, and the other way round."""
    return value._replace(array=value.array.swapaxes(0, 1))


def _start(
    setup: OpContext, inputs: Sequence[Value], options: Mapping[str, Any]
) -> tuple[Value, list[Array] | None, bool]:
    """Return the sequences, the initial states, and whether the mask counts.

    Keras 3 does not hand the mask to a layer that is given its initial states.
    """
    value, *rest = inputs
    given = list(_flat(options.get("initial_state"))) or rest
    states = [each.array for each in given] if given else None
    handed_on = states is None or setup.keras < 3 or isinstance(options.get("mask"), Value)
    return value, states, handed_on


def _flat(value: Any) -> Iterator[Value]:
    if isinstance(value, Value):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)


def cudnn(setup: OpContext) -> Recurrent:
    """Return the operation of a CuDNN layer."""
    return Recurrent(without_cudnn(setup))
