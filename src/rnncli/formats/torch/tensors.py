"""The tensors that a pickle of PyTorch's would rebuild, as views of storages in the file."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Global, Record, item_size
from rnncli.formats.torch.storages import Place, as_bytes, storage_of

_DTYPES = {
    "double": "float64", "float": "float32", "half": "float16", "long": "int64", "int": "int32",
    "short": "int16", "qint8": "int8", "quint8": "uint8", "qint32": "int32",
}  # fmt: skip
_NUMPY = {
    "f8": "float64", "f4": "float32", "f2": "float16", "i8": "int64", "i4": "int32", "i2": "int16",
    "i1": "int8", "u8": "uint64", "u4": "uint32", "u2": "uint16", "u1": "uint8", "b1": "bool",
    "c8": "complex64", "c16": "complex128",
}  # fmt: skip
JOBLIB = "joblib.numpy_pickle.NumpyArrayWrapper"
_PARAMETER = ("_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter")
_SUBCLASS = ("_rebuild_from_type", "_rebuild_from_type_v2")
_MOVED = ("_rebuild_device_tensor_from_cpu_tensor", "_rebuild_nested_tensor")
_DEPTH = 8  # records around a tensor: a parameter of a subclass of one


class TorchTensor(NamedTuple):
    """A view of a storage; offset and strides count items.

    `parameter` tells whether it is one, None where the file does not say. `why` is why its values
    are not read, `place` where they are if they have no storage to themselves.
    """

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    storage: str
    offset: int
    trainable: bool = True
    parameter: bool | None = None
    why: str = ""
    place: Place | None = None


def tensor_of(value: Any) -> TorchTensor | None:
    """Return the tensor that a record would rebuild, None if it is none."""
    return _tensor(value, _DEPTH)


def _tensor(value: Any, depth: int) -> TorchTensor | None:
    if not isinstance(value, Record) or not depth:
        return None
    name = value.what.rpartition(".")[2]
    if name == "_reconstruct" or value.what == JOBLIB:
        return _numpy(value)
    rebuild = _REBUILD.get(name)
    if rebuild is not None and value.args:
        return rebuild(value)
    if name in _MOVED and value.args:
        return _tensor(value.args[0], depth - 1)
    if name in _SUBCLASS and len(value.args) > 3:
        return _subclass(value, depth)
    if name not in _PARAMETER or not value.args:
        return None
    inner = _tensor(value.args[0], depth - 1)
    trains = len(value.args) < 2 or value.args[1] is not False
    return inner and inner._replace(trainable=trains and inner.trainable, parameter=True)


def not_rebuilt(value: Any) -> str | None:
    """Return why a tensor is not known, None where a value is no such tensor."""
    name = value.what.rpartition(".")[2] if isinstance(value, Record) else ""
    if name in ("UninitializedParameter", "UninitializedBuffer"):
        return "a lazy module has not given it a shape yet"
    unknown = name.startswith("_rebuild_") and tensor_of(value) is None
    return f"{name} makes it, which is not known" if unknown else None


def _strided(value: Record) -> TorchTensor | None:
    """Return a view of a storage: `(storage, offset, size, stride, …)`."""
    args, name = value.args, value.what.rpartition(".")[2]
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
    dtype, why, trains = storage.dtype, "", True
    if name == "_rebuild_tensor_v3" and len(args) > 6:
        dtype = _dtype(args[6])
    if name == "_rebuild_qtensor":
        why, trains = f"quantised to {dtype}", False
    elif dtype.startswith("?"):
        why = f"of a type that is not known ({dtype[1:]})"
    return TorchTensor(dtype, tuple(shape), tuple(strides), storage.key, offset, trains, None, why)


def _valueless(dtype: Any, shape: Any, why: str) -> TorchTensor:
    """Return a tensor whose values are not in the file as they are in memory."""
    shape = _listed(shape)
    if not _sizes(shape):
        raise FileError("a damaged file: a tensor whose shape is no list of sizes")
    strides = tuple(0 for _ in shape)
    name = dtype if isinstance(dtype, str) else _dtype(dtype)
    return TorchTensor(name, tuple(shape), strides, "", 0, why=why)


def _meta(value: Record) -> TorchTensor | None:
    """Return a tensor on the meta device: `(dtype, size, stride, requires_grad)`."""
    args = value.args
    return (
        _valueless(args[0], args[1], "on the meta device, so without values") if args[1:] else None
    )


def _sparse(value: Record) -> TorchTensor | None:
    """Return a sparse tensor: `(layout, (indices…, values, size))`; its shape is the whole one."""
    parts = value.args[1] if len(value.args) > 1 else None
    if not isinstance(parts, tuple):
        return None
    if parts and isinstance(parts[-1], bool | None):  # whether it is coalesced
        parts = parts[:-1]
    inner = tensor_of(parts[-2]) if len(parts) > 2 else None
    return inner and _valueless(inner.dtype, parts[-1], "sparse")


def _from_numpy(value: Record) -> TorchTensor | None:
    """Return a tensor of another device, which was saved as an array of NumPy's."""
    inner = _numpy(value.args[0]) if isinstance(value.args[0], Record) else None
    if inner is None:
        return None
    dtype = _dtype(value.args[1]) if len(value.args) > 1 else inner.dtype
    return inner if dtype == inner.dtype else _valueless(dtype, inner.shape, "of another device")


