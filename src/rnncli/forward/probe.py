"""A look inside the recurrent layers of a model while it runs.

A layer that is looked at runs twice: fast, for its output, and literally, step by step on the same
inputs, for its gates and states. The others run as ever.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import UsageError, nearest
from rnncli.forward.engine import Graph, Nested
from rnncli.forward.probe_cells import Seen, Watched, WatchedCell
from rnncli.forward.trace import Trace
from rnncli.layers.core import EachStep
from rnncli.layers.op import OpContext
from rnncli.layers.rnn.direction import textbook
from rnncli.layers.rnn.keras import cells_of, directions
from rnncli.layers.rnn.opened import Openable
from rnncli.layers.rnn.run_keras import Bidirectional, Recurrent

if TYPE_CHECKING:
    from rnncli.forward.onnx.graph import OnnxGraph

Layer = Recurrent | Bidirectional | Openable


class Look(NamedTuple):
    """What to look at: the `stats` of the recurrent layers (or of `layer`), and a `picture` of the
    state, or of one `gate`, of `layer` (or of the last of them)."""

    stats: bool = False
    picture: bool = False
    layer: str | None = None
    gate: str | None = None


class Place(NamedTuple):
    """A direction of a layer, or of one of the layers stacked in it (`level`), and its cells.

    `number` says where the layer holds it.
    """

    op: Layer
    number: int
    level: int
    reverse: bool
    seen: tuple[Seen, ...]

    def named(self, name: str | None) -> bool:
        """Whether the layer, the direction or one of its cells is called so; None fits all."""
        return name is None or any(name in seen.names for seen in self.seen)

    def watch(self, stats: bool) -> None:
        """Let the layer run under watch."""
        op, number = self.op, self.number
        if isinstance(op, Openable):
            op.cells[number] = WatchedCell(op.cells[number], self.seen[0], stats)
        elif isinstance(op, Bidirectional):
            op.directions[number] = Watched(op.directions[number], self.seen, stats)
        else:
            op.direction = Watched(op.direction, self.seen, stats)


class Watch:
    """A watch over a graph that is about to run; `trace` is of the picture, where one is asked for.

    Raises: UsageError for a layer or a gate that is not there, UnsupportedError for a layer that
    cannot be looked into.
    """

    def __init__(self, graph: "Graph | OnnxGraph", look: Look) -> None:
        places = [place for op in _recurrent(graph) for place in _places(op)]
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
        end = self.places[-1]
        last = next(p for p in self.places if (p.op, p.level) == (end.op, end.level))
        cells = [seen for seen in last.seen if self.look.layer in (None, *seen.names)]
        if not self.look.stats:
            last.watch(stats=False)
        return cells[-1].draw(self.look.gate, last.reverse)

    def rows(self) -> list[dict[str, Any]] | None:
        """Return the contract's row of each cell, None where no statistics are asked for."""
        if not self.look.stats:
            return None
        return [
            {"name": seen.names[2], **seen.figures(place.reverse)}
            for place in self.places
            for seen in place.seen
            if self.look.layer in (None, *seen.names)
        ]


def _recurrent(graph: "Graph | OnnxGraph") -> Iterator[Layer]:
    """Yield the recurrent layers in the order they first run, those inside others too."""
    if not isinstance(graph, Graph):
        yield from graph.recurrent()
        return
    for op in dict.fromkeys(step.op for step in graph.steps):
        while isinstance(op, EachStep):
            op = op.inner
        if isinstance(op, Nested):
            yield from _recurrent(op.graph)
        elif isinstance(op, Layer):
            yield op


def _places(op: Layer) -> Iterator[Place]:
    setup = op.setup
    if isinstance(op, Openable):
        for number, (name, level, reverse, found) in enumerate(op.opened()):
            path = f"{setup.name}/{name}" if name else setup.name
            cell = Seen((setup.name, path, path), found, setup.dtype)
            yield Place(op, number, level, reverse, (cell,))
    elif isinstance(op, Recurrent):
        yield Place(op, 0, 0, op.direction.reverse, _seen(setup.name, setup.name, setup))
    else:
        for number, (name, kind, config) in enumerate(directions(setup.config)):
            seen = _seen(setup.name, f"{setup.name}/{name}", setup.inside(name, kind, config))
            yield Place(op, number, 0, op.directions[number].reverse, seen)


def _seen(layer: str, direction: str, setup: OpContext) -> tuple[Seen, ...]:
    cells = list(cells_of(setup.kind, setup.config))
    found = []
    for path, cell, config in cells:
        name = f"{direction}/{path.rpartition('/')[2]}" if len(cells) > 1 else direction
        names = (layer, direction, name)
        own = setup.inside(path, setup.kind, config)
        found.append(Seen(names, textbook(own, cell), setup.dtype))
    return tuple(found)


def _missing(name: str | None, places: Sequence[Place]) -> UsageError:
    names = list(dict.fromkeys(place.seen[0].names[0] for place in places))
    if name is None or not names:
        return UsageError("the model has no recurrent layer to look into")
    rows = [seen.names[2] for place in places for seen in place.seen]
    hint = nearest(name, [*rows, *names]) or f"it has: {', '.join(names[:20])}"
    return UsageError(f"the model has no recurrent layer called {name!r}", hint)
