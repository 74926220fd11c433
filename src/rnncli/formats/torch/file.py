"""PyTorch: `torch.save` in both of its formats, and TorchScript. Nothing in a file is run."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any, BinaryIO, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Global, Persistent, Record
from rnncli.formats.containers.unpickler import unpickled
from rnncli.formats.containers.zip import Archive
from rnncli.formats.torch.modules import model_of
from rnncli.formats.torch.tensors import storage_of
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


class Contents(NamedTuple):
    """What a file holds: its root object, and what finds its storages."""

    format: str
    root: Any
    offsets: Callable[[], Mapping[str, tuple[int, int]]]  # storage key -> (offset, bytes)
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


def _windows(path: str, folder: str) -> Mapping[str, tuple[int, int]]:
    """Return where in the file each storage is."""
    with Archive(path) as archive:
        return {
            name.removeprefix(folder): archive.window(name)
            for name in archive.names
            if name.startswith(folder)
        }


def _older(path: str) -> Contents:
    """Return what a file of before 1.6 holds: pickles in a row, then the storages in a row."""
    with open(path, "rb") as file:
        if unpickled(file) != _MAGIC:
            raise FileError(
                "a pickle of plain data, not one that PyTorch wrote",
                "expected a state dict, a checkpoint or a module saved by torch.save",
            )
        protocol = unpickled(file)
        if protocol != 1001:
            raise FileError(f"PyTorch's file protocol {str(protocol)[:20]} is not known")
        unpickled(file)  # of the machine that wrote it
        root, keys = unpickled(file), unpickled(file)
        start = file.tell()
    if not isinstance(keys, list):
        raise FileError("a damaged file: it does not list its storages")
    limits.check("storages", len(keys), limits.TENSORS)
    offsets = dict(_in_a_row(path, start, [str(key) for key in keys], storage_sizes(root)))
    return Contents("PyTorch before 1.6", root, lambda: offsets)


def _in_a_row(
    path: str, start: int, keys: list[str], sizes: Mapping[str, int]
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield where each storage is: its number of items stands before it."""
    with open(path, "rb", buffering=0) as file:
        end, at = os.fstat(file.fileno()).st_size, start
        for key in keys:
            file.seek(at)
            count = int.from_bytes(file.read(8), "little", signed=True)
            size = count * sizes.get(key, 0)
            if count < 0 or at + 8 + size > end:
                raise FileError("a truncated file: it ends before its tensors do")
            yield key, (at + 8, size)
            at += 8 + size


def storage_sizes(root: Any) -> dict[str, int]:
    """Return the bytes of an item of each storage that an object refers to."""
    found = {}
    for each in walk(root):
        storage = storage_of(each) if isinstance(each, Persistent) else None
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
        self.file, self.found, self.offsets = file, found, contents.offsets()

    def read(self, name: str) -> Tensor:
        """Return a tensor. Raises: FileError if it lies outside its storage."""
        tensor = self.found.tensors[name]
        place = self.offsets.get(tensor.storage)
        item = ITEM_SIZE.get(tensor.dtype)
        if place is None or item is None:
            raise FileError(f"tensor {name[:80]!r} has no values that can be read")
        spans = zip(tensor.shape, tensor.strides, strict=True)
        last = sum((size - 1) * stride for size, stride in spans) if prod(tensor.shape) else -1
        start, length = place[0] + tensor.offset * item, (last + 1) * item
        if (
            tensor.offset < 0
            or min((0, *tensor.strides)) < 0
            or tensor.offset * item + length > place[1]
        ):
            raise FileError(f"tensor {name[:80]!r} lies outside its storage")
        limits.check(f"bytes of tensor {name[:80]}", max(length, prod(tensor.shape) * item),
                     limits.TENSOR_BYTES)  # fmt: skip
        self.file.seek(start)
        data = self.file.read(length)
        if len(data) < length:
            raise FileError("a truncated file: it ends before its tensors do")
        return Tensor(tensor.dtype, tensor.shape, data, tensor.strides)
