"""Arrays from files: checked before they are read, read a block of steps at a time."""

import io
import os
import stat
import sys
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np

from rnncli.errors import FileError, nearest_file
from rnncli.forward import memory
from rnncli.layers.op import Array

NUMBERS = "fiub"  # the kinds of NumPy's dtypes that are real numbers
TEXTS = "US"  # those that are text
_NPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"
_LONGEST_HEADER = 65_536  # bytes; NumPy itself reads none above 10,000
_BLOCK = 2**24  # bytes of stdin read at a time


class Header(NamedTuple):
    """Where the values of an `.npy` file begin, and what they are."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int


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
            return read_npz(path, kinds)
        from rnncli.forward import tables

        return {None: Loaded(tables.texts(path) if text else tables.numbers(path))}
    except OSError as error:
        hint = nearest_file(path) if isinstance(error, FileNotFoundError) else None
        raise FileError(f"cannot read {path}: {error.strerror or error}", hint) from None


def _header(file: BinaryIO, path: str, kinds: str) -> Header:
    file.seek(0)
    header = _described(file, path, kinds)
    needed = header.offset + _size(header)
    size = os.fstat(file.fileno()).st_size
    if size < needed:
        raise FileError(f"{path} is cut short: it has {size:,} bytes of {needed:,}")
    return header


def _described(file: BinaryIO, what: str, kinds: str) -> Header:
    """Return what the beginning of an `.npy` says. Raises: FileError."""
    try:
        version = np.lib.format.read_magic(file)
        reader = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = reader(file)
    except (ValueError, KeyError) as error:
        raise FileError(f"{what} is not a readable .npy file: {error}") from None
    if min(shape, default=0) < 0:
        raise FileError(f"{what} is not a readable .npy file: its shape is {shape}")
    check_dtype(dtype, what, kinds)
    return Header(shape, fortran, dtype, file.tell())


def _size(header: Header) -> int:
    """Return the bytes of the values."""
    return int(np.prod(header.shape, dtype=object)) * header.dtype.itemsize


def check_dtype(dtype: np.dtype[Any], what: str, kinds: str = NUMBERS) -> None:
    """Check that values are real numbers, or of other `kinds`. Raises: FileError."""
    if dtype.kind not in kinds:
        held = "Python objects" if dtype.kind == "O" else f"values of dtype {dtype}"
        wanted, made = ("text is", "str") if kinds == TEXTS else ("real numbers are", "float32")
        raise FileError(f"{what} holds {held}, but {wanted} expected",
                        f"save it with numpy.save after .astype({made!r})")  # fmt: skip


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
    header = _described(io.BytesIO(text), "stdin", kinds)
    needed = _size(header)
    memory.check(needed)
    data = bytearray()
    while len(data) < needed and (block := stdin.read(min(needed - len(data), _BLOCK))):
        data += block
    if len(data) < needed:
        raise FileError(f"stdin is cut short: it has {len(data):,} bytes of values of {needed:,}")
    array = np.frombuffer(data, header.dtype)
    return array.reshape(header.shape, order="F" if header.fortran else "C")


def load(file: Any, what: str, kinds: str = NUMBERS) -> Array:
    """Return the only array of an open `.npy`. Raises: FileError."""
    try:
        array: Array = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        reason = "it holds Python objects" if "pickle" in str(error) else str(error)
        raise FileError(f"{what} cannot be read: {reason}") from None
    check_dtype(array.dtype, what, kinds)
    return array


def read_npz(path: str, kinds: str = NUMBERS) -> dict[str | None, Source]:
    """Return the arrays of an `.npz` file by name. Raises: FileError."""
    import zipfile

    found: dict[str | None, Source] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as file:
                    found[member.removesuffix(".npy")] = Loaded(
                        load(file, f"{member} in {path}", kinds)
                    )
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise FileError(f"{path} is not a readable .npz file: {error}") from None
    return found
