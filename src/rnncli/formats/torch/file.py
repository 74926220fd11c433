"""PyTorch: `torch.save` in both of its formats, and TorchScript. Nothing in a file is run."""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any, BinaryIO, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Global, Persistent, Record, Span
from rnncli.formats.containers.unpickler import unpickled
from rnncli.formats.containers.zip import Archive
from rnncli.formats.torch.modules import model_of
from rnncli.formats.torch.tensors import LOADED, as_bytes, storage_of
from rnncli.formats.torch.tree import Found, tensors_in, walk
from rnncli.model import ITEM_SIZE, Model, Source, Store, Tensor

_MAGIC = 0x1950A86A20F9469CFC6C  # how the older format begins


# The last part of what a module's tensors are called.
_PARAMETER = re.compile(r"(^|[._])(weight|bias|kernel|gamma|beta|running|num_batches|embedding)")


def read(path: str, optimizer: bool = False) -> Model:
    """Return the modules in a file; their weights stay where they are. Raises: FileError."""
    with open(path, "rb") as file:
        zipped = file.read(2) == b"PK"
    contents = _zip(path) if zipped else _older(path)
    found = tensors_in(contents.root)
    if not found.tensors or not (found.modules or any(map(_PARAMETER.search, found.tensors))):
        raise FileError(
            f"PyTorch data without a model's tensors: {_what(contents.root)}",
            "expected a state dict, a checkpoint that holds one, or a module",
        )
    source = Source("file", path, contents.format, contents.written_by, found.details)
    model = model_of(found, source)
    return model._replace(store=partial(_store, path, contents, found))


class Place(NamedTuple):
    """Where a storage is: in the file, or in bytes that stand in its pickle."""

    offset: int
    size: int
    data: bytes | None = None


class Contents(NamedTuple):
    """What a file holds: its root object, and what finds its storages."""

    format: str
    root: Any
    places: Callable[[], Mapping[str, Place]]  # by the storages' keys
    written_by: str | None = "PyTorch"


