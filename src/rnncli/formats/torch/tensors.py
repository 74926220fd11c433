"""The tensors that a pickle of PyTorch's would rebuild, as views of storages in the file."""

from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Global, Persistent, Record, Span

_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexDoubleStorage": "complex128", "ComplexFloatStorage": "complex64",
    "QInt8Storage": "int8", "QUInt8Storage": "uint8", "QInt32Storage": "int32",
}  # fmt: skip
_DTYPES = {
    "double": "float64", "float": "float32", "half": "float16", "long": "int64", "int": "int32",
    "short": "int16", "qint8": "int8", "quint8": "uint8", "qint32": "int32",
}  # fmt: skip
LOADED = "torch.storage._load_from_bytes"  # a storage inside a pickle of Python's own
_REBUILD = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor")
_PARAMETER = ("_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter")


class Storage(NamedTuple):
    """A run of values in the file, named by its key; `kind` is its class."""

    key: str
    dtype: str
    kind: str = ""


class TorchTensor(NamedTuple):
    """A view of a storage; offset and strides count items."""

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    storage: str
    offset: int
    trainable: bool = True


def storage_of(value: Any) -> Storage | None:
    """Return the storage that a persistent reference means, None if it means something else."""
    if isinstance(value, Record) and value.what == LOADED:
        value = value.state  # where its bytes were found to be
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


def tensor_of(value: Any) -> TorchTensor | None:
    """Return the tensor that a record would rebuild, None if it is none."""
    trainable = True
    for _ in range(4):  # a parameter of a tensor
        if not isinstance(value, Record) or not value.args:
            return None
        name = value.what.rpartition(".")[2]
        if name in _REBUILD:
            return _rebuilt(value, name, trainable)
        if name not in _PARAMETER:
            return None
        trainable = len(value.args) < 2 or value.args[1] is not False
        value = value.args[0]
    return None


def _rebuilt(value: Record, name: str, trainable: bool) -> TorchTensor | None:
    args = value.args
    storage = storage_of(args[0])
    if storage is None or len(args) < 4:
        return None
    offset, shape, strides = args[1], _listed(args[2]), _listed(args[3])
    if (
        not _sizes(shape)
        or not _sizes(strides)
        or len(shape) != len(strides)
        or type(offset) is not int
    ):
        raise FileError("a damaged file: a tensor whose shape is no list of sizes")
    dtype = storage.dtype
    if name == "_rebuild_tensor_v3" and len(args) > 6 and isinstance(args[6], Global):
        given = args[6].name.rpartition(".")[2]
        dtype = _DTYPES.get(given, given)
    return TorchTensor(dtype, tuple(shape), tuple(strides), storage.key, offset, trainable)


def _listed(value: Any) -> Any:
    """Return the sizes in a `torch.Size`."""
    return value.args[0] if isinstance(value, Record) and value.args else value


def _sizes(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(
        type(each) is int and 0 <= each <= limits.DIMENSION for each in value
    )
