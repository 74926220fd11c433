"""What differs between the layers of two models, their values aside."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rnncli.model import Call, Layer, Model, Ref
from rnncli.weights.arguments import arguments, call_arguments
from rnncli.weights.matching import Pairs, Row, layer_pairs, piece_pairs
from rnncli.weights.matching import layer_type as type_of
from rnncli.weights.piece import Entry, Piece


class Change(NamedTuple):
    """A layer that is in one model alone (`a` or `b` is None), or what of it has changed."""

    name: str
    change: str  # "added", "removed" or "changed"
    a: dict[str, Any] | None
    b: dict[str, Any] | None


class Difference(NamedTuple):
    """The changes, what belongs together, and sentences on how it is stored."""

    changes: list[Change]
    pairs: Pairs[Row] | Pairs[Entry]
    notes: list[str]


def differences(a: Model, b: Model) -> Difference:
    """Return what differs. Models of one framework are compared layer by layer, with all that their
    configs say; those of two by the pieces that their weights make up."""
    if _dialect(a) == _dialect(b):
        layers = layer_pairs(a, b)
        names = {(x.prefix, x.layer.name): y for x, y in layers.both}
        compared = ((x.name, _layers(x, y, names)) for x, y in layers.both)
        return Difference(_changes(layers, compared, _row_told), layers, [])
    pieces = piece_pairs(a, b)
    told = ((x.name, _pieces(x.piece, y.piece)) for x, y in pieces.both)
    notes = [note for x, y in pieces.both for note in _stored(x, y)]
    return Difference(_changes(pieces, told, _entry_told), pieces, notes)


def _dialect(model: Model) -> str:
    found = {layer.dialect for layer in model.layers if layer.kind != "InputLayer"}
    return found.pop() if len(found) == 1 else "keras"


Compared = Iterator[tuple[str, Any, Any]]


def _changes(
    pairs: Pairs[Any],
    compared: Iterable[tuple[str, Compared]],
    told: Callable[[Any], dict[str, Any]],
) -> list[Change]:
    found = [Change(each.name, "removed", told(each), None) for each in pairs.removed]
    found += [Change(each.name, "added", None, told(each)) for each in pairs.added]
    for name, items in compared:
        differing = [(what, x, y) for what, x, y in items if x != y]
        if differing:
            found.append(Change(name, "changed", {what: x for what, x, _ in differing},
                                {what: y for what, _, y in differing}))  # fmt: skip
    return found


def _row_told(row: Row) -> dict[str, Any]:
    layer = row.layer
    return {"type": layer.type, "params": layer.params if layer.built else None,
            "output_shapes": layer.output_shapes}  # fmt: skip


def _entry_told(entry: Entry) -> dict[str, Any]:
    sizes = [weight.params for part in entry.piece.parts.values() for weight in part.sources]
    return {"type": entry.piece.kind, "params": sum(sizes)}


def _layers(a: Row, b: Row, names: Mapping[tuple[str, str], Row]) -> Compared:
    """Yield what may differ between two layers of one framework."""
    one, other = a.layer, b.layer
    yield "type", " of ".join(filter(None, type_of(a))), " of ".join(filter(None, type_of(b)))
    shapes = [{w.key: w.shape for w in each.weights or ()} for each in (one, other)]
    dtypes = [{w.dtype for w in each.weights or ()} for each in (one, other)]
    if sorted(shapes[0].values()) != sorted(shapes[1].values()):
        yield "params", one.params, other.params
        by_name = [_by_name(each) for each in (one, other)]
        for name in dict.fromkeys((*by_name[0], *by_name[1])):
            yield f"{name} shape", by_name[0].get(name), by_name[1].get(name)
    elif dtypes[0] != dtypes[1]:
        yield "weights' dtype", _words(dtypes[0]), _words(dtypes[1])
    policies = [_policy(each.config.get("dtype")) for each in (one, other)]
    if None not in policies:
        yield "dtype", *policies
    if one.output_shapes is not None and other.output_shapes is not None:
        yield "output_shapes", one.output_shapes, other.output_shapes
    yield "trainable params", one.trainable_params, other.trainable_params
    if one.kind == other.kind and not (one.inferred or other.inferred):
        yield from _arguments(one, other)
        yield from _call_arguments(one.calls, other.calls)
    yield from _inputs(a, b, names)


def _policy(dtype: Any) -> Any:
    """Return the name of a dtype or of a policy."""
    if not isinstance(dtype, Mapping):
        return dtype
    config = dtype.get("config")
    return config.get("name") if isinstance(config, Mapping) else None


def _by_name(layer: Layer) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights, under names that do not hold those of layers inside."""
    found: dict[str, tuple[int, ...]] = {}
    for weight in layer.weights or ():
        name = weight.name if weight.name not in found else weight.path
        found[name] = weight.shape
    return found