def _zip(path: str) -> Contents:
    with Archive(path) as archive:
        pickles = [name for name in archive.names if name.endswith("/data.pkl")]
        if not pickles:
            raise FileError("a zip file without a data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        with archive.opened(pickles[0]) as stream:
            root = unpickled(stream)
        script = any(name.startswith(f"{folder}code/") for name in archive.names)
    kind = "TorchScript" if script else "PyTorch zip"
    return Contents(kind, root, partial(_windows, path, f"{folder}data/"))


def _windows(path: str, folder: str) -> Mapping[str, Place]:
    """Return where in the file each storage is."""
    with Archive(path) as archive:
        return {
            name.removeprefix(folder): Place(*archive.window(name))
            for name in archive.names
            if name.startswith(folder)
        }


def _older(path: str) -> Contents:
    """Return what a file of before 1.6 holds, or a pickle that Python itself wrote."""
    with open(path, "rb") as file:
        root = unpickled(file)
        if root != _MAGIC:
            return _plain(path, root)
        root, places = _in_a_row(file)
    return Contents("PyTorch before 1.6", root, lambda: places)


def _plain(path: str, root: Any) -> Contents:
    """Return the contents of a pickle of Python's own, in which each storage is a file of its own.

    Source: `torch.storage._load_from_bytes`.
    """
    places: dict[str, Place] = {}
    with open(path, "rb") as file:
        for each in walk(root):
            if not isinstance(each, Record) or each.what != LOADED or not each.args:
                continue
            limits.check("storages", len(places), limits.TENSORS)
            given = as_bytes(each.args[0])
            stream = file if isinstance(given, Span) else io.BytesIO(given)
            stream.seek(given.offset if isinstance(given, Span) else 0)
            if unpickled(stream) != _MAGIC:
                raise FileError("a damaged file: a storage that PyTorch did not write")
            storage, inside = _in_a_row(stream)
            found = storage_of(storage)
            if found is None or found.key not in inside:
                raise FileError("a damaged file: a storage without values")
            offset, size, _ = inside[found.key]
            data = None if isinstance(given, Span) else given
            key = f"{len(places)} of {found.key}"
            places[key] = Place(offset, size, data)
            each.state = Persistent(("storage", Global(found.kind), key))
    if not places:
        raise FileError(
            "a pickle of plain data, not one that PyTorch wrote",
            "expected a state dict, a checkpoint or a module saved by torch.save",
        )
    return Contents("pickle", root, lambda: places)


def _in_a_row(file: BinaryIO) -> tuple[Any, dict[str, "Place"]]:
    """Return the object after the first pickle, and where its storages are: they follow it."""
    protocol = unpickled(file)
    if protocol != 1001:
        raise FileError(f"PyTorch's file protocol {str(protocol)[:20]} is not known")
    unpickled(file)  # of the machine that wrote it
    root, keys = unpickled(file), unpickled(file)
    if not isinstance(keys, list):
        raise FileError("a damaged file: it does not list its storages")
    limits.check("storages", len(keys), limits.TENSORS)
    sizes, start = storage_sizes(root), file.tell()
    end = file.seek(0, io.SEEK_END)
    return root, dict(_storages(file, start, end, [str(key) for key in keys], sizes))


def _storages(
    file: BinaryIO, at: int, end: int, keys: list[str], sizes: Mapping[str, int]
) -> Iterator[tuple[str, "Place"]]:
    """Yield where each storage is: its number of items stands before it."""
    for key in keys:
        file.seek(at)
        count = int.from_bytes(file.read(8), "little", signed=True)
        size = count * sizes.get(key, 0)
        if count < 0 or at + 8 + size > end:
            raise FileError("a truncated file: it ends before its tensors do")
        yield key, Place(at + 8, size)
        at += 8 + size


def storage_sizes(root: Any) -> dict[str, int]:
    """Return the bytes of an item of each storage that an object refers to."""
    found = {}
    for each in walk(root):
        storage = storage_of(each) if isinstance(each, Persistent | Record) else None
        if storage is not None:
            found[storage.key] = ITEM_SIZE.get(storage.dtype, 1)
    return found


def _what(root: Any) -> str:
    """Return a few words on what an object is."""
    if isinstance(root, Mapping):
        names = ", ".join(repr(str(key)[:20]) for key in list(root)[:4])
        return f"a dict of {names}" if names else "an empty dict"
    if isinstance(root, Record):
        return f"a {root.what.rpartition('.')[2][:60]}"
    return f"a {type(root).__name__ if not isinstance(root, Global) else root.name[:60]}"


@contextmanager
def _store(path: str, contents: Contents, found: Found) -> Iterator[Store]:
    with open(path, "rb") as file:
        yield _Storages(file, contents, found)


class _Storages:
    """The tensors of an open file, by their names."""

    def __init__(self, file: BinaryIO, contents: Contents, found: Found) -> None:
        self.file, self.found, self.places = file, found, contents.places()

    def read(self, name: str) -> Tensor:
        """Return a tensor. Raises: FileError if it lies outside its storage."""
        tensor = self.found.tensors[name]
        place = self.places.get(tensor.storage)
        item = ITEM_SIZE.get(tensor.dtype)
        if place is None or item is None:
            raise FileError(f"tensor {name[:80]!r} has no values that can be read")
        spans = zip(tensor.shape, tensor.strides, strict=True)
        last = sum((size - 1) * stride for size, stride in spans) if prod(tensor.shape) else -1
        start, length = place.offset + tensor.offset * item, (last + 1) * item
        if (
            tensor.offset < 0
            or min((0, *tensor.strides)) < 0
            or tensor.offset * item + length > place.size
        ):
            raise FileError(f"tensor {name[:80]!r} lies outside its storage")
        limits.check(f"bytes of tensor {name[:80]}", max(length, prod(tensor.shape) * item),
                     limits.TENSOR_BYTES)  # fmt: skip
        if place.data is None:
            self.file.seek(start)
            data = self.file.read(length)
        else:
            data = place.data[start : start + length]
        if len(data) < length:
            raise FileError("a truncated file: it ends before its tensors do")
        return Tensor(tensor.dtype, tensor.shape, data, tensor.strides)