def _subclass(value: Record, depth: int) -> TorchTensor | None:
    """Return a tensor of a subclass: `(function, type, args, state)`."""
    function, kind, args, state = value.args[:4]
    name = function.name.rpartition(".")[2] if isinstance(function, Global) else ""
    if name != "_rebuild_wrapper_subclass":
        return _tensor(_called(name, args), depth - 1)
    if not isinstance(args, tuple) or len(args) < 3:
        return None
    found = _valueless(args[1], args[2], f"inside a {_short(kind)}")
    state = state[1] if isinstance(state, tuple) and len(state) == 2 else state
    local = state.get("_local_tensor") if isinstance(state, Mapping) else None
    own = _tensor(local, depth - 1)
    if own is not None and own.shape == found.shape:
        return own
    return found if own is None else found._replace(why=f"one part of a {_short(kind)}")


def _called(name: str, args: Any) -> Record:
    return Record(name, args if isinstance(args, tuple) else ())


def _short(kind: Any) -> str:
    return kind.name.rpartition(".")[2][:40] if isinstance(kind, Global) else "subclass"


def _numpy(value: Record) -> TorchTensor | None:
    """Return an array of NumPy's: `(version, shape, dtype, fortran, bytes)`, or joblib's."""
    state = value.state
    if isinstance(state, dict):
        parts = (state.get("shape"), state.get("dtype"), state.get("order") == "F",
                 value.items[0] if value.items else None)  # fmt: skip
    elif isinstance(state, tuple) and len(state) == 5:
        parts = state[1:]
    else:
        return None
    shape, kind, fortran, data = parts
    if (
        not isinstance(shape, tuple | list)
        or not _sizes(shape)
        or not isinstance(kind, Record)
        or not kind.args
    ):
        return None
    order = kind.state[1:2] if isinstance(kind.state, tuple | list) else ()
    item, big = item_size(kind), list(order) == [">"]
    dtype = _NUMPY.get(str(kind.args[0]))
    if item is None or dtype is None:  # objects, texts
        return None
    strides = column_major(shape) if fortran else row_major(shape)
    why = "stored with the high byte first" if big and item > 1 else ""
    place = None
    if not isinstance(data, list | None):
        data = as_bytes(data)
        place = Place(0, len(data), data) if isinstance(data, bytes) else Place(*data)
    return TorchTensor(dtype, tuple(shape), strides, "", 0, why=why, place=place)


def row_major(shape: Any) -> tuple[int, ...]:
    """Return the strides of a tensor whose last axis runs fastest."""
    strides, run = [], 1
    for size in reversed(shape):
        strides.append(run)
        run *= size
    return tuple(strides[::-1])


def column_major(shape: Any) -> tuple[int, ...]:
    """Return the strides of a tensor whose first axis runs fastest."""
    return row_major(tuple(reversed(shape)))[::-1]


def _dtype(value: Any) -> str:
    given = value.name.rpartition(".")[2] if isinstance(value, Global) else "?"
    return _DTYPES.get(given, given)


def _listed(value: Any) -> Any:
    """Return the sizes in a `torch.Size`."""
    return value.args[0] if isinstance(value, Record) and value.args else value


def _sizes(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(
        type(each) is int and 0 <= each <= limits.DIMENSION for each in value
    )


_REBUILD = {
    "_rebuild_tensor": _strided,
    "_rebuild_tensor_v2": _strided,
    "_rebuild_tensor_v3": _strided,
    "_rebuild_qtensor": _strided,
    "_rebuild_meta_tensor_no_storage": _meta,
    "_rebuild_sparse_tensor": _sparse,
    "_rebuild_sparse_csr_tensor": _sparse,
    "_rebuild_device_tensor_from_numpy": _from_numpy,
}
