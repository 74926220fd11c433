"""Steps in blocks: the first layers of a model, run on a sequence that need not fit in memory.

The longest chain of layers from the only input that work step by step is run block by block. What
comes after it gets the chain's output whole.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from rnncli.forward.engine import Graph, Step, run_op
from rnncli.layers import streams
from rnncli.layers.op import Array, Carry, Value
from rnncli.model import Ref

BLOCK_BYTES = 8 << 20  # of the widest tensor of a block
LEAST_STEPS = 64  # in a block, so that the products of a block stay large

Progress = Callable[[int, int], None]  # steps done, steps in all


class Sequences(Protocol):
    """A tensor `(batch, time, ...)` that hands out its steps."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The whole shape."""

    def steps(self, start: int, stop: int) -> Array:
        """Return the steps from `start` to `stop`."""


class Sink(Protocol):
    """Where the blocks of a sequence go as they are produced."""

    def put(self, value: Value, start: int, total: int) -> None:
        """Take the steps that begin at `start`, of `total` steps."""


class Collected:
    """A sink that keeps the sequence in memory."""

    def __init__(self) -> None:
        self.value = Value(np.empty(0))

    def put(self, value: Value, start: int, total: int) -> None:
        """Copy a block into place; the only block is kept as it is."""
        steps = value.array.shape[1]
        if steps == total:
            self.value = value
            return
        if start == 0:
            array, mask = _whole(value.array, total), value.mask
            self.value = Value(array, None if mask is None else _whole(mask, total))
        for whole, part in zip(self.value, value, strict=True):
            if whole is not None and part is not None:
                whole[:, start : start + steps] = part


def _whole(part: Array, total: int) -> Array:
    return np.empty((len(part), total, *part.shape[2:]), part.dtype)


class Chain(NamedTuple):
    """The layers to run block by block, from the input `start` to the tensor `end`."""

    start: Ref
    steps: tuple[Step, ...]

    @property
    def end(self) -> Ref:
        """The output of the last layer."""
        return Ref(*self.steps[-1].node) if self.steps else self.start

    @property
    def passes(self) -> tuple[bool, ...] | None:
        """How the last layer reads the steps for its last output; None: it gives every step."""
        op = self.steps[-1].op if self.steps else None
        return op.reads() if op is not None else None


def chain_of(graph: Graph, start: Ref) -> Chain:
    """Return the longest chain from an input that works step by step."""
    found: list[Step] = []
    ref, carried = start, False
    while ref not in graph.outputs:
        consumers = graph.consumers(ref)
        if len(consumers) != 1 or not _links(consumers[0], ref):
            break
        step = consumers[0]
        passes = step.op.reads() if step.op is not None else None
        if carried and passes is not None and any(passes):
            break  # it reads from the end, but a layer before it goes forward only
        found.append(step)
        if passes is not None or step.node in graph.forked:
            break
        carried = carried or (step.op is not None and step.op.remembers)
        ref = Ref(*step.node)
    return Chain(start, tuple(found))


def _links(step: Step, ref: Ref) -> bool:
    """Whether the call takes this tensor alone, step by step."""
    if step.op is None or step.call.tensors() != (ref,):
        return False
    return streams(step.layer, step.call)


def block_steps(batch: int, total: int, width: int, item_size: int) -> int:
    """Return how many steps a block has; `width` is the features of the widest tensor."""
    return min(total, max(LEAST_STEPS, BLOCK_BYTES // max(1, batch * width * item_size)))


def run_chain(
    chain: Chain, source: Sequences, size: int, sink: Sink, progress: Progress | None = None
) -> tuple[Value, ...]:
    """Return the outputs of the last layer; where it gives every step, the first one's steps go to
    `sink` and what is returned in its place is the last block."""
    passes = chain.passes
    carries: list[Carry] = []
    value, total = Value(np.empty(0)), source.shape[1]
    for reading, reverse in enumerate(passes or (False,)):
        kept: list[Carry] = [None] * len(chain.steps)
        for start, stop in _cuts(total, size, reverse):
            value = _through(chain.steps, source.steps(start, stop), kept, reading)
            if passes is None:
                sink.put(value, start, total)
            if progress is not None:
                done = total - start if reverse else stop
                progress(reading * total + done, total * len(passes or (False,)))
        carries.append(kept)
    return _finished(chain.steps, value, carries)


def _cuts(total: int, size: int, reverse: bool) -> Iterator[tuple[int, int]]:
    starts = range(0, total, size)
    for start in reversed(starts) if reverse else starts:
        yield start, min(start + size, total)


def _through(steps: Sequence[Step], block: Array, kept: list[Carry], reading: int) -> Value:
    """Return a block after all layers of the chain; `kept` is replaced as it goes."""
    value = Value(block)
    for index, step in enumerate(steps):
        value, kept[index] = run_op(step.layer, _one(step, value, kept[index], reading), (value,))
    return value


def _one(step: Step, value: Value, carry: Carry, reading: int) -> Callable[[], Any]:
    if step.op is None:
        raise TypeError("an input is not part of a chain")
    op = step.op
    return lambda: op.block(value, carry, reading)


def _finished(
    steps: Sequence[Step], value: Value, carries: Sequence[list[Carry]]
) -> tuple[Value, ...]:
    """Let every layer note its final states, and return what the last one gives."""
    outputs: tuple[Value, ...] = (value,)
    for index, step in enumerate(steps):
        if step.op is not None:
            outputs = step.op.finish(value, [kept[index] for kept in carries])
    return outputs
