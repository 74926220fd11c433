"""Which stored tensors are which weights of a model, and whether there are as many as its config
gives.

Every Keras writes a layer's tensors in the order of its weights; Keras 1 writes one tensor per
gate.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from rnncli.formats.containers.hdf5 import Entry
from rnncli.formats.keras.nodes import NO_WEIGHTS
from rnncli.formats.keras.tensor_names import by_name
from rnncli.model import Layer, Model, Weight
from rnncli.shapes import show
from rnncli.storage import Stored

_FORWARD, _BACKWARD = "/forward_", "/backward_"
_PER_GATE = re.compile(r"_([WUb])_([a-z])$")
_LETTERS = {"kernel": "W", "recurrent_kernel": "U", "bias": "b"}


class Slot(NamedTuple):
    """A weight, the kind of the layer that it is of, and its path in a nested model."""

    kind: str | None
    weight: Weight
    path: str


class Holdings(NamedTuple):
    """What a file holds for each layer, by the layer's name, in the file's order.

    `by_direction` are Bidirectional layers whose forward tensors stand first, whatever trains.
    `trainable_first`: all trainable tensors of a layer or a nested model stand first. `theano`: the
    windows of convolutions are stored backwards. `others` are tensors that no layer claims.
    """

    layers: Mapping[str, Sequence[Entry]]
    trainable_first: bool = False
    by_direction: frozenset[str] = frozenset()
    theano: bool = False
    others: Sequence[Entry] = ()


def matched(model: Model, held: Holdings) -> Model:
    """Return the model with its weights located; what does not agree is a warning."""
    layers, gaps = [], []
    for layer in model.layers:
        entries = held.layers.get(layer.name)
        if entries is None or not layer.built:
            if entries is None and layer.params:
                gaps.append(f"layer {layer.name!r}: its weights are not in the file")
            layers.append(layer)
            continue
        found, problem = _located(layer, entries, held)
        layers.append(found)
        if problem:
            gaps.append(f"layer {layer.name!r}: {problem}")
    if len(gaps) > 1 and not any(held.layers.values()):
        gaps = [NO_WEIGHTS]
    return model._replace(layers=tuple(layers)).with_gaps(*gaps, *unclaimed(held.others))


def unclaimed(others: Sequence[Entry]) -> Iterator[str]:
    """Yield the warning of tensors that no layer of the config claims."""
    if not others:
        return
    groups = dict.fromkeys(_group(each.path) for each in others)
    names = ", ".join(repr(name[:60]) for name in list(groups)[:4])
    more = ", …" if len(groups) > 4 else ""
    count = sum(each.weight.params for each in others)
    yield (f"the file holds {count:,} parameters that no layer of its config claims: "
           f"{names}{more}")  # fmt: skip


def _group(path: str) -> str:
    """Return the group that a tensor is listed in: Keras 3's, else that of a layer."""
    found, _, _ = path.rpartition("/vars/")
    return found or path.removeprefix("model_weights/").partition("/")[0]


def _located(layer: Layer, entries: Sequence[Entry], held: Holdings) -> tuple[Layer, str | None]:
    """Return the layer with its weights located, and what does not agree."""
    slots = list(_slots(layer))
    every = list(range(len(slots)))
    saved = [index for index in every if slots[index].weight.saved]
    orders = [(saved, entries)]
    if layer.kind == "Bidirectional" and layer.name in held.by_direction:
        held = held._replace(trainable_first=False)
    elif layer.kind == "Bidirectional" and _name_directions(entries):
        # What was frozen when the file was written, its config may not say; names do.
        entries = sorted(entries, key=lambda each: _BACKWARD in each.path)
        orders = [(saved, entries)]
        held = held._replace(trainable_first=False)
    if held.trainable_first:
        first = sorted(every, key=lambda index: not slots[index].weight.trainable)
        orders.insert(0, (first, entries))
    for order in (saved, every):
        named = by_name([slots[index].path for index in order], entries)
        if named is not None:
            orders.insert(0, (order, named))
    for order, held_so in orders:
        stored = _in_order([slots[index] for index in order], held_so, held.theano)
        if stored is not None:
            placed = dict(zip(order, stored, strict=True))
            return _with_stored(layer, iter([placed.get(index) for index in every])), None
    return layer, _difference(layer, slots, entries)


def _name_directions(entries: Sequence[Entry]) -> bool:
    """Whether half of the tensors are named after the forward layer, half after the backward."""
    backward = sum(_BACKWARD in each.path for each in entries)
    forward = sum(_FORWARD in each.path for each in entries)
    return backward == forward == len(entries) - backward > 0


def _difference(layer: Layer, slots: Sequence[Slot], entries: Sequence[Entry]) -> str:
    """Return what a layer's config and the file do not agree on."""
    slots = [slot for slot in slots if slot.weight.saved]
    pairs = zip_longest(
        (slot.weight.shape for slot in slots), (each.shape for each in entries), fillvalue=None
    )
    shapes = [
        " where ".join("none" if shape is None else show(shape) for shape in pair[::-1])
        for pair in pairs
        if pair[0] != pair[1]
    ]
    expected = sum(slot.weight.params for slot in slots)
    found = sum(each.weight.params for each in entries)
    if expected != found:
        counts = f"its config gives {expected:,} parameters, the file holds {found:,}"
    else:
        counts = "its weights have other shapes in the file than its config gives"
    lacking = _lacking(slots, entries)
    if lacking:
        return f"{counts} (it lacks {', '.join(lacking[:8])})"
    return f"{counts} ({shapes[0]} is expected)" if shapes else counts


