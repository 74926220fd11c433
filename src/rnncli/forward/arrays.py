"""Arrays from files: checked before they are read, read a block of steps at a time."""

import io
import os
import stat
import sys
from typing import IO, Any, Protocol

import numpy as np

from rnncli.errors import FileError, nearest_file
from rnncli.forward import memory
from rnncli.forward.npy import NUMBERS, Header, described, size_of
from rnncli.layers.op import Array

_NPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"
_LONGEST_HEADER = 65_536  # bytes; NumPy itself reads none above 10,000
_BLOCK = 2**24  # bytes of stdin read at a time


class Source(Protocol):
    """Something that an array can be had from."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""

    def open(self) -> Array:
        """Return the array."""


class Loaded:
    """An array in memory."""

    def __init__(self, array: Array) -> None:
        self.array, self.shape = array, array.shape

    def open(self) -> Array:
        """Return the array."""
        return self.array


class NpyFile:
    """An `.npy` file, of which a block of steps is read at a time.

    Reading, unlike mapping, ends well where the file is cut short in the meantime.
    """

    def __init__(self, path: str, header: Header) -> None:
        self.path, self.header, self.shape = path, header, header.shape

    def open(self) -> Array:
        """Return the array, mapped."""
        if 0 in self.shape:
            return np.empty(self.shape, self.header.dtype)
        order: Any = "F" if self.header.fortran else "C"
        try:
            return np.memmap(
                self.path, self.header.dtype, "r", self.header.offset, self.shape, order
            )
        except ValueError:
            raise self._cut_short() from None

    def steps(self, shape: tuple[int, ...], start: int, stop: int) -> Array:
        """Return steps of the array taken as `(batch, time, ...)`. Raises: FileError."""
        batch, total, *rest = shape
        stop, step = min(stop, total), int(np.prod(rest)) * self.header.dtype.itemsize
        block = np.empty((batch, (stop - start) * step), np.uint8)
        with open(self.path, "rb") as file:
            for index in range(batch):
                file.seek(self.header.offset + (index * total + start) * step)
                if file.readinto(block[index].data) < block.shape[1]:
                    raise self._cut_short()
        return block.view(self.header.dtype).reshape(batch, stop - start, *rest)

    def _cut_short(self) -> FileError:
        return FileError(f"{self.path} has become shorter while it was read")


def read_named(path: str, kinds: str = NUMBERS, text: bool = False) -> dict[str | None, Source]:
    """Return the arrays of an `.npy`, `.npz` or `.csv` file by name; None: the only one.

    `-` is an `.npy` on stdin. The format is told by the content; values are of one of `kinds`, of
    a `.csv` numbers, or `text`. Raises: FileError.
    """
    if path == "-":
        return {None: Loaded(_stdin(kinds))}
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # it may have no end
            raise FileError(f"cannot read {path}: it is a device or a pipe, not a file",
                            "an .npy is read from stdin as -")  # fmt: skip
        with open(path, "rb") as file:
            start = file.read(8)
            if start.startswith(_NPY):
                return {None: NpyFile(path, _header(file, path, kinds))}
        if start.startswith(_ZIP):
            from rnncli.forward.npz import read_npz

            return dict(read_npz(path, kinds))
        from rnncli.forward import tables

        return {None: Loaded(tables.texts(path) if text else tables.numbers(path))}
    except OSError as error:
        hint = nearest_file(path) if isinstance(error, FileNotFoundError) else None
        raise FileError(f"cannot read {path}: {error.strerror or error}", hint) from None


def _header(file: IO[bytes], path: str, kinds: str) -> Header:
    file.seek(0)
    header = described(file, path, kinds)
    needed = header.offset + size_of(header)
    size = os.fstat(file.fileno()).st_size
    if size < needed:
        raise FileError(f"{path} is cut short: it has {size:,} bytes of {needed:,}")
    return header


def texts(array: Array, what: str) -> Array:
    """Return the texts of an array, bytes read as UTF-8. Raises: FileError."""
    try:
        return array if array.dtype.kind == "U" else np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{what} holds text that is not UTF-8: {error}") from None


def _stdin(kinds: str) -> Array:
    """Return the array of an `.npy` on stdin, of which no more is read than its header states."""
    stdin = sys.stdin.buffer
    start = stdin.read(12)
    if not start.startswith(_NPY):
        what = "is empty" if not start else "is not an .npy file"
        raise FileError(f"stdin {what}", "write to it with numpy.save(sys.stdout.buffer, x)")
    head = 10 if start[6:7] == b"\x01" else 12  # what tells the header's length stands before it
    length = int.from_bytes(start[8:head], "little")
    if length > _LONGEST_HEADER:
        raise FileError(f"stdin is not a readable .npy file: its header has {length:,} bytes")
    text = start + stdin.read(max(head + length - len(start), 0))
    header = described(io.BytesIO(text), "stdin", kinds)
    needed = size_of(header)
    memory.check(needed)
    data = bytearray()
    while len(data) < needed and (block := stdin.read(min(needed - len(data), _BLOCK))):
        data += block
    if len(data) < needed:
        raise FileError(f"stdin is cut short: it has {len(data):,} bytes of values of {needed:,}")
    array = np.frombuffer(data, header.dtype)
    return array.reshape(header.shape, order="F" if header.fortran else "C")
