"""A look inside the recurrent layers of a model while it runs.

A layer that is looked at runs twice: fast, for its output, and literally, step by step on the same
inputs, for its gates and states. The others run as ever.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from rnncli.cells import Cell
from rnncli.errors import UnsupportedError, UsageError, nearest
from rnncli.forward.engine import Graph, Nested
from rnncli.forward.literal import literal_run
from rnncli.forward.op import Array, Setup, Value
from rnncli.forward.ops.core import EachStep
from rnncli.forward.ops.recurrent import Bidirectional, Direction, Memory, Recurrent
from rnncli.forward.stats import Inside, changed
from rnncli.forward.trace import Trace
from rnncli.layers.onnx import RECURRENT
from rnncli.layers.recurrent import cells_of, directions
from rnncli.layers.torch import KINDS as TORCH

BLOCK = 256  # steps that are run literally at once


class Look(NamedTuple):
    """What to look at: the `stats` of the recurrent layers (or of `layer`), and a `picture` of the
    state, or of one `gate`, of `layer` (or of the last of them)."""

    stats: bool = False
    picture: bool = False
    layer: str | None = None
    gate: str | None = None


class Seen:
    """One cell of one direction of a layer, run literally. `names` are what it can be asked for by:
    the layer, the direction, the cell."""

    def __init__(self, names: tuple[str, str, str], cell: Cell, setup: Setup) -> None:
        config, weights = setup.config, setup.weights
        self.names, self.cell, self.kernel = names, cell, weights["recurrent_kernel"]
        inner = config.get("activation")
        outer = config.get("recurrent_activation", "sigmoid")
        self.dtype = setup.dtype
        self.run = partial(
            literal_run, cell, weights["kernel"], self.kernel, weights.get("bias"),
            activation_name=inner, recurrent_name=outer,
        )  # fmt: skip
        self.inside = Inside(cell, inner, outer)
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
        self.gate, self.trace = gate, Trace(f"{self.names[2]}: {what}{back}", reverse)
        return self.trace


class Watched(Direction):
    """A direction of a layer whose cells are seen as it runs.

    For `stats` each sequence is run a second time from a changed start; without, only the first
    sequence of the batch is run.
    """

    def __init__(self, direction: Direction, seen: Sequence[Seen], stats: bool) -> None:
        vars(self).update(vars(direction))
        self.seen, self.stats = tuple(seen), stats

    def memory(self, batch: int, states: Sequence[Array] | None) -> Memory:
        """Return where to start from, and start there."""
        memory = super().memory(batch, states)
        for seen, start in zip(self.seen, memory.states, strict=True):
            seen.begin(tuple(map(self._start, start)))
        return memory

    def _start(self, state: Array) -> Array:
        return np.concatenate((state, changed(state))) if self.stats else state[:1]

    def _rows(self, array: Array) -> Array:
        return np.concatenate((array, array)) if self.stats else array[:1]

    def block(self, value: Value, memory: Memory) -> tuple[Value, Memory]:
        """Return what the direction gives, once its cells have been seen."""
        x, mask = value
        if self.reverse:
            x, mask = x[:, ::-1], None if mask is None else mask[:, ::-1]
        for start in range(0, x.shape[1], BLOCK):
            cut = slice(start, start + BLOCK)
            output = self._rows(x[:, cut])
            kept = None if mask is None else self._rows(mask[:, cut])
            for seen in self.seen:
                output = seen.take(output, kept, self.stats)
        return super().block(value, memory)


class Place(NamedTuple):
    """A direction of a layer, where it is held, and its cells."""

    op: Recurrent | Bidirectional
    number: int
    direction: Direction
    seen: tuple[Seen, ...]

    def named(self, name: str | None) -> bool:
        """Whether the layer, the direction or one of its cells is called so; None fits all."""
        return name is None or any(name in seen.names for seen in self.seen)

    def watch(self, stats: bool) -> None:
        """Let the layer run under watch."""
        watched = Watched(self.direction, self.seen, stats)
        if isinstance(self.op, Bidirectional):
            self.op.directions[self.number] = watched
        else:
            self.op.direction = watched


class Watch:
    """A watch over a graph that is about to run; `trace` is of the picture, where one is asked for.

    Raises: UsageError for a layer or a gate that is not there.
    """

    def __init__(self, graph: Graph, look: Look) -> None:
        places = [place for op in _recurrent(graph) for place in _places(op)]
        _check_seen(graph)
        self.look, self.trace = look, None
        self.places = [place for place in places if place.named(look.layer)]
        if not self.places and (look.picture or look.layer is not None):
            raise _missing(look.layer, places)
        if look.picture:
            self.trace = self._draw()
        if look.stats:
            for place in self.places:
                place.watch(stats=True)

    def _draw(self) -> Trace:
        """Return what the last cell of the first direction of the last layer is to be seen in."""
        last = next(place for place in self.places if place.op is self.places[-1].op)
        cells = [seen for seen in last.seen if self.look.layer in (None, *seen.names)]
        if not self.look.stats:
            last.watch(stats=False)
        return cells[-1].draw(self.look.gate, last.direction.reverse)

    def rows(self) -> list[dict[str, Any]] | None:
        """Return the contract's row of each cell, None where no statistics are asked for."""
        if not self.look.stats:
            return None
        return [
            {"name": seen.names[2], **seen.figures(place.direction.reverse)}
            for place in self.places
            for seen in place.seen
            if self.look.layer in (None, *seen.names)
        ]


def _recurrent(graph: Graph) -> Iterator[Recurrent | Bidirectional]:
    """Yield the recurrent layers in the order they first run, those inside others too."""
    for op in dict.fromkeys(step.op for step in graph.steps):
        while isinstance(op, EachStep):
            op = op.inner
        if isinstance(op, Nested):
            yield from _recurrent(op.graph)
        elif isinstance(op, Recurrent | Bidirectional):
            yield op


def _places(op: Recurrent | Bidirectional) -> Iterator[Place]:
    setup = op.setup
    if isinstance(op, Recurrent):
        yield Place(op, 0, op.direction, _seen(setup.name, setup.name, setup))
        return
    for number, (name, kind, config) in enumerate(directions(setup.config)):
        seen = _seen(setup.name, f"{setup.name}/{name}", setup.inside(name, kind, config))
        yield Place(op, number, op.directions[number], seen)


def _seen(layer: str, direction: str, setup: Setup) -> tuple[Seen, ...]:
    cells = list(cells_of(setup.kind, setup.config))
    found = []
    for path, cell, config in cells:
        name = f"{direction}/{path.rpartition('/')[2]}" if len(cells) > 1 else direction
        names = (layer, direction, name)
        found.append(Seen(names, cell, setup.inside(path, setup.kind, config)))
    return tuple(found)


def _check_seen(graph: Graph) -> None:
    """Check that no recurrent layer stays unseen. Raises: UnsupportedError."""
    for step in graph.steps:
        if step.layer.kind in RECURRENT or step.layer.kind in TORCH:
            framework = "ONNX" if step.layer.kind in RECURRENT else "PyTorch"
            raise UnsupportedError(
                f"layer {step.layer.name!r} is {framework}'s and cannot be looked into",
                "--stats, --plot, --gate and --svg know the recurrent layers of Keras",
            )


def _missing(name: str | None, places: Sequence[Place]) -> UsageError:
    names = list(dict.fromkeys(place.seen[0].names[0] for place in places))
    if name is None or not names:
        return UsageError("the model has no recurrent layer to look into")
    return UsageError(f"the model has no recurrent layer called {name!r}",
                      nearest(name, names) or f"it has: {', '.join(names[:20])}")  # fmt: skip
