"""The weights of a model with the layers that they belong to, and their values, one at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from rnncli.errors import RnncliError
from rnncli.forward import memory
from rnncli.forward.blocks import Values
from rnncli.forward.provenance import Origin, weights_origin
from rnncli.forward.stored import assemble, parts_of
from rnncli.forward.weights import Slot, random_values
from rnncli.layers.op import Array
from rnncli.model import Layer, Model, Weight
from rnncli.storage import Store


class Held(NamedTuple):
    """A weight of `layer`, which the row `row` of a summary holds; `name` tells it apart there.

    `path` is its place in the model: `lstm/lstm_cell/kernel`.
    """

    row: str
    name: str
    path: str
    layer: Layer
    weight: Weight


class Reader(NamedTuple):
    """Where values come from: an open file, or random ones by the paths of weights."""

    store: Store | None
    random: Mapping[str, Array]

    def array(self, each: Held) -> Array:
        """Return a weight's values. Raises: FileError."""
        return self.random[each.path] if self.store is None else assemble(each.weight, self.store)

    def parts(self, each: Held) -> Sequence[Values]:
        """Return what holds a weight's values between them (see `parts_of`). Raises: FileError."""
        if self.store is None:
            return [self.random[each.path]]
        return parts_of(each.weight, self.store)


def with_statistics(model: Model) -> Model:
    """Return the model with the running statistics of PyTorch's batch norms among their weights,
    as Keras has them; PyTorch counts them apart."""
    found = {
        weight.stored.tensors[0]: weight._replace(trainable=False)
        for weight in model.buffers
        if weight.stored is not None and weight.name in _STATISTICS
    }
    if not found:
        return model
    return model._replace(layers=tuple(_with(layer, found) for layer in model.layers))


_STATISTICS = ("running_mean", "running_var")


def _with(layer: Layer, statistics: Mapping[str, Weight]) -> Layer:
    names = {weight.name for weight in layer.weights or ()}
    own = [
        statistics[f"{layer.name}.{name}"]
        for name in _STATISTICS
        if f"{layer.name}.{name}" in statistics and name not in names
    ]
    return layer._replace(weights=(*(layer.weights or ()), *own)) if own else layer


def held(layers: Iterable[Layer]) -> Iterator[Held]:
    """Yield every weight of the layers, those of nested models included."""
    for layer in layers:
        found = list(_within(layer, ""))
        names = [weight.name for _, _, weight in found]
        for inside, owner, weight in found:
            alone = names.count(weight.name) == 1
            name = weight.name if alone and not inside else inside + weight.key
            path = f"{layer.name}/{inside}{weight.key}"
            yield Held(layer.name, name, path, owner, weight)


def _within(layer: Layer, inside: str) -> Iterator[tuple[str, Layer, Weight]]:
    if layer.model is None:
        for weight in layer.weights or ():
            yield inside, layer, weight
        return
    for inner in layer.model.layers:
        yield from _within(inner, f"{inside}{inner.name}/")


@contextmanager
def opened(model: Model, init: str | None, seed: int) -> Iterator[tuple[Reader, Origin]]:
    """Give what reads the values of a weight, as they are stored, and where they come from.

    Random ones are those that `forward` runs with. Raises: FileError where a file has none.
    """
    everything = list(held(model.layers))
    slots = [Slot(each.path, each.weight) for each in everything]
    if model.store is not None and init is None:
        with model.store() as store:
            yield Reader(store, {}), Origin("file", model.source.path)
        return
    origin = weights_origin(model, slots, None, init, seed)
    memory.check(8 * sum(slot.weight.params for slot in slots))
    rng = np.random.default_rng(seed).spawn(2)[1]
    values = random_values(slots, rng, origin.init or "keras", np.dtype(np.float32))
    yield Reader(None, values), origin


def parts_or_why(each: Held, read: Reader) -> tuple[Sequence[Values], str]:
    """Return what holds a weight's values, or nothing and the reason why they cannot be read."""
    try:
        found = read.parts(each)
    except RnncliError as error:
        return (), error.message
    for part in found:
        if part.dtype.kind not in "fiubc":
            return (), f"values of dtype {part.dtype} are no numbers"
    return found, ""
