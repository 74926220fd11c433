"""What the beginning of an `.npy` says, checked before any value is read."""

import os
import warnings
from tokenize import TokenError
from typing import IO, Any, NamedTuple

import numpy as np

from rnncli.errors import FileError

NUMBERS = "fiub"  # the kinds of NumPy's dtypes that are real numbers
TEXTS = "US"  # those that are text
_MOST_BYTES = 2048  # of a header: NumPy takes seconds to see that 10,000 are none
_MOST_AXES = 32  # of an array of any NumPy
# What NumPy raises of a header that is none: it is read as Python's own words are.
_NO_HEADER = (ValueError, KeyError, TypeError, OverflowError, RecursionError, TokenError)


class Header(NamedTuple):
    """Where the values of an `.npy` file begin, and what they are."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int


def described(file: IO[bytes], what: str, kinds: str) -> Header:
    """Return what the beginning of an `.npy` says. Raises: FileError."""
    try:
        version = np.lib.format.read_magic(file)
        reader = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        _check_length(file, 2 if version == (1, 0) else 4)
        with warnings.catch_warnings():  # of sizes as Python 2 wrote them, `3L`
            warnings.simplefilter("ignore")
            shape, fortran, dtype = reader(file)
    except _NO_HEADER as error:
        told = str(error).partition("\n")[0][:200]
        raise FileError(f"{what} is not a readable .npy file: {told}") from None
    if len(shape) > _MOST_AXES or not all(type(size) is int and size >= 0 for size in shape):
        raise FileError(f"{what} is not a readable .npy file: its shape is {str(shape)[:80]}")
    check_dtype(dtype, what, kinds)
    return Header(shape, fortran, dtype, file.tell())


def _check_length(file: IO[bytes], width: int) -> None:
    """Check the length of a header, which `width` bytes say, before NumPy makes room for it."""
    data = file.read(width)
    if len(data) < width:
        raise ValueError("it ends before its header")
    file.seek(-width, os.SEEK_CUR)
    stated = int.from_bytes(data, "little")
    if stated > _MOST_BYTES:
        raise ValueError(f"its header has {stated:,} bytes, of at most {_MOST_BYTES:,}")


def size_of(header: Header) -> int:
    """Return the bytes of the values."""
    return int(np.prod(header.shape, dtype=object)) * header.dtype.itemsize


def check_dtype(dtype: np.dtype[Any], what: str, kinds: str = NUMBERS) -> None:
    """Check that values are real numbers, or of other `kinds`. Raises: FileError."""
    if dtype.kind not in kinds:
        held = "Python objects" if dtype.kind == "O" else f"values of dtype {dtype}"
        wanted, made = ("text is", "str") if kinds == TEXTS else ("real numbers are", "float32")
        raise FileError(f"{what} holds {held}, but {wanted} expected",
                        f"save it with numpy.save after .astype({made!r})")  # fmt: skip