def _lacking(slots: Sequence[Slot], entries: Sequence[Entry]) -> list[str]:
    """Return the weights that are not among the tensors, where all others are."""
    left, missing = list(entries), []
    for slot in slots:
        if left and left[0].shape == slot.weight.shape:
            left.pop(0)
        else:
            missing.append(slot.weight.path)
    return [] if left or len(missing) == len(slots) else missing


def _slots(layer: Layer, base: str = "") -> Iterator[Slot]:
    if layer.model is not None:
        for inner in layer.model.layers:
            yield from _slots(inner, f"{inner.name}/")
        return
    wrapped = layer.config.get("layer") if layer.kind == "TimeDistributed" else None
    kind = wrapped["class_name"] if isinstance(wrapped, Mapping) else layer.kind
    yield from (Slot(kind, weight, f"{base}{weight.path}") for weight in layer.weights or ())


def _with_stored(layer: Layer, stored: Iterator[Stored | None]) -> Layer:
    if layer.model is not None:
        inner = tuple(_with_stored(each, stored) for each in layer.model.layers)
        return layer._replace(model=layer.model._replace(layers=inner))
    weights = tuple(
        weight._replace(stored=place)
        for weight, place in zip(layer.weights or (), stored, strict=False)
    )
    return layer._replace(weights=weights if layer.weights is not None else None)


def _in_order(slots: Sequence[Slot], entries: Sequence[Entry], theano: bool) -> list[Stored] | None:
    """Return where each weight is, None if shapes or numbers do not agree."""
    left, stored = list(entries), []
    for index, (kind, weight, _) in enumerate(slots):
        gates = _per_gate(weight, left)
        if gates is not None:
            stored.append(Stored(tuple(gates), "keras1"))
            # The tensors of a cell stand together: go on behind them with the next cell.
            if index + 1 == len(slots) or slots[index + 1].weight.name == "kernel":
                left = left[_cell_tensors(slots, index, len(gates)) :]
            continue
        layout = _layout(kind, weight, left[0], theano) if left else None
        if layout is None:
            return None
        stored.append(Stored((left.pop(0).path,), layout))
    return None if left else stored


def _per_gate(weight: Weight, left: Sequence[Entry]) -> list[str] | None:
    """Return the tensors of each gate of a weight, as Keras 1 stores a cell; else None."""
    if len(weight.gates) < 2 or not left or not _PER_GATE.search(left[0].weight.name):
        return None
    names = {}
    for each in left[: 3 * len(weight.gates)]:
        mark = _PER_GATE.search(each.weight.name)
        if mark:
            names[mark[1], mark[2]] = each
    letter = _LETTERS.get(weight.name, "")
    found = [names.get((letter, gate)) for gate in weight.gates]
    shape = (*weight.shape[:-1], weight.shape[-1] // len(weight.gates))
    if any(each is None or each.shape != shape for each in found):
        return None
    return [each.path for each in found if each is not None]


def _cell_tensors(slots: Sequence[Slot], last: int, gates: int) -> int:
    """Return how many tensors the cell whose last weight is at `last` has."""
    first = last
    while slots[first].weight.name != "kernel" and first:
        first -= 1
    return (last - first + 1) * gates


def _layout(kind: str | None, weight: Weight, found: Entry, theano: bool) -> str | None:
    """Return the layout in which a tensor holds a weight, None if it cannot."""
    shape = found.shape
    window = kind == "Conv1D" and weight.name == "kernel"
    if window and len(shape) == 4:  # Keras 1 has one axis more
        steps, inputs, filters = weight.shape
        if shape == (steps, 1, inputs, filters):
            return "theano_window" if theano else "keras1_window"
        if shape == (filters, inputs, steps, 1):
            return "theano_filters" if theano else "keras1_filters"
        return None
    if kind == "Conv2D" and weight.name == "kernel" and len(shape) == 4:
        return _plane_layout(weight.shape, shape, theano)
    if shape == weight.shape:
        return "theano_window" if window and theano else "keras"
    return "reshape" if shape in ((), (1,)) and weight.params == 1 else None


def _plane_layout(expected: tuple[int, ...], shape: tuple[int, ...], theano: bool) -> str | None:
    """Return the layout of a Conv2D kernel: Keras 1 may have its filters and channels first."""
    if shape == expected:
        return "theano_plane" if theano else "keras"
    if shape == (*expected[:1:-1], *expected[:2]):
        return "theano_plane_filters" if theano else "keras1_plane_filters"
    return None


def unmatched(model: Model) -> Iterable[str]:
    """Yield the names of layers with weights that the file does not hold."""
    for layer in model.layers:
        if any(weight.stored is None and weight.saved for weight in layer.all_weights()):
            yield layer.name
