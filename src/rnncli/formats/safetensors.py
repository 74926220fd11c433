"""safetensors: a header in JSON that lists the tensors, then their values.

The header is all that is read for a summary; values come through the `safetensors` package.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any, BinaryIO

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.keras.json import load
from rnncli.formats.torch.modules import model_of
from rnncli.formats.torch.tensors import TorchTensor
from rnncli.formats.torch.tree import Found
from rnncli.model import Model, Source, Store, Tensor

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip


def read(path: str, optimizer: bool = False) -> Model:
    """Return the modules that the tensors' names tell of. Raises: FileError."""
    header = _header(path)
    told = header.pop("__metadata__", {})
    details = told if isinstance(told, dict) else {}
    details = {str(key)[:40]: str(value)[:60] for key, value in details.items()}
    tensors = {name: _tensor(name, each) for name, each in header.items()}
    if not tensors:
        raise FileError("safetensors without a tensor")
    written = details.get("format")
    writer = {"pt": "PyTorch"}.get(written or "", written)
    source = Source("file", path, "safetensors", writer, details)
    return model_of(Found(tensors, {}), source)._replace(store=partial(_store, path))


def _header(path: str) -> dict[str, Any]:
    """Return the header. Raises: FileError if the lengths in it and that of the file disagree."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if length > size - 8:
            raise FileError(f"truncated safetensors: its header has {length:,} bytes, "
                            f"the file {size:,}")  # fmt: skip
        limits.check("bytes in the header", length, limits.SAFETENSORS_HEADER)
        limits.check("bytes in the header", length, limits.JSON_BYTES)
        header = load(file.read(length), "the header")
    if not isinstance(header, dict):
        raise FileError("safetensors whose header is no object")
    limits.check("tensors", len(header), limits.TENSORS)
    ends = [_end(name, each) for name, each in header.items() if name != "__metadata__"]
    if max(ends, default=0) != size - 8 - length:
        raise FileError(f"damaged safetensors: its tensors take {max(ends, default=0):,} bytes, "
                        f"the file has {size - 8 - length:,}")  # fmt: skip
    return header


def _end(name: str, node: Any) -> int:
    """Return where a tensor ends, once its shape and its place agree."""
    offsets: Any = node.get("data_offsets") if isinstance(node, dict) else None
    shape: Any = node.get("shape") if isinstance(node, dict) else None
    if (
        not isinstance(node, dict)
        or not _sizes(offsets)
        or len(offsets) != 2
        or not _sizes(shape)
        or not isinstance(node.get("dtype"), str)
    ):
        raise FileError(f"damaged safetensors: tensor {name[:80]!r} has no shape, dtype or place")
    bits = prod(shape) * _bits(node.get("dtype"))
    if offsets[1] - offsets[0] != -(-bits // 8):
        raise FileError(
            f"damaged safetensors: tensor {name[:80]!r} has {offsets[1] - offsets[0]:,} bytes, "
            f"its shape needs {-(-bits // 8):,}"
        )
    end: int = offsets[1]
    return end


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        type(each) is int and 0 <= each <= limits.DIMENSION for each in value
    )


def _bits(dtype: Any) -> int:
    """Return the bits of an item: the number in its name, such as `F32`, `F8_E5M2` or `F4`."""
    if dtype == "BOOL":
        return 8
    digits = "".join(c for c in str(dtype).partition("_")[0] if c.isdecimal())
    if not digits or not 1 <= int(digits[:4]) <= 128:
        raise FileError(f"damaged safetensors: a dtype {str(dtype)[:20]!r}")
    return int(digits)


def _tensor(name: str, node: Any) -> TorchTensor:
    limits.check("characters in a tensor's name", len(name), limits.NAME_CHARACTERS)
    shape = tuple(node["shape"])
    dtype = _DTYPES.get(node["dtype"], str(node["dtype"]))
    return TorchTensor(dtype, shape, _row_major(shape), "", 0)


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


@contextmanager
def _store(path: str) -> Iterator[Store]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise FileError("reading the values of safetensors needs safetensors",
                        'pip install "rnncli[safetensors]"') from None  # fmt: skip
    header = _header(path)
    with open(path, "rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
    try:
        with safe_open(path, framework="numpy"), open(path, "rb") as file:  # which checks the file
            yield _Values(file, header, start)
    except SafetensorError as error:
        raise FileError(f"damaged safetensors ({error})") from None


class _Values:
    """The tensors of an open file, read where they lie: a map of the whole file would count as
    memory."""

    def __init__(self, file: BinaryIO, header: dict[str, Any], start: int) -> None:
        self.file, self.header, self.start = file, header, start

    def read(self, name: str) -> Tensor:
        """Return a tensor. Raises: FileError for a dtype that is not read."""
        node = self.header[name]
        dtype, shape = _DTYPES.get(node["dtype"]), tuple(node["shape"])
        limits.check(f"values of {name[:80]}", prod(shape), limits.TENSOR_BYTES)
        if dtype is None or dtype.startswith("float8"):
            raise FileError(f"values of type {node['dtype']} cannot be run")
        begin, end = node["data_offsets"]
        self.file.seek(self.start + begin)
        data = self.file.read(end - begin)
        if len(data) < end - begin:
            raise FileError("a truncated file: it ends before its tensors do")
        return Tensor(dtype, shape, data)
