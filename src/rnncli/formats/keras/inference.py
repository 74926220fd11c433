"""Weights without an architecture: layers and their kinds, as far as names and shapes tell."""

import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from rnncli.cells import GRU, LSTM, SIMPLE_RNN, snake_case
from rnncli.formats.containers.hdf5 import Entry
from rnncli.formats.keras import layer_groups, variables
from rnncli.formats.keras.json import details, written_by
from rnncli.formats.keras.matching import Holdings, matched
from rnncli.formats.keras.variables import Shelf
from rnncli.formats.keras.version import KerasVersion
from rnncli.graph.infer import infer
from rnncli.layers import ALIASES, TABLE, complete, layer_type
from rnncli.layers.layer_type import REQUIRED
from rnncli.model import Call, Config, Layer, Model, Source

# What Keras calls layers, with and without the underscores that Keras 1 left out.
_NAMES = {snake_case(kind): kind for kind in TABLE}
_NAMES |= {name.replace("_", ""): kind for name, kind in _NAMES.items()}
_NAMES["input"] = "InputLayer"
_OLDER = {name.lower(): name for name in (*ALIASES, "TimeDistributedDense")}  # of Keras 1
_CELLS = {len(cell.gates): cell.name for cell in (SIMPLE_RNN, GRU, LSTM)}


class Guess(NamedTuple):
    """A layer's kind and what its config must be; `doubt` says what else it could be."""

    kind: str
    config: Config
    inputs: tuple[int | None, ...] | None = None
    doubt: str | None = None


def from_sections(file: Any, path: str) -> Model:
    """Return the model of a weights file that lists its layers by name. Raises: FileError."""
    held = layer_groups.sections(file)
    era = layer_groups.version_in(file)
    theano = layer_groups.is_theano(file, held)
    return from_tensors(path, held, "Keras weights", Holdings(held, theano=theano), era)


def from_store(
    found: Shelf, path: str, format: str = "Keras 3 weights", era: KerasVersion | None = None
) -> Model:
    """Return the model of a Keras 3 weights file, whose layers are called after their class, those
    of a subclassed model after its attributes."""
    container = found.container("")
    depth = container.count("/") + 2
    bases: dict[str, None] = {}
    for group in found.groups:
        if group.startswith(f"{container}/"):
            bases["/".join(group.split("/")[:depth])] = None
        elif group.partition("/")[0] not in variables.METRICS:
            bases[_attribute(group)] = None
    held = {}
    for base in bases:
        entries = found.under(base) if base else found.groups[base]
        held[_shown(base, container)] = _directions(_once(entries))
    return from_tensors(path, held, format, Holdings(held), era)


# Groups that are parts of one layer.
_PART = re.compile(
    r"cells?|cells_\d+|(forward|backward)_layer|layer|_?(query|key|value|output)_dense"
)


def _attribute(group: str) -> str:
    """Return the group of the layer that a group is a part of."""
    parts = group.split("/")
    within = next((at for at, part in enumerate(parts) if at and _PART.fullmatch(part)), len(parts))
    return "/".join(parts[:within])


def _shown(base: str, container: str) -> str:
    """Return the name of a layer by its group; the variables of the model itself are `vars`."""
    if base.startswith(f"{container}/"):
        return base.rpartition("/")[2]
    return "/".join(part for part in base.split("/") if part not in variables.CONTAINERS) or "vars"


def _once(entries: list[Entry]) -> list[Entry]:
    """Return tensors without the kernels that a SpectralNormalization lists beside its vector."""
    shapes = {each.slashed: each.shape for each in entries}
    twins = {
        path
        for path, shape in shapes.items()
        if path.endswith("/vars/0")
        and shapes.get(path.replace("/vars/0", "/layer/vars/0")) == shape
        and shapes.get(path.replace("/vars/0", "/vars/1")) == (1, *shape[-1:])
    }
    return [each for each in entries if each.slashed not in twins]


def _directions(entries: list[Entry]) -> list[Entry]:
    """Return tensors with those of the forward layer first."""
    return sorted(entries, key=lambda each: "backward_layer" in each.path)


def from_tensors(
    path: str,
    held: dict[str, list[Entry]],
    format: str,
    holdings: Holdings,
    era: KerasVersion | None,
    written: str = "Keras 3, by its looks",
) -> Model:
    """Return the model that has these tensors by the names of its layers."""
    layers = []
    warnings = ["the file holds weights only: layers are inferred from names and shapes"]
    for name, entries in held.items():
        layer, doubt = _layer(name, entries)
        layers.append(layer)
        if doubt:
            warnings.append(f"layer {name!r} is ambiguous: {doubt}")
    stem = os.path.basename(path).partition(".")[0]
    told = details(era, {}) if era is not None else {}
    stated = written_by(era) if era is not None and era.text else None
    if era is None:
        stated = written
    source = Source("file", path, format, stated, told)
    model = infer(Model(stem, "Weights", tuple(layers), source=source))
    return matched(model._replace(warnings=(*warnings, *model.warnings)), holdings)


def _layer(name: str, entries: Sequence[Entry]) -> tuple[Layer, str | None]:
    """Return the layer that holds these tensors, and what is ambiguous about it."""
    guess = _guess(name, entries)
    if guess is None or not _agrees(guess, entries):
        weights = tuple(each.weight for each in entries)
        type_ = _NAMES.get(_stem(name), "?")
        kind = type_ if not entries and _stands_alone(type_) else None
        return Layer(kind, name, {}, weights=weights, inferred=True, type=type_), None
    layer = Layer(
        guess.kind, name, guess.config, calls=(Call(),) if guess.inputs else (),
        build_shapes=(guess.inputs,) if guess.inputs else None,
        weights=tuple(each.weight for each in entries), inferred=True, type=_type(name),
    )  # fmt: skip
    return layer, guess.doubt


