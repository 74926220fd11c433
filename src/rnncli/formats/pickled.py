"""Pickles and joblib files, compressed or not: who reads what one holds is decided here.

Keras 2.12 and later put a model into a pickle as the bytes of its `.keras` file, Keras 2.9 as those
of a tar file of a SavedModel.
"""

import io
from collections.abc import Iterator
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.inflate import compression, inflated
from rnncli.formats.containers.pickle_machine import Global, Persistent, Record, Span
from rnncli.formats.containers.unpickler import unpickled
from rnncli.formats.containers.zip import Archive, Part, opened
from rnncli.formats.torch.tree import Steps, sample, walk
from rnncli.model import Model

# `torch.save` before PyTorch 1.6: a pickle of a number that nobody else writes.
_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_ZIP = b"PK\3\4"
# What unpacks a file that is compressed as a whole.
_UNPACK = {"gzip": "gunzip -k FILE", "bzip2": "bunzip2 -k FILE", "xz": "unxz -k FILE",
           "lzma": "unlzma -k FILE"}  # fmt: skip
_KERAS = "expected a Keras model, or tensors that PyTorch wrote"


def read(path: str, optimizer: bool = False, key: str | None = None) -> Model:
    """Return the model in a pickle; nothing in it is run. `key` is that of a PyTorch checkpoint.

    Raises: FileError, UsageError.
    """
    with open(path, "rb") as file:
        start = file.read(16)
        if start.startswith(_TORCH):
            return _torch(path, optimizer, key)
        file.seek(0)
        packed = compression(start)
        data = inflated(file) if packed else None
        if data is not None and data[257:262] == b"ustar":
            return _keras([Part(path, 0, len(data), data)], optimizer)
        if data is not None and not is_pickle(data[:64]):
            raise FileError(f"{packed}-compressed, and no pickle inside", _UNPACK.get(packed or ""))
        root = unpickled(file if data is None else io.BytesIO(data))
    parts = list(_models(root, path, data))
    if parts:
        return _keras(parts, optimizer)
    if _is_torch(root):
        whole = path if data is None else Part(path, 0, len(data), data)
        return _torch(whole, optimizer, key)
    raise FileError(f"a pickle of {_what(root)}: no model that rnncli reads", _KERAS)


def is_pickle(start: bytes) -> bool:
    """Whether a file begins as a pickle of protocol 2 or later does."""
    return start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5")


def _models(root: Any, path: str, data: bytes | None) -> Iterator[Part]:
    """Yield the `.keras` files and tar files of SavedModels that stand in a pickle as bytes."""
    limit = limits.PICKLE_WALK
    for count, value in enumerate(walk(root)):
        limits.check("values in a pickle", count, limit)
        if isinstance(value, Span) and data is not None:
            value = data[value.offset : value.offset + value.length]
        if isinstance(value, Span):
            part = Part(path, *value)
        elif isinstance(value, bytes) and len(value) > 100:
            part = Part(path, 0, len(value), value)
        else:
            continue
        if _holds_keras(part):
            yield part


def _holds_keras(part: Part) -> bool:
    with opened(part) as file:
        start = file.read(512)
    if start.startswith(_ZIP):
        with Archive(part) as archive:
            return "config.json" in archive.names
    return start[257:262] == b"ustar"


def _torch(source: str | Part, optimizer: bool, key: str | None) -> Model:
    from rnncli.formats.torch.file import read

    return read(source, optimizer, key)


def _keras(parts: list[Part], optimizer: bool) -> Model:
    with opened(parts[0]) as file:
        is_zip = file.read(4) == _ZIP
    if is_zip:
        from rnncli.formats.keras.zipped import read
    else:
        from rnncli.formats.tensorflow.saved_model import read_archive as read
    model = read(parts[0], optimizer)
    if len(parts) > 1:
        more = f"the pickle holds {len(parts)} Keras models; this is the first"
        model = model._replace(warnings=(*model.warnings, more))
    return model


def _is_torch(root: Any) -> bool:
    """Whether PyTorch's tensors or modules are in a pickle."""
    return any(
        isinstance(value, Persistent)
        or (isinstance(value, Record) and value.what.startswith("torch."))
        for value in walk(root)
    ) or bool(sample(root, Steps(), 1))


def _what(root: Any) -> str:
    """Return the class of an object in a few words."""
    if isinstance(root, Record):
        name = root.what
        if root.what.endswith(("_reconstructor", "__newobj__")) and root.args:
            first = root.args[0]
            name = first.name if isinstance(first, Global) else name
        return name[:80]
    if isinstance(root, dict):
        inner = [each for each in root.values() if isinstance(each, Record)]
        keys = ", ".join(repr(str(key)[:20]) for key in list(root)[:4])
        held = f" ({_what(inner[0])} in it)" if inner else ""
        return f"a dict of {keys}{held}" if keys else "an empty dict"
    if isinstance(root, Global):
        return f"the name {root.name[:80]}"
    return f"a {type(root).__name__}"
