"""Which layer of one model is which of another: by name, else by order and type."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Generic, NamedTuple, Protocol, TypeVar

from rnncli.model import Layer, Model
from rnncli.weights import attention
from rnncli.weights.onnx import joined
from rnncli.weights.piece import Entry, Part, Piece
from rnncli.weights.pieces import pieces_of

_MOST_ALIGNED = 2000  # what differs in more layers is paired type by type, in linear time


T = TypeVar("T")


class Named(Protocol):
    """Something that has a name."""

    @property
    def name(self) -> str:
        """The name."""


N = TypeVar("N", bound=Named)


class Row(NamedTuple):
    """A layer, of a nested model too; `name` leads to it from the top: `encoder/lstm`."""

    name: str
    layer: Layer
    prefix: str


class Pairs(NamedTuple, Generic[T]):
    """What belongs together, and what is in one model alone."""

    both: list[tuple[T, T]]
    removed: list[T]
    added: list[T]


def rows(layers: Sequence[Layer], prefix: str = "") -> Iterator[Row]:
    """Yield the layers, those of nested models in the place of these."""
    for layer in layers:
        if layer.model is not None:
            yield from rows(layer.model.layers, f"{prefix}{layer.name}/")
        else:
            yield Row(f"{prefix}{layer.name}", layer, prefix)


def entries_of(layers: Sequence[Layer], onnx: bool) -> list[Entry]:
    """Return the pieces of all layers that have weights."""
    found: list[Entry] = []
    for row in rows(layers):
        pieces = pieces_of(row.layer)
        if not pieces and row.layer.weights:
            pieces = (_plain(row.layer),)
        for piece in pieces:
            place = f"/{piece.place}" if piece.place else ""
            found.append(Entry(row.name + place, piece))
    return joined(found) if onnx else attention.joined(found)


def _plain(layer: Layer) -> Piece:
    """Return a layer of no known form with its weights as they are stored."""
    parts = {weight.key: Part(weight.shape, (weight,)) for weight in layer.weights or ()}
    return Piece(layer.type, layer, "", parts)


def layer_pairs(a: Model, b: Model) -> Pairs[Row]:
    """Return the layers of two models of one framework, paired."""
    return _pairs(list(rows(a.layers)), list(rows(b.layers)), layer_type, _shapes)


def piece_pairs(a: Model, b: Model) -> Pairs[Entry]:
    """Return the pieces of two models of any framework, paired."""
    return _pairs(
        entries_of(a.layers, a.type == "ONNX"),
        entries_of(b.layers, b.type == "ONNX"),
        lambda entry: (entry.piece.kind, entry.piece.reverse),
        lambda entry: tuple((name, part.shape) for name, part in entry.piece.parts.items()),
    )


def layer_type(row: Row) -> tuple[str, ...]:
    """Return the layer's type, with that of the layer inside a wrapper."""
    inner = row.layer.config.get("layer")
    inside = str(inner.get("class_name")) if isinstance(inner, dict) else ""
    return row.layer.type or row.layer.kind or "", inside


def _shapes(row: Row) -> tuple[tuple[int, ...], ...]:
    return tuple(weight.shape for weight in row.layer.weights or ())


def _pairs(
    a: list[N], b: list[N], kind: Callable[[N], Hashable], shapes: Callable[[N], Hashable]
) -> Pairs[N]:
    if {each.name for each in a} != {each.name for each in b} and (
        list(map(kind, a)) == list(map(kind, b))
    ):  # numbered anew, as Keras does within a process
        return Pairs(list(zip(a, b, strict=True)), [], [])
    both = _by_key(a, b, lambda each: (each.name, kind(each)))
    both += _aligned(*_left(a, b, both), lambda each: (kind(each), shapes(each)))
    both += _by_key(*_left(a, b, both), kind)
    both += _by_key(*_left(a, b, both), lambda each: each.name)
    place = {id(each): index for index, each in enumerate(a)}
    both.sort(key=lambda pair: place[id(pair[0])])
    return Pairs(both, *_left(a, b, both))


def _left(a: list[T], b: list[T], both: Sequence[tuple[T, T]]) -> tuple[list[T], list[T]]:
    """Return what is not in a pair yet."""
    taken = {id(each) for pair in both for each in pair}
    return [x for x in a if id(x) not in taken], [x for x in b if id(x) not in taken]


def _by_key(a: Iterable[T], b: Iterable[T], key: Callable[[T], Hashable]) -> list[tuple[T, T]]:
    """Return the first with a key and the first of the others with it, then the second, …"""
    waiting: dict[Hashable, list[T]] = defaultdict(list)
    for each in b:
        waiting[key(each)].append(each)
    turns = {name: iter(found) for name, found in waiting.items()}
    found = []
    for each in a:
        other = next(turns.get(key(each), iter(())), None)
        if other is not None:
            found.append((each, other))
    return found


def _aligned(a: list[T], b: list[T], key: Callable[[T], Hashable]) -> list[tuple[T, T]]:
    """Return what is the same in both, in the same order."""
    if max(len(a), len(b)) > _MOST_ALIGNED:
        return []
    matcher = SequenceMatcher(None, list(map(key, a)), list(map(key, b)), autojunk=False)
    return [
        (a[block.a + index], b[block.b + index])
        for block in matcher.get_matching_blocks()
        for index in range(block.size)
    ]
