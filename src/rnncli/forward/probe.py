"""A look inside the recurrent layers of a model while it runs.

A layer that is looked at runs twice: fast, for its output, and literally, step by step on the same
inputs, for its gates and states. The others run as ever.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import UsageError, nearest
from rnncli.forward.engine import Graph, Nested
from rnncli.forward.gradients import Progress
from rnncli.forward.probe_cells import First, Seen, Watched
from rnncli.forward.trace import Trace
from rnncli.layers.rnn.run import Recurrent, Running
from rnncli.layers.rnn.structure import walk
from rnncli.layers.wrappers import EachStep

if TYPE_CHECKING:
    from rnncli.forward.onnx.graph import OnnxGraph


class Look(NamedTuple):
    """What to look at: the `stats` of the recurrent layers (or of `layer`), and a `picture` of the
    state, or of one `gate`, of `layer` (or of the last of them), and its `first` step."""

    stats: bool = False
    picture: bool = False
    layer: str | None = None
    gate: str | None = None
    first: bool = False


class Place(NamedTuple):
    """A cell of a layer: the `number`th of `running`. `reverse`: it reads from the end."""

    running: Running
    number: int
    reverse: bool
    seen: Seen

    def named(self, name: str | None) -> bool:
        """Whether the layer, the direction or the cell is called so; None fits all."""
        return name is None or name in self.seen.names

    def watch(self, stats: bool) -> None:
        """Let the cell run under watch."""
        runners: list[Any] = self.running.runners
        runners[self.number] = Watched(runners[self.number], self.seen, stats)


class Watch:
    """A watch over a graph that is about to run; `trace` is of the picture, where one is asked for.

    Raises: UsageError for a layer or a gate that is not there, UnsupportedError for a layer that
    cannot be looked into.
    """

    def __init__(self, graph: "Graph | OnnxGraph", look: Look) -> None:
        places = [place for layer in _recurrent(graph) for place in _places(*layer)]
        self.look, self.trace = look, None
        self.places = [place for place in places if place.named(look.layer)]
        if not self.places and (look.picture or look.layer is not None):
            raise _missing(look.layer, places)
        if look.picture:
            self.trace = self._draw()
        if look.first and self.places:
            self.places[0].watch(stats=False)
        if look.stats:
            for place in self.places:
                place.watch(stats=True)

    def first(self) -> First | None:
        """Return the first step of the first cell, None where none is asked for."""
        found = self.places[0].seen.first if self.look.first and self.places else None
        return found and found._replace(reverse=self.places[0].reverse)

    def _draw(self) -> Trace:
        """Return what a cell of the last layer is to be seen in.

        It is the last that reads forward, or the last of all if all read backwards.
        """
        layer = [place for place in self.places if place.running is self.places[-1].running]
        last = next((place for place in layer[::-1] if not place.reverse), layer[-1])
        if not self.look.stats:
            last.watch(stats=False)
        return last.seen.draw(self.look.gate, last.reverse)

    def rows(self, progress: Progress | None = None) -> list[dict[str, Any]] | None:
        """Return the contract's row of each cell, None where no statistics are asked for."""
        if not self.look.stats:
            return None
        return [
            {"name": place.seen.names[2], **place.seen.figures(place.reverse, progress)}
            for place in self.places
        ]


def _recurrent(graph: "Graph | OnnxGraph") -> Iterator[tuple[str, Running]]:
    """Yield the recurrent layers in the order they first run, those inside others too."""
    if not isinstance(graph, Graph):
        yield from graph.recurrent()
        return
    for op in dict.fromkeys(step.op for step in graph.steps):
        while isinstance(op, EachStep):
            op = op.inner
        if isinstance(op, Nested):
            yield from _recurrent(op.graph)
        elif isinstance(op, Recurrent):
            yield op.setup.name, op.running


def _places(name: str, running: Running) -> Iterator[Place]:
    cells = zip(walk(running.structure.part), running.weights, strict=True)
    for number, ((node, reverse), weights) in enumerate(cells):
        direction = f"{name}/{node.direction}" if node.direction else name
        names = (name, direction, f"{direction}/{node.label}" if node.label else direction)
        yield Place(running, number, reverse, Seen(names, node, weights, running.dtype))


def _missing(name: str | None, places: Sequence[Place]) -> UsageError:
    names = list(dict.fromkeys(place.seen.names[0] for place in places))
    if name is None or not names:
        return UsageError("the model has no recurrent layer to look into")
    rows = [place.seen.names[2] for place in places]
    hint = nearest(name, [*rows, *names]) or f"it has: {', '.join(names[:20])}"
    return UsageError(f"the model has no recurrent layer called {name!r}", hint)