def _words(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))


def _arguments(a: Layer, b: Layer) -> Compared:
    if a.kind == "InputLayer":  # whose shape is all that counts
        return
    one, other = (arguments(each.kind, each.config, _rank(each)) for each in (a, b))
    for key in dict.fromkeys((*one, *other)):
        x, y = one.get(key), other.get(key)
        if key != "nonlinearity" or None not in (x, y):  # which not every file says
            yield key, x, y


def _call_arguments(a: Sequence[Call], b: Sequence[Call]) -> Compared:
    """Yield what the calls are given beside their inputs, of each call that both models have."""
    for one, other in zip(map(call_arguments, a), map(call_arguments, b), strict=False):
        for key in dict.fromkeys((*one, *other)):
            yield f"call {key}", one.get(key), other.get(key)


def _rank(layer: Layer) -> int:
    """Return the rank of the layer's input, 0 where it is not known."""
    shapes = layer.calls[0].input_shapes if layer.calls else None
    return len(shapes[0]) if shapes else 0


def _inputs(a: Row, b: Row, names: Mapping[tuple[str, str], Row]) -> Compared:
    """Yield what the layers are called on, where both models say it of layers in both."""
    one, other = _called(a.layer.calls), _called(b.layer.calls)
    if not one or not other:
        return
    mapped = []
    for refs in one:
        pairs = [(names.get((a.prefix, ref.layer)), ref) for ref in refs]
        if any(row is None for row, _ in pairs):
            return
        mapped.append([(row.layer.name, ref.tensor) for row, ref in pairs if row is not None])
    plain = [[(ref.layer, ref.tensor) for ref in refs] for refs in other]
    known = {row.layer.name for row in names.values() if row.prefix == b.prefix}
    if all(name in known for refs in plain for name, _ in refs):
        yield "inputs", _shown(mapped), _shown(plain)


def _called(calls: Sequence[Call]) -> list[tuple[Ref, ...]]:
    return [call.tensors() for call in calls if call.tensors()]


def _shown(calls: list[list[tuple[str, int]]]) -> str:
    return "; ".join(", ".join(f"{name}[{tensor}]" for name, tensor in refs) for refs in calls)


def _pieces(a: Piece, b: Piece) -> Compared:
    """Yield what may differ between pieces of two frameworks: sizes, and the known settings."""
    yield "type", a.kind, b.kind
    for name in dict.fromkeys((*a.parts, *b.parts)):
        one, other = (each.parts.get(name) for each in (a, b))
        yield f"{name} shape", one and one.shape, other and other.shape
    for key in ("activation", "recurrent_activation", "reset_after", "go_backwards", "merge_mode"):
        if a.cell is not None and b.cell is not None and key in a.settings and key in b.settings:
            yield key, a.settings[key], b.settings[key]


def _stored(a: Entry, b: Entry) -> Iterator[str]:
    """Yield how a bias is stored where one model has one vector and the other has two."""
    if "bias" not in a.piece.parts or "bias" not in b.piece.parts:
        return
    if a.piece.summed != b.piece.summed:
        one, two = ("A", "B") if b.piece.summed else ("B", "A")
        yield (f"{a.name}: {two} stores two biases, which are added; {one} stores their sum: "
               "both compute the same.")  # fmt: skip