def _stands_alone(type_: str) -> bool:
    """Whether a layer needs no argument, so that its name alone says all of it."""
    return type_ in TABLE and REQUIRED not in layer_type(type_).signature.values()


def _type(name: str) -> str:
    """Return the class to show: what the name says, where it is another name for the guess."""
    return _OLDER.get(_stem(name), "")


def _agrees(guess: Guess, entries: Sequence[Entry]) -> bool:
    """Whether the layer that was guessed has as many parameters as the file holds for it."""
    inputs = (guess.inputs,) if guess.inputs else ()
    weights = layer_type(guess.kind).weights(complete(guess.kind, guess.config), inputs)
    return sum(each.params for each in weights) == sum(each.weight.params for each in entries)


def _stem(name: str) -> str:
    return re.sub(r"_\d+$", "", name.rpartition("/")[2])


def _guess(name: str, entries: Sequence[Entry]) -> Guess | None:
    if not all(each.shape for each in entries) or not entries:
        return None
    halves = len(entries) // 2
    ends = [_end(each) for each in entries]
    recurrent = [i for i, shape in enumerate(_shapes(entries)) if _is_recurrent(entries, i, shape)]
    gates = {end for end in ends if end.startswith("U_")}
    if len(recurrent) == 2 or len(gates) * 2 == sum(end.startswith("U_") for end in ends) > 0:
        inner = _cell(entries[:halves])
        if inner is not None:
            layer = {"class_name": inner.kind, "config": inner.config}
            return inner._replace(kind="Bidirectional", config={"layer": layer})
    if len(recurrent) == 1 or gates:
        return _cell(entries)
    return _plain(name, entries, ends)


def _end(found: Entry) -> str:
    """Return what a tensor is called within its layer: `kernel`, or Keras 1's `W_i`."""
    mark = re.search(r"_([WUb](_[a-z])?)$", found.weight.name)
    return mark[1] if mark else found.weight.name


def _shapes(entries: Sequence[Entry]) -> list[tuple[int, ...]]:
    return [each.shape for each in entries]


def _is_recurrent(entries: Sequence[Entry], index: int, shape: tuple[int, ...]) -> bool:
    """Whether a tensor is a recurrent kernel: called so, or in Keras 3 the second of a cell."""
    if len(shape) != 2:
        return False
    if entries[index].weight.name == "recurrent_kernel" or _end(entries[index]) == "U":
        return True
    return entries[index].slashed.endswith("cell/vars/1")


def _cell(entries: Sequence[Entry]) -> Guess | None:
    """Return the recurrent layer with these tensors, None if they are not one cell's."""
    per_gate = [each for each in entries if _end(each).startswith("U_")]
    shapes = _shapes(entries)
    if per_gate:
        kind, inputs = _CELLS.get(len(per_gate)), shapes[0][0]
        sizes = {"units": per_gate[0].shape[-1], "reset_after": False}
        return None if kind is None else Guess(kind, sizes, (None, None, inputs))
    if len(shapes) < 2 or len(shapes[0]) != 2 or not shapes[1] or not shapes[1][0]:
        return None
    (inputs, columns), units = shapes[0], shapes[1][0]
    kind = _CELLS.get(columns // units) if columns % units == 0 else None
    if kind is None or shapes[1] != (units, columns):
        return None
    config: dict[str, Any] = {"units": units, "use_bias": len(shapes) > 2}
    doubt = None
    if kind == "GRU":
        config["reset_after"] = len(shapes) > 2 and len(shapes[2]) == 2
    if len(shapes) > 2 and shapes[2] == (2 * columns,) and kind != "SimpleRNN":
        kind, config = f"CuDNN{kind}", {"units": units}
    elif len(shapes) == 2 and kind == "GRU":
        doubt = "without a bias nothing tells whether its reset_after is on"
    return Guess(kind, config, (None, None, inputs), doubt)


def _plain(name: str, entries: Sequence[Entry], ends: list[str]) -> Guess | None:
    """Return the layer without recurrence that has these tensors."""
    first, stem = entries[0].shape, _NAMES.get(_stem(name))
    if "moving_mean" in ends or "running_mean" in ends or stem == "BatchNormalization":
        sizes = {
            "scale": "gamma" in ends or len(ends) == 4,
            "center": "beta" in ends or len(ends) == 4,
        }
        return Guess("BatchNormalization", sizes, (None, *first))
    if ends[:2] == ["gamma", "beta"] or stem == "LayerNormalization":
        return Guess("LayerNormalization", {}, (None, None, *first))
    if len(first) == 2 and ("embeddings" in ends or stem == "Embedding"):
        return Guess("Embedding", {"input_dim": first[0], "output_dim": first[1]}, (None, None))
    if len(first) == 4 and _NAMES.get(_stem(name), ALIASES.get(_type(name))) == "Conv1D":
        first = (first[0], *first[2:])  # Keras 1 has one axis more
    bias = len(entries) == 2 and entries[1].shape == first[-1:]
    if len(entries) > 2 or (len(entries) == 2 and not bias):
        return None
    if len(first) == 2:
        config: dict[str, Any] = {"units": first[1], "use_bias": bias}
        if stem == "TimeDistributed":
            inner = {"class_name": "Dense", "config": config}
            return Guess(stem, {"layer": inner}, (None, None, first[0]))
        return Guess("Dense", config, (None, first[0]))
    if len(first) == 3 or (len(first) == 4 and stem in (None, "Conv2D")):
        *window, channels, filters = first
        config = {"filters": filters, "kernel_size": window, "use_bias": bias, "padding": "same"}
        return Guess(f"Conv{len(window)}D", config, (None, *[None] * len(window), channels))
    return None
