"""PyTorch: `torch.save` in both of its formats, TorchScript and exported programs.

Nothing in a file is run.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Global, Persistent, Record, Span
from rnncli.formats.containers.unpickler import unpickled
from rnncli.formats.containers.zip import Archive, Part, opened
from rnncli.formats.torch import exported, torchscript, values
from rnncli.formats.torch.checkpoints import tensors_in
from rnncli.formats.torch.modules import model_of, shard_gaps
from rnncli.formats.torch.storages import LOADED, Place, as_bytes, storage_of
from rnncli.formats.torch.tensors import tensor_of
from rnncli.formats.torch.tree import NOTHING, Found, Script, Steps, sample, walk
from rnncli.model import Model, Source, Weight
from rnncli.storage import ITEM_SIZE

_MAGIC = 0x1950A86A20F9469CFC6C  # how the older format begins

# What the tensors of a data set are called, which no module's are.
_DATA = re.compile(r"[xy](_?(train|test|val|valid))?|(train|test|val|valid)_?([xy]|data|labels?)?|"
                   r"data(set)?|images?|labels?|targets?|inputs?|outputs?|features?|samples?|tensor|"
                   r"\d+", re.IGNORECASE)  # fmt: skip


def read(path: str | Part, optimizer: bool = False, key: str | None = None) -> Model:
    """Return the modules in a file; their weights stay where they are.

    `key` picks one of several models. Raises: FileError, UsageError.
    """
    contents, found = _searched(path, key)
    if not _has_model(found):
        return _keras(contents, path, optimizer)
    name = path.path if isinstance(path, Part) else path
    source = Source("file", name, contents.format, contents.written_by, found.details)
    model = model_of(found, source)
    if optimizer and found.optimizer:
        kept = (Weight("", tensor.shape, dtype=tensor.dtype) for tensor in found.optimizer)
        model = model._replace(optimizer=tuple(kept))
    store = partial(values.opened, path, contents.places, found.tensors)
    return model._replace(store=store).with_gaps(*shard_gaps(name))


def contents_of(path: str | Part, key: str | None = None) -> "tuple[Contents, Found]":
    """Return what a file holds, and the tensors of its models. Raises: FileError, UsageError."""
    contents, found = _searched(path, key)
    if not _has_model(found):
        raise _no_model(contents)
    return contents, found


def _searched(path: str | Part, key: str | None) -> "tuple[Contents, Found]":
    with opened(path) as file:
        zipped = file.read(2) == b"PK"
    contents = _zip(path) if zipped else _older(path)
    return contents, contents.found or tensors_in(contents.root, key, contents.scripts)


def _has_model(found: Found) -> bool:
    return bool(found.modules or found.models) or not all(map(_is_data, found.tensors))


def _keras(contents: "Contents", path: str | Part, optimizer: bool) -> Model:
    """Return the Keras model that `torch.save` wrote. Raises: FileError if there is none."""
    from rnncli.formats import held

    name, data = (path.path, path.data) if isinstance(path, Part) else (path, None)
    if contents.member:
        with Archive(path) as archive:
            data = archive.read(contents.member, limits.PICKLE_BYTES)
    model = held.read(held.models(contents.root, name, data), optimizer)
    if model is None:
        raise _no_model(contents)
    return model


def _no_model(contents: "Contents") -> FileError:
    return FileError(
        f"PyTorch data without a model's tensors: {_what(contents.root)}",
        "expected a state dict, a checkpoint that holds one, or a module",
    )


def _is_data(name: str) -> bool:
    return bool(_DATA.fullmatch(name.rpartition(".")[2]))


class Contents(NamedTuple):
    """What a file holds: its root object, and what finds its storages.

    `found` are its tensors where no object has to be searched for them; `member` is the
    member of a zip file that the root object stands in.
    """

    format: str
    root: Any
    places: Callable[[], Mapping[str, Place]]  # by the storages' keys
    written_by: str | None = "PyTorch"
    scripts: Mapping[str, Script] = NOTHING
    found: Found | None = None
    member: str = ""


def _zip(path: str | Part) -> Contents:
    with Archive(path) as archive:
        if exported.is_exported(archive.names):
            return _exported(archive, path)
        pickles = [name for name in archive.names if name.endswith("/data.pkl")]
        if not pickles:
            raise FileError("a zip file without a data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        with archive.opened(pickles[0]) as stream:
            root = unpickled(stream)
        if not any(name.startswith(f"{folder}code/") for name in archive.names):
            places = partial(_windows, path, f"{folder}data/")
            return Contents("PyTorch zip", root, places, member=pickles[0])
        scripts = torchscript.classes(archive, folder)
        inside = sample(root, Steps(), 1)
        state = None if inside else torchscript.frozen(archive, folder)
    data = "data/" if state is None else "constants/"
    places = partial(_windows, path, f"{folder}{data}")
    kind = "TorchScript" if state is None else "TorchScript, frozen"
    return Contents(kind, root if state is None else state, places, scripts=scripts)


def _exported(archive: Archive, path: str | Part) -> Contents:
    """Return what a program of `torch.export` holds."""
    inner = exported.state_dict(archive, path) if isinstance(path, str) else None
    if inner is None:
        found, places = exported.read(archive)
        return Contents("PyTorch export", None, lambda: places, found=found)
    contents = _zip(inner)
    found = tensors_in(contents.root)._replace(modules=exported.modules_in(archive))
    return contents._replace(format="PyTorch export", found=found)


def _windows(path: str | Part, folder: str) -> Mapping[str, Place]:
    """Return where in the file each storage is."""
    start = path.offset if isinstance(path, Part) else 0
    with Archive(path) as archive:
        return {
            name.removeprefix(folder): _moved(Place(*archive.window(name)), start)
            for name in archive.names
            if name.startswith(folder)
        }


def _moved(place: Place, start: int) -> Place:
    return place._replace(offset=place.offset + start)


def _older(path: str | Part) -> Contents:
    """Return what a file of before 1.6 holds, or a pickle that Python itself wrote."""
    with opened(path) as file:
        root = unpickled(file)
        if root != _MAGIC:
            return _plain(path, root)
        root, places = _in_a_row(file)
    return Contents("PyTorch before 1.6", root, lambda: places)


def _plain(path: str | Part, root: Any) -> Contents:
    """Return the contents of a pickle of Python's own, in which each storage is a file of its own.

    Source: `torch.storage._load_from_bytes`.
    """
    places: dict[str, Place] = {}
    with opened(path) as file:
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
    if not places and not sample(root, Steps(), 1):
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
        if tensor_of(root) is not None:
            return "a tensor"
        return f"a {root.what.rpartition('.')[2][:60]}"
    return f"a {type(root).__name__ if not isinstance(root, Global) else root.name[:60]}"
