"""Pickles and joblib files, compressed or not: who reads what one holds is decided here."""

import io
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import PICKLED, held
from rnncli.formats.containers.inflate import compression, inflated
from rnncli.formats.containers.pickle_machine import Global, Persistent, Record
from rnncli.formats.containers.unpickler import unpickled
from rnncli.formats.containers.zip import Part
from rnncli.formats.torch.tree import Steps, sample, walk
from rnncli.model import Model

# `torch.save` before PyTorch 1.6: a pickle of a number that nobody else writes.
_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
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
            return held.read_one(Part(path, 0, len(data), data), optimizer)
        if data is not None and not data.startswith(PICKLED):
            raise FileError(f"{packed}-compressed, and no pickle inside", _UNPACK.get(packed or ""))
        root = unpickled(file if data is None else io.BytesIO(data))
    found = held.read(held.models(root, path, data), optimizer)
    if found is not None:
        return found
    if _is_torch(root):
        whole = path if data is None else Part(path, 0, len(data), data)
        return _torch(whole, optimizer, key)
    raise FileError(f"a pickle of {_what(root)}: no model that rnncli reads", _KERAS)


def _torch(source: str | Part, optimizer: bool, key: str | None) -> Model:
    from rnncli.formats.torch.file import read

    return read(source, optimizer, key)


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
