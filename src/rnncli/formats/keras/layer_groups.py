"""HDF5 as Keras 1, 2 and 3 write it under `.h5`: a group per layer, whose attribute lists its
tensors in order."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.hdf5 import Entry, child, entries, entry, names, text
from rnncli.formats.keras.version import KerasVersion, version_of
from rnncli.model import Weight

_TOP = "top_level_model_weights"  # of the model itself, which Keras lists apart
_KERAS_1 = re.compile(r"_[WUb](_[a-z])?$")


def weights_group(file: Any) -> Any:
    """Return the group that holds the layers: `model_weights` of a full model, else the root."""
    group = child(file, "model_weights")
    return file if group is None else group


def version_in(file: Any, node: object = None) -> KerasVersion:
    """Return which Keras wrote a file, as it says at its root or beside its weights."""
    group = weights_group(file)
    version = text(file, "keras_version") or text(group, "keras_version")
    backend = text(file, "backend") or text(group, "backend")
    return version_of(version, backend, node)


def is_sections(file: Any) -> bool:
    """Whether the file lists layers, as every legacy file does."""
    return names(weights_group(file), "layer_names") is not None


def sections(file: Any) -> dict[str, list[Entry]]:
    """Return the tensors of each layer, both in the order of the file. Raises: FileError."""
    group = weights_group(file)
    listed = names(group, "layer_names") or []
    limits.check("layers", len(listed), limits.LAYERS)
    found = {name: list(_layer(group, name)) for name in listed}
    limits.check("tensors", sum(map(len, found.values())), limits.TENSORS)
    return found


def _layer(group: Any, name: str) -> Iterator[Entry]:
    layer = child(group, name)
    if layer is None:
        return
    listed = names(layer, "weight_names")
    if listed is None:  # before Keras 1
        yield from entries(layer)
        return
    for each in dict.fromkeys(listed):  # Keras 3.1 ends at the second of a name, halfway through
        dataset = child(layer, each)
        if dataset is None or not hasattr(dataset, "dtype"):
            raise FileError(f"layer {name[:60]!r} lists {each[:80]!r}, which is not there")
        yield entry(dataset, f"{layer.name}/{each}".lstrip("/"))


def unlisted(file: Any, listed: Collection[str]) -> Iterator[Entry]:
    """Yield the tensors beside the layers that a full model lists."""
    group = child(file, "model_weights")
    for name in group if hasattr(group, "keys") else ():
        if name not in listed and name != _TOP:
            found = child(group, name)
            if hasattr(found, "shape"):
                yield entry(found, f"{group.name}/{name}".lstrip("/"))
            elif found is not None:
                yield from entries(found)


def is_theano(file: Any, found: dict[str, list[Entry]]) -> bool:
    """Whether Theano wrote the tensors; Keras 1 does not say, but only TensorFlow's end in `:0`."""
    backend = text(file, "backend") or text(weights_group(file), "backend")
    if backend is not None:
        return backend == "theano"
    paths = [each.path for held in found.values() for each in held]
    return any(_KERAS_1.search(path) for path in paths)


def optimizer_weights(file: Any) -> tuple[Weight, ...] | None:
    """Return the variables of the optimizer, None if the file has none."""
    group = child(file, "optimizer_weights")
    return None if group is None else tuple(each.weight for each in entries(group)) or None
