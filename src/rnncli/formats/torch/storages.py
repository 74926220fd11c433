"""The storages that tensors are views of: what a pickle says of them, and where they are."""

from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats.containers.pickle_machine import Global, Persistent, Record, Span

_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexDoubleStorage": "complex128", "ComplexFloatStorage": "complex64",
    "QInt8Storage": "int8", "QUInt8Storage": "uint8", "QInt32Storage": "int32",
    "UntypedStorage": "uint8",
}  # fmt: skip
LOADED = "torch.storage._load_from_bytes"  # a storage inside a pickle of Python's own


class Storage(NamedTuple):
    """A run of values in the file, named by its key; `kind` is its class."""

    key: str
    dtype: str
    kind: str = ""


class Place(NamedTuple):
    """Where a storage is: in the file, or in bytes that stand in its pickle."""

    offset: int
    size: int
    data: bytes | None = None


def storage_of(value: Any) -> Storage | None:
    """Return the storage that a persistent reference means, None if it means something else."""
    if isinstance(value, Record) and value.what == LOADED:
        value = value.state  # where its bytes were found to be
    if isinstance(value, Record) and value.what == "torch.storage.TypedStorage" and value.args:
        value = value.args[0]
    key = value.key if isinstance(value, Persistent) else None
    if not isinstance(key, tuple) or len(key) < 3 or key[0] != "storage":
        return None
    kind = key[1].name.rpartition(".")[2] if isinstance(key[1], Global) else ""
    return Storage(str(key[2]), _STORAGES.get(kind) or f"?{kind[:40]}", kind)


def as_bytes(value: Any) -> bytes | Span:
    """Return the bytes that a pickle holds, which protocol 2 writes as text in Latin-1.

    Raises: FileError if it is neither.
    """
    if isinstance(value, Record) and value.what == "_codecs.encode" and value.args:
        value = value.args[0]
        value = value.encode("latin-1", "replace") if isinstance(value, str) else value
    if not isinstance(value, bytes | Span):
        raise FileError("a damaged pickle (bytes are expected)")
    return value
