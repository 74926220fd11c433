"""The values of two models' weights, compared one pair at a time."""

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from rnncli.forward.blocks import Values, blocks
from rnncli.forward.stored import assemble, values_in
from rnncli.layers.op import Array
from rnncli.storage import Store
from rnncli.weights.figures import once, wide
from rnncli.weights.layouts import GateAxis, gate_axis
from rnncli.weights.matching import Pairs, Row
from rnncli.weights.piece import Entry, Part, only

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


class _Apart:
    """What is gathered of the distance of one gate, or of a whole weight."""

    def __init__(self) -> None:
        self.largest = self.total = self.squares = self.norm = 0.0
        self.count, self.known = 0, True

    def add(self, a: Array, b: Array) -> None:
        """Take values into account; NaN at the same place is no difference."""
        one, other = wide(a), wide(b)
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        with np.errstate(invalid="ignore"):  # of values that are infinite in both
            apart = np.where(same, 0, np.abs(one - other))
        self.known = self.known and not np.isnan(apart).any()
        self.largest = max(self.largest, float(apart.max(initial=0)))
        self.total += float(apart.sum())
        self.squares += float(np.square(apart).sum())
        self.norm += float(np.square(np.abs(one[np.isfinite(one)])).sum())
        self.count += one.size

    def distance(self) -> Distance:
        """Return how far apart they are."""
        if not self.known:
            return Distance(None, None, None)
        alike = 0.0 if not self.squares else None
        relative = sqrt(self.squares / self.norm) if self.norm else alike
        return Distance(self.largest, self.total / max(self.count, 1), relative)


def distances(a: Values, b: Values, gates: GateAxis | None = None) -> list[Distance]:
    """Return how far apart two arrays of one shape are, or each of their gates."""
    kept = gates and gates.axis
    a, b = once(a, b, kept=kept)[0], once(b, a, kept=kept)[0]  # means and norms stay the same
    found = [_Apart() for _ in range(len(gates.names) if gates else 1)]
    for index, (one, other) in blocks(a, b):
        if gates is None:
            found[0].add(one, other)
            continue
        pairs = zip(gates.shares(index, one), gates.shares(index, other), strict=True)
        for (gate, x), (_, y) in pairs:
            found[gate].add(x, y)
    return [each.distance() for each in found]


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
    for done, (name, axis, one, other) in enumerate(parts):
        if progress is not None:
            progress(done, len(parts))
        split = axis if gates else None
        found = distances(_made(one, stores[0]), _made(other, stores[1]), split)
        labels = [f"{name}[{gate}]" for gate in split.names] if split else [name]
        for label, each in zip(labels, found, strict=True):
            yield {"name": label, **each._asdict(), "same": each.within(tolerance)}


def _made(part: Part, store: Store) -> Values:
    if part.make is only:
        return values_in(part.sources[0], store)
    return part.make([assemble(source, store) for source in part.sources])


Compared = tuple[str, GateAxis | None, Part, Part]


def _weights(a: Any, b: Any) -> Iterator[Compared]:
    """Yield the weights of a pair that have one shape: name, where the gates lie, and both."""
    if isinstance(a, Row):
        yield from _stored(a, b)
        return
    for name, part in a.piece.parts.items():
        other = b.piece.parts.get(name)
        if other is not None and other.shape == part.shape:
            yield f"{a.name}/{name}", _columns(a, part.shape), part, other


def _columns(entry: Entry, shape: tuple[int, ...]) -> GateAxis | None:
    """Return where the gates lie in Keras's layout."""
    gates = entry.piece.cell.gates if entry.piece.cell is not None else ()
    if len(gates) < 2 or shape[-1] % len(gates):
        return None
    return GateAxis(gates, len(shape) - 1, shape[-1] // len(gates))


def _stored(a: Row, b: Row) -> Iterator[Compared]:
    """Yield the weights of two layers of one framework, as they are stored."""
    one, other = a.layer.weights or (), b.layer.weights or ()
    names = [weight.name for weight in one]
    for x, y in zip(one, other, strict=False):
        if x.shape == y.shape:
            name = x.name if names.count(x.name) == 1 else x.path
            axis = gate_axis(a.layer, x, x.shape)
            split = axis if axis == gate_axis(b.layer, y, y.shape) else None
            yield f"{a.name}/{name}", split, Part(x.shape, (x,)), Part(y.shape, (y,))
