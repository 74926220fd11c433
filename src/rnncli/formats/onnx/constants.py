"""The tensors that an ONNX graph holds: in the file, beside it, or made of such by its nodes."""

import os
import stat
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.members import itself
from rnncli.storage import ITEM_SIZE, PACKED

# `TensorProto.DataType`, as the names of `storage.ITEM_SIZE`.
DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
    14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8_e4m3fn", 18: "float8_e4m3fnuz",
    19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4_e2m1fn",
    24: "float8_e8m0fnu", 25: "uint2", 26: "int2",
}  # fmt: skip
_EXTERNAL = 1  # TensorProto.DataLocation


class Constant(NamedTuple):
    """A tensor of the file: an initializer, the value of a Constant node, or made of such.

    `stands_for` has the name under which its values are counted, where several tensors have the
    same ones; `stored` the bytes it takes, where its shape and dtype do not say them; `beside` says
    that the values lie in another file.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    initializer: bool
    values: Callable[[], Any]
    stands_for: str = ""
    stored: int | None = None
    beside: bool = False

    @property
    def key(self) -> str:
        """Return the name under which the values are counted, once."""
        return self.stands_for or self.name

    @property
    def size(self) -> int:
        """The number of values."""
        return prod(self.shape)


def constant_of(proto: Any, name: str, initializer: bool, path: str) -> Constant:
    """Return a TensorProto of the file `path`. Raises: FileError for a shape that is none."""
    shape, dtype = tuple(proto.dims), DTYPES.get(proto.data_type, "?")
    if any(not 0 <= dim <= limits.DIMENSION for dim in shape):
        raise FileError(f"tensor {name[:60]!r} has the shape {shape}")
    beside = any(each.key == "location" and each.value for each in proto.external_data)
    return Constant(name, shape, dtype, initializer, lambda: values_of(proto, path), beside=beside)


def sparse_of(proto: Any, path: str) -> Constant:
    """Return a SparseTensorProto, which stands for a dense tensor. Raises: FileError."""
    dense = constant_of(proto.values, proto.values.name, True, path)
    shape = tuple(proto.dims)
    if any(not 0 <= dim <= limits.DIMENSION for dim in shape):
        raise FileError(f"tensor {dense.name[:60]!r} has the shape {shape}")
    stored = dense.size * ITEM_SIZE.get(dense.dtype, 4) + prod(proto.indices.dims) * 8
    return dense._replace(shape=shape, stored=stored)


def values_of(proto: Any, path: str) -> Any:
    """Return a tensor's values as an array. Raises: FileError if they are not all there."""
    from onnx import numpy_helper

    limits.check("bytes of a tensor", prod(proto.dims) * 8, limits.TENSOR_BYTES)
    try:
        return numpy_helper.to_array(whole(proto, path))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FileError(f"tensor {proto.name[:60]!r} is damaged ({error})") from None


def whole(proto: Any, path: str) -> Any:
    """Return a tensor with the values that lie elsewhere in the file, or in one beside it.

    Raises: FileError if they are not there, or not where they may be.
    """
    if proto.data_location != _EXTERNAL and not proto.external_data:
        return proto
    try:
        return _filled(proto, path)
    except FileError as error:
        raise FileError(f"{path}: {error.message}", error.hint) from None


def _filled(proto: Any, path: str) -> Any:
    place = {each.key: each.value for each in proto.external_data}
    name, size = place.get("location", ""), _bytes(proto)
    offset, length = _number(proto, place, "offset", 0), _number(proto, place, "length", size)
    if not name:
        with open(path, "rb") as file:
            return _message(proto, _part(file, offset, length, proto.name))
    if length != size:
        raise FileError(f"tensor {proto.name[:60]!r} of {size:,} bytes is said to have {length:,}")
    filled = type(proto)(name=proto.name, dims=proto.dims, data_type=proto.data_type)
    with _beside(path, name, proto.name) as file:
        filled.raw_data = _part(file, offset, length, proto.name)
    return filled


def _message(proto: Any, data: bytes) -> Any:
    """Return the tensor whose message lies elsewhere in the file."""
    from google.protobuf.message import DecodeError

    try:
        found = type(proto).FromString(data)
    except (DecodeError, RuntimeError, ValueError) as error:
        raise FileError(f"tensor {proto.name[:60]!r} is damaged ({error})") from None
    if found.data_location == _EXTERNAL or list(found.dims) != list(proto.dims):
        raise FileError(f"tensor {proto.name[:60]!r} is damaged")
    return found


def _beside(path: str, name: str, tensor: str) -> Any:
    """Return the open file of a plain name in the folder of `path`. Raises: FileError."""
    where = f"tensor {tensor[:60]!r} lies in {name[:80]!r}"
    if name in (".", "..") or any(mark in name for mark in ("/", "\\", ":", "\0")):
        raise FileError(f"{where}, which is no plain name of a file beside it")
    full = os.path.join(os.path.dirname(path), name)
    try:
        if not stat.S_ISREG(os.lstat(full).st_mode):
            raise FileError(f"{where}, which is a link or no regular file")
        handle = os.open(full, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
                         | getattr(os, "O_BINARY", 0))  # fmt: skip
    except OSError as error:
        raise FileError(f"{where}: {error.strerror}", "keep it beside the .onnx file") from None
    return itself(os.fdopen(handle, "rb"), name)


def _part(file: Any, offset: int, length: int, tensor: str) -> bytes:
    """Return `length` bytes at `offset`. Raises: FileError where the file ends before."""
    size = os.fstat(file.fileno()).st_size
    if offset + length > size:
        raise FileError(f"tensor {tensor[:60]!r} ends at byte {offset + length:,} of a file of "
                        f"{size:,}")  # fmt: skip
    file.seek(offset)
    data: bytes = file.read(length)
    return data


def _number(proto: Any, place: dict[str, str], key: str, usual: int) -> int:
    text = place.get(key)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise FileError(f"tensor {proto.name[:60]!r} has the {key} {text[:40]!r}")
    return int(text)


def _bytes(proto: Any) -> int:
    """Return the bytes that a tensor's values take as they are stored."""
    dtype, count = DTYPES.get(proto.data_type, "?"), int(prod(proto.dims))
    if dtype not in ITEM_SIZE:
        raise FileError(f"tensor {proto.name[:60]!r} of an unknown type lies in another file")
    return -(-count // PACKED[dtype]) if dtype in PACKED else count * ITEM_SIZE[dtype]
