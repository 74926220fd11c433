"""TensorFlow.js: `model.json` with Keras's config, and shards of weights in the same folder.

Source: `write_weights.py` and `read_weights.py` of `tensorflowjs`.
"""

import os
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from math import prod
from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.hdf5 import Entry
from rnncli.formats.containers.members import Folder
from rnncli.formats.keras import inference
from rnncli.formats.keras.config import model_of
from rnncli.formats.keras.h5 import with_stored
from rnncli.formats.keras.json import details, load, written_by
from rnncli.formats.keras.matching import Holdings, matched
from rnncli.formats.keras.version import version_of
from rnncli.graph.infer import infer
from rnncli.model import Model, Source
from rnncli.storage import ITEM_SIZE, Store, Tensor

_FORMAT = "TensorFlow.js"


class Place(NamedTuple):
    """Where a weight is in the shards of its group, one after another, and how it is written."""

    shape: tuple[int, ...]
    dtype: str
    kept: str  # the dtype of what is written: that of quantised values, if they are
    paths: tuple[str, ...]
    offset: int
    scale: tuple[float, float] | None = None  # and the smallest value


def read(path: str, optimizer: bool = False) -> Model:
    """Return the model of a `model.json`; its shards are opened for their values only.

    Raises: FileError.
    """
    with open(path, "rb") as file:
        whole = load(file.read(limits.JSON_BYTES + 1), "the JSON")
    topology = whole.get("modelTopology")
    places = dict(_places(whole.get("weightsManifest") or []))
    if not isinstance(topology, dict):
        raise FileError("a TensorFlow.js model without its modelTopology")
    opener = partial(_store, os.path.dirname(path) or ".", places)
    if "node" in topology:
        held = _by_prefix(places)
        found = inference.from_tensors(path, held, _FORMAT, Holdings(held), None, "TensorFlow")
        return found._replace(store=opener)
    config = topology.get("model_config")
    node = _config(config if isinstance(config, dict) else topology)
    era = version_of(topology.get("keras_version"), "tensorflow", node)
    source = Source("file", path, _FORMAT, written_by(era), details(era, node))
    written = model_of(node, era, source)
    if not places:
        return infer(written)
    held = _by_layer(infer(written), places)
    model = matched(infer(with_stored(written, held)), Holdings(held, trainable_first=True))
    return model._replace(store=opener)


def _config(node: dict[str, Any]) -> dict[str, Any]:
    """Return a model's config. Raises: FileError if it is none."""
    if "class_name" not in node or "config" not in node:
        raise FileError("its modelTopology is not a Keras model")
    return node


def _places(manifest: Any) -> Iterator[tuple[str, Place]]:
    """Yield the weights of a manifest by their names. Raises: FileError if it is damaged."""
    try:
        for group in manifest:
            offset, paths = 0, tuple(str(path) for path in group["paths"])
            for each in group["weights"]:
                place = _place(each, paths, offset)
                offset += prod(place.shape) * ITEM_SIZE[place.kept]
                yield str(each["name"]), place
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FileError(f"a damaged weightsManifest ({error})") from None


def _place(each: Mapping[str, Any], paths: tuple[str, ...], offset: int) -> Place:
    shape = tuple(each["shape"])
    if not all(type(size) is int and 0 <= size <= limits.DIMENSION for size in shape):
        raise ValueError(f"the shape {str(shape)[:40]}")
    if each["dtype"] not in ITEM_SIZE:
        raise ValueError(f"values of type {str(each['dtype'])[:20]}")
    packed = each.get("quantization")
    if not packed:
        return Place(shape, each["dtype"], each["dtype"], paths, offset)
    kept = packed["dtype"]
    if kept == "float16":
        return Place(shape, "float16", kept, paths, offset)
    if kept not in ("uint8", "uint16"):
        raise ValueError(f"values quantised as {str(kept)[:20]}")
    scale = float(packed["scale"]), float(packed["min"])
    return Place(shape, each["dtype"], kept, paths, offset, scale)


def _entry(name: str, place: Place) -> Entry:
    return Entry(name, place.shape, place.dtype)


def _by_prefix(places: Mapping[str, Place]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for name, place in places.items():
        module = name.rpartition("/")[0] or name
        found.setdefault(module, []).append(_entry(name, place))
    return found


def _by_layer(model: Model, places: Mapping[str, Place]) -> dict[str, list[Entry]]:
    """Return the weights of each layer: by the layer's name, which begins theirs, else in order."""
    known = {layer.name for layer in model.layers}
    names = list(places)
    found: dict[str, list[Entry]] = {}
    if all(name.partition("/")[0] in known for name in names):
        for name in names:
            found.setdefault(name.partition("/")[0], []).append(_entry(name, places[name]))
        return found
    left = iter(names)
    for layer in model.layers:
        for _ in layer.all_weights():
            for name in islice(left, 1):
                found.setdefault(layer.name, []).append(_entry(name, places[name]))
    return found


@contextmanager
def _store(folder: str, places: Mapping[str, Place]) -> Iterator[Store]:
    yield _Shards(Folder(folder), places)


class _Shards:
    """The weights in the shards of a folder, by their names."""

    def __init__(self, folder: Folder, places: Mapping[str, Place]) -> None:
        self.folder, self.places = folder, places

    def read(self, name: str) -> Tensor:
        """Return a weight; quantised ones as they are when scaled. Raises: FileError."""
        place = self.places.get(name)
        if place is None:
            raise FileError(f"the manifest lists no {name[:80]!r}")
        size = prod(place.shape) * ITEM_SIZE[place.kept]
        limits.check(f"bytes of {name[:80]}", size, limits.TENSOR_BYTES)
        data = b"".join(self._parts(place.paths, place.offset, size))
        if len(data) < size:
            raise FileError(f"{name[:80]!r} lies outside its shards")
        if place.scale is None:
            return Tensor(place.dtype, place.shape, data)
        scale, smallest = place.scale
        wide = place.kept == "uint16"
        values = [number * scale + smallest for number in range(1 << 16 if wide else 1 << 8)]
        packed = array("H", data) if wide else data
        return Tensor("float32", place.shape, array("f", map(values.__getitem__, packed)).tobytes())

    def _parts(self, paths: tuple[str, ...], start: int, size: int) -> Iterator[bytes]:
        """Yield the bytes from `start` on, of files that follow each other."""
        for path in paths:
            if "/" in path or "\\" in path:
                raise FileError(f"shard {path[:60]!r} is not in the same folder; it is not read")
            with self.folder.open(path) as file:
                length = file.seek(0, 2)
                if start < length and size:
                    file.seek(start)
                    part = file.read(min(size, length - start))
                    size -= len(part)
                    yield part
                start = max(0, start - length)
