"""HDF5 as Keras 3 writes it under `.weights.h5` and inside `.keras`: a group per layer, called
after its class and numbered, not after its name.

Source: `_save_state` and `_save_container_state` of `keras/src/saving/saving_lib.py`. Keras 2.12 to
2.15 call the outermost group otherwise.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from rnncli.activation_names import is_weighted
from rnncli.cells import names, snake_case
from rnncli.formats.containers.hdf5 import Entry, child, entries
from rnncli.formats.keras.matching import Holdings
from rnncli.model import Config, Layer, Model, Weight

_INNER_OPTIMIZER = "optimizer/inner_optimizer/"
# The groups of an attention layer, in the order of its weights.
_PROJECTIONS = {
    "MultiHeadAttention": (
        "query_dense", "key_dense", "_gate_dense", "value_dense", "output_dense"
    ),
    "GroupedQueryAttention": (
        "_query_dense", "_key_dense", "_gate_dense", "_value_dense", "_output_dense"
    ),
}  # fmt: skip
_BESIDE = "."  # the group of the layer itself, beside those of layers in it
_COUNTED_TWICE = "_layer_checkpoint_dependencies"  # of Keras 2.12
CONTAINERS = ("layers", _COUNTED_TWICE)
METRICS = ("metrics", "_metrics", "compile_metrics", "compiled_metrics")  # counts while training


class Shelf(NamedTuple):
    """The tensors of a file by the group they are in, in their order."""

    groups: Mapping[str, list[Entry]]

    def under(self, base: str) -> list[Entry]:
        """Return the tensors of a group and of those inside it."""
        return [
            each
            for group, held in self.groups.items()
            if group == base or group.startswith(f"{base}/")
            for each in held
        ]

    def container(self, base: str) -> str:
        """Return where the layers of the model at `base` are."""
        places = [f"{base}/{name}".lstrip("/") for name in CONTAINERS]
        return next((place for place in places if self.under(place)), places[0])


def shelf(*files: Any) -> Shelf:
    """Return the tensors of all layers; a file written on Windows has `\\` in its groups' names."""
    groups: dict[str, list[Entry]] = {}
    for each in chain.from_iterable(map(entries, files)):
        group, _, number = each.slashed.rpartition("/")
        if number.isdecimal() and group.endswith("vars") and "seed_generator" not in group:
            groups.setdefault(group.removesuffix("vars").strip("/"), []).append(each)
    for held in groups.values():
        held.sort(key=lambda each: int(each.slashed.rpartition("/")[2]))
    return Shelf(
        {group: held for group, held in groups.items() if not group.startswith("optimizer")}
    )


def is_store(file: Any, found: Shelf) -> bool:
    """Whether the file, of which `found` are the tensors, is laid out like this."""
    return bool(found.groups) or any(child(file, name) is not None for name in CONTAINERS)


def holdings(model: Model, found: Shelf) -> Holdings:
    """Return what a file, of which `found` are the tensors, holds for each layer of the model."""
    held = {name: list(_held(layer, found, base)) for layer, name, base in placed(model, found, "")}
    claimed = {each.path for entries in held.values() for each in entries}
    others = [
        each
        for group, entries in found.groups.items()
        for each in entries
        if each.path not in claimed
        and group.partition("/")[0] not in METRICS
        and not _is_copy(each, entries, found.groups.get(f"{group}/layer", ()))
    ]
    return Holdings(held, others=others)


def _is_copy(each: Entry, beside: Sequence[Entry], inside: Sequence[Entry]) -> bool:
    """Whether a tensor is the kernel that a SpectralNormalization stores once more."""
    return each is beside[0] and bool(inside) and inside[0].shape == each.shape


def placed(model: Model, found: Shelf, base: str) -> Iterator[tuple[Layer, str, str]]:
    """Yield the layers of a model, their names and their groups.

    Keras 2.12 counts a layer with weights twice (`lstm`, `lstm_2`, `lstm_4`). Elsewhere,
    where there is a group for each layer of a class, they go in order.
    """
    container, counter = found.container(base), Counter[str]()
    if container.endswith(_COUNTED_TWICE):
        for layer in model.layers:
            group = f"{container}/{_numbered(layer.type, counter)}"
            counter[snake_case(layer.type)] += bool(found.under(group))
            yield layer, layer.name, group
        return
    start = len(container) + 1
    names = {g[start:].partition("/")[0] for g in found.groups if g.startswith(f"{container}/")}
    many = Counter(snake_case(layer.type) for layer in model.layers)
    ordered = {kind: _in_order(kind, names) for kind in many}
    for layer in model.layers:
        kind = snake_case(layer.type)
        standard, index = _numbered(layer.type, counter), counter[kind] - 1
        name = ordered[kind][index] if len(ordered[kind]) == many[kind] else standard
        yield layer, layer.name, f"{container}/{name}"


