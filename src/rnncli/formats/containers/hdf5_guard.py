"""What the HDF5 library is given to read: bytes that cannot keep it busy for ever.

In a heap of strings each object says how long it is. The library walks from one to the next, and
stands still where a free one says 0.
"""

import io
from typing import BinaryIO

from rnncli.errors import FileError
from rnncli.formats import limits

_HEAP, _SIGNATURE = b"GCOL", b"\x89HDF\r\n\x1a\n"
_SEARCHED = 1 << 20  # metadata is read in smaller parts than that, values in whole tensors
_HEADER = 16  # of the heap, and of each object in it


class Guarded(io.RawIOBase):
    """A file whose heaps are walked before the library gets to see them."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.file, self.walked = file, set[int]()

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether positions can be sought."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self.file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        return self.file.seek(offset, whence)

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        """Fill `buffer` from the position on; raise OSError for what would not end."""
        view = memoryview(buffer).cast("B")
        start = self.file.tell()
        data = self.file.read(len(view))
        view[: len(data)] = data
        view[len(data) :] = bytes(len(view) - len(data))  # else what was in memory before
        if len(data) <= _SEARCHED:
            before = min(start, len(_HEAP) - 1)  # a heap's mark may lie across two reads
            self.file.seek(start - before)
            self.check(start - before, self.file.read(before) + data)
        self.file.seek(start + len(data))
        return len(data)

    def check(self, start: int, data: bytes) -> None:
        """Walk the heaps that begin in a part of the file. Raises: OSError."""
        at = data.find(_HEAP)
        while at >= 0:
            if start + at not in self.walked:
                self._walk(start + at)
            at = data.find(_HEAP, at + 1)

    def _walk(self, start: int) -> None:
        """Refuse a heap in which the library would stand still, go back or leave the file."""
        self.file.seek(start)
        header = self.file.read(_HEADER)
        size = int.from_bytes(header[8:], "little")
        if header[4:5] != b"\x01":  # of another version, which the library refuses
            return
        if size > limits.HDF5_HEAP_BYTES:
            raise OSError(f"a heap of {size:,} bytes")
        data, at = header + self.file.read(max(0, size - _HEADER)), _HEADER
        if len(data) < size:
            raise OSError("a heap that ends beyond the file")
        while at + _HEADER <= len(data):
            length = int.from_bytes(data[at + 8 : at + _HEADER], "little")
            if length > size:
                raise OSError("a heap with an object larger than itself")
            if any(data[at : at + 2]):
                at += _HEADER + -(-length // 8) * 8
            elif length:
                at += length
            else:
                raise OSError("a heap with an object of no length")
        self.walked.add(start)


def check_lengths(file: BinaryIO) -> None:
    """Refuse HDF5 whose lengths have other than 8 bytes, as nobody writes it. Raises: FileError."""
    offset, end = 0, file.seek(0, io.SEEK_END)
    while offset < end:
        file.seek(offset)
        start = file.read(16)
        if start.startswith(_SIGNATURE):
            sizes = start[13:15] if start[8:9] < b"\x02" else start[9:11]
            if sizes != b"\x08\x08":
                raise FileError("a damaged HDF5 file (lengths of other than 8 bytes)")
            break
        offset = offset * 2 or 512
    file.seek(0)
