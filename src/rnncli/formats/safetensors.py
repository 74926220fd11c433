"""safetensors: a header in JSON that lists the tensors, then their values.

The header is all that is read for a summary. Source: the description of the format in the
`safetensors` package, which is not needed.
"""

import os
from functools import partial
from math import prod
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.keras.json import load
from rnncli.formats.torch import values
from rnncli.formats.torch.modules import model_of, shard_gaps
from rnncli.formats.torch.storages import Place
from rnncli.formats.torch.tensors import TorchTensor, row_major
from rnncli.formats.torch.tree import Found
from rnncli.model import Model, Source

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip


def read(path: str, optimizer: bool = False) -> Model:
    """Return the modules that the tensors' names tell of. Raises: FileError."""
    found = tensors_in(path)
    written = found.details.get("format")
    writer = {"pt": "PyTorch"}.get(written or "", written)
    source = Source("file", path, "safetensors", writer, found.details)
    store = partial(values.opened, path, dict, found.tensors)
    return model_of(found, source)._replace(store=store).with_gaps(*shard_gaps(path))


def tensors_in(path: str) -> Found:
    """Return a file's tensors by their names, and what it says of itself. Raises: FileError."""
    header, start = _header(path)
    told = header.pop("__metadata__", {})
    details = told if isinstance(told, dict) else {}
    details = {str(key)[:40]: str(value)[:60] for key, value in details.items()}
    tensors = {name: _tensor(name, each, start) for name, each in header.items()}
    if not tensors:
        raise FileError("safetensors without a tensor")
    return Found(tensors, {}, details=details)


def _header(path: str) -> tuple[dict[str, Any], int]:
    """Return the header and where the values begin.

    Raises: FileError if the lengths in it and that of the file disagree.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if length > size - 8:
            raise FileError(f"truncated safetensors: its header has {length:,} bytes, "
                            f"the file {size:,}")  # fmt: skip
        limits.check("bytes in the header", length, limits.SAFETENSORS_HEADER)
        header = load(file.read(length), "the header")
    if not isinstance(header, dict):
        raise FileError("safetensors whose header is no object")
    limits.check("tensors", len(header), limits.TENSORS)
    places = sorted(_place(name, each) for name, each in header.items() if name != "__metadata__")
    end = 0
    for begin, after, name in places:
        if begin != end:
            raise FileError(f"damaged safetensors: tensor {name[:80]!r} begins at byte {begin:,}, "
                            f"where {end:,} is due")  # fmt: skip
        end = after
    if end != size - 8 - length:
        raise FileError(f"damaged safetensors: its tensors take {end:,} bytes, "
                        f"the file has {size - 8 - length:,}")  # fmt: skip
    return header, 8 + length


def _place(name: str, node: Any) -> tuple[int, int, str]:
    """Return where a tensor begins and ends, once its shape and its place agree, and its name."""
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
    return offsets[0], offsets[1], name


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


def _tensor(name: str, node: Any, start: int) -> TorchTensor:
    limits.check("characters in a tensor's name", len(name), limits.NAME_CHARACTERS)
    shape, (begin, end) = tuple(node["shape"]), node["data_offsets"]
    dtype = _DTYPES.get(node["dtype"], str(node["dtype"]))
    place = Place(start + begin, end - begin)
    why = "" if node["dtype"] in _DTYPES else f"of type {node['dtype'][:20]}"
    return TorchTensor(dtype, shape, row_major(shape), "", 0, why=why, place=place)
