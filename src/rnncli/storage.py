"""Tensors as files store them: their types, their values, and where those of a weight are."""

from typing import Any, NamedTuple, Protocol

ITEM_SIZE = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1,
    "uint64": 8, "uint32": 4, "uint16": 2, "uint8": 1, "bool": 1,
    "complex64": 8, "complex128": 16,
    "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e8m0fnu": 1,
    "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1,
    "int4": 1, "uint4": 1, "float4_e2m1fn": 1, "int2": 1, "uint2": 1,
}  # fmt: skip
PACKED = {"int4": 2, "uint4": 2, "float4_e2m1fn": 2, "int2": 4, "uint2": 4}  # values in a byte


class Tensor(NamedTuple):
    """Values as a file stores them: `data` is a buffer, an array or an open dataset, of which parts
    are read where they are asked for; `strides` count items (None: row-major)."""

    dtype: str
    shape: tuple[int, ...]
    data: Any
    strides: tuple[int, ...] | None = None


class Store(Protocol):
    """An open file that hands out its tensors by name."""

    def read(self, name: str) -> Tensor:
        """Return the tensor called `name`. Raises: FileError if it is not there."""


class Stored(NamedTuple):
    """Which tensors of a file make up one weight, in which of the layouts of `forward.stored`."""

    tensors: tuple[str, ...]
    layout: str = "keras"