def _in_order(kind: str, names: Iterable[str]) -> list[str]:
    """Return the groups called after a class, by their number."""
    found = [
        match for name in names if (match := re.fullmatch(rf"{re.escape(kind)}(?:_(\d+))?", name))
    ]
    return [match[0] for match in sorted(found, key=lambda match: int(match[1] or 0))]


def _numbered(type_: str, counter: Counter[str]) -> str:
    name = snake_case(type_)
    counter[name] += 1
    return name if counter[name] == 1 else f"{name}_{counter[name] - 1}"


def _held(layer: Layer, found: Shelf, base: str) -> Iterator[Entry]:
    if layer.model is not None:
        inside = f"{base}/layer" if layer.kind == "TimeDistributed" else base
        for inner, _, place in placed(layer.model, found, inside):
            yield from _held(inner, found, place)
    elif layer.kind is None:
        yield from found.under(base)
    else:
        for group in _groups(layer.kind, layer.config):
            held = found.groups.get(f"{base}/{group}".rstrip("/."), ())
            if not held and group.endswith("_dense"):  # Keras 2 has an underscore before them
                held = found.groups.get(f"{base}/_{group}", ())
            # Beside the vector of a SpectralNormalization stands the kernel once more.
            yield from held[1:] if group.endswith(_BESIDE) else held


def _groups(kind: str, config: Config) -> Iterator[str]:
    """Yield the groups within that of a layer, in the order of its weights."""
    inner = config.get("layer")
    if kind == "Bidirectional" and inner:
        backward = config.get("backward_layer") or inner
        for name, each in (("forward_layer", inner), ("backward_layer", backward)):
            yield from (f"{name}/{group}" for group in _groups(each["class_name"], each["config"]))
    elif kind in ("TimeDistributed", "SpectralNormalization") and inner:
        yield from (f"layer/{group}" for group in _groups(inner["class_name"], inner["config"]))
        if kind == "SpectralNormalization":
            yield _BESIDE
    elif kind == "Pipeline":
        counter = Counter[str]()
        for each in config["layers"]:
            place = f"_pipeline_layers/{_numbered(each['class_name'], counter)}"
            yield from (f"{place}/{g}" for g in _groups(each["class_name"], each["config"]))
    elif kind == "RNN" and config["cell"]["class_name"] == "StackedRNNCells":
        yield from (
            f"cell/{group}" for group in _groups("StackedRNNCells", config["cell"]["config"])
        )
    elif kind == "StackedRNNCells":
        counter = Counter[str]()
        for cell in config["cells"]:
            yield f"cells/{_numbered(cell['class_name'], counter)}"
    elif kind in ("RNN", *names()) or kind.startswith("ConvLSTM"):
        yield "cell"
    elif kind in _PROJECTIONS:
        yield from _PROJECTIONS[kind]
    else:
        yield ""
        if is_weighted(config.get("activation")):
            yield "activation"


def with_stored(model: Model, file: Any) -> Model:
    """Return the model with the stored weights of the layers that rnncli does not know."""
    return _filled(model, shelf(file), "")


def _filled(model: Model, found: Shelf, base: str) -> Model:
    container, counter = found.container(base), Counter[str]()
    layers: list[Layer] = []
    for layer in model.layers:
        group = f"{container}/{_numbered(layer.type or str(layer.kind), counter)}"
        if layer.model is not None:
            layer = layer._replace(model=_filled(layer.model, found, group))
        elif layer.kind is None and layer.weights is None:
            layer = layer._replace(weights=tuple(_weights(found.under(group))))
        layers.append(layer)
    return model._replace(layers=tuple(layers))


def _weights(held: Iterable[Entry]) -> Iterator[Weight]:
    for each in held:
        yield Weight(each.path, each.shape, path=each.path, dtype=each.dtype)


def optimizer_weights(file: Any) -> tuple[Weight, ...] | None:
    """Return the variables of the optimizer, None if the file has none."""
    group = child(file, "optimizer")
    if group is None:
        return None
    held = list(entries(group))
    inner = [each for each in held if each.path.startswith(_INNER_OPTIMIZER)]
    outer = [each for each in held if each not in inner]
    # One that scales the loss keeps what is in the optimizer inside it, too.
    if Counter(each.shape for each in inner) <= Counter(each.shape for each in outer):
        held = outer
    return tuple(each.weight for each in held) or None
