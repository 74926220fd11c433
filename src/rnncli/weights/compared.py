"""The values of two models' weights, compared one pair at a time."""

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from rnncli.forward.stored import assemble
from rnncli.layers.op import Array
from rnncli.model import Store
from rnncli.weights.figures import blocks, once
from rnncli.weights.layouts import gates_of
from rnncli.weights.matching import Pairs, Row
from rnncli.weights.piece import Entry, Part

Progress = Callable[[int, int], None]


class Distance(NamedTuple):
    """How far apart two arrays are: the largest and the mean absolute difference, and the norm of
    the difference over that of the first. None where a value is no number in one of them alone."""

    max: float | None
    mean: float | None
    relative: float | None

    def within(self, tolerance: float) -> bool:
        """Whether no value differs by more."""
        return self.max is not None and self.max <= tolerance


def distance(a: Array, b: Array) -> Distance:
    """Return how far apart two arrays of one shape are; NaN at the same place is no difference."""
    a, b = once(a, b)[0], once(b, a)[0]  # means and norms are the same without repeats
    largest, total, squares, norm = 0.0, 0.0, 0.0, 0.0
    for x, y in zip(blocks(a), blocks(b), strict=True):
        one, other = (np.asarray(each, np.float64) for each in (x, y))
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        apart = np.where(same, 0, np.abs(one - other))
        if np.isnan(apart).any():
            return Distance(None, None, None)
        largest = max(largest, float(apart.max(initial=0)))
        total += float(apart.sum())
        squares += float(np.square(apart).sum())
        norm += float(np.square(one[np.isfinite(one)]).sum())
    relative = sqrt(squares / norm) if norm else (0.0 if not squares else None)
    return Distance(largest, total / max(a.size, 1), relative)


def compared(
    pairs: Pairs[Row] | Pairs[Entry],
    stores: tuple[Store, Store],
    tolerance: float,
    gates: bool,
    progress: Progress | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the distance of each weight of the layers that belong together, or of each gate.

    Weights of other shapes are left out: that is a difference of its own. Raises: FileError for
    values that a file does not hold.
    """
    parts = [each for x, y in pairs.both for each in _weights(x, y)]
    for done, (name, split, one, other) in enumerate(parts):
        if progress is not None:
            progress(done, len(parts))
        x, y = _made(one, stores[0]), _made(other, stores[1])
        for label, a, b in split(name, x, y) if gates else [(name, x, y)]:
            found = distance(a, b)
            yield {"name": label, **found._asdict(), "same": found.within(tolerance)}


def _made(part: Part, store: Store) -> Array:
    return part.make([assemble(source, store) for source in part.sources])


Split = Callable[[str, Array, Array], Iterator[tuple[str, Array, Array]]]
Compared = tuple[str, Split, Part, Part]


def _weights(a: Any, b: Any) -> Iterator[Compared]:
    """Yield the weights of a pair that have one shape: name, gates, and both parts."""
    if isinstance(a, Row):
        yield from _stored(a, b)
        return
    for name, part in a.piece.parts.items():
        other = b.piece.parts.get(name)
        if other is not None and other.shape == part.shape:
            yield f"{a.name}/{name}", _columns(a), part, other


def _columns(entry: Entry) -> Split:
    cell = entry.piece.cell

    def split(name: str, a: Array, b: Array) -> Iterator[tuple[str, Array, Array]]:
        if cell is None or len(cell.gates) < 2 or a.shape[-1] % len(cell.gates):
            yield name, a, b
            return
        shares = (np.split(each, len(cell.gates), axis=-1) for each in (a, b))
        for gate, x, y in zip(cell.gates, *shares, strict=True):
            yield f"{name}[{gate}]", x, y

    return split


def _stored(a: Row, b: Row) -> Iterator[Compared]:
    """Yield the weights of two layers of one framework, as they are stored."""
    one, other = a.layer.weights or (), b.layer.weights or ()
    names = [weight.name for weight in one]
    for x, y in zip(one, other, strict=False):
        if x.shape == y.shape:
            name = x.name if names.count(x.name) == 1 else x.path

            def split(name: str, p: Array, q: Array, x: Any = x, y: Any = y) -> Iterator[Any]:
                if len(x.gates) < 2 or x.gates != y.gates:
                    yield name, p, q
                    return
                shares = zip(gates_of(a.layer, x, p), gates_of(b.layer, y, q), strict=True)
                yield from ((f"{name}[{gate}]", one, two) for (gate, one), (_, two) in shares)

            yield f"{a.name}/{name}", split, Part(x.shape, (x,)), Part(y.shape, (y,))
