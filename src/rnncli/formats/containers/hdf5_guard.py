"""What the HDF5 library is given to read: bytes that cannot keep it busy for ever.

In a heap of strings each object says how long it is. The library walks from one to the next, and
stands still where a free one says 0. In the heap of a group's names each free part says where the
next one is, and the library takes memory for each, for ever where they go round.
"""

import io
from typing import BinaryIO

from rnncli.errors import FileError
from rnncli.formats import hdf5_start, limits

_HEAP, _NAMES = b"GCOL", b"HEAP"
_LAST = 1  # where no free part follows
_SEARCHED = 1 << 20  # metadata is read in smaller parts than that, values in whole tensors
_HEADER = 16  # of the heap, and of each object in it


class Guarded(io.RawIOBase):
    """A file whose heaps are walked before the library gets to see them."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.file, self.walked = file, set[int]()
        self.size = file.seek(0, io.SEEK_END)
        self.base = max(0, hdf5_start(file, self.size))
        file.seek(0)

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
        if len(view) > _SEARCHED and start + len(view) > self.size:
            raise OSError(f"a part of {len(view):,} bytes that ends beyond the file")
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
        for mark, walk in ((_HEAP, self._walk), (_NAMES, self._walk_free)):
            at = data.find(mark)
            while at >= 0:
                if start + at not in self.walked:
                    walk(start + at)
                    self.walked.add(start + at)
                at = data.find(mark, at + 1)

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

    def _walk_free(self, start: int) -> None:
        """Refuse a heap of names whose free parts go round."""
        self.file.seek(start)
        header = self.file.read(32)
        size, at, place = (int.from_bytes(header[n : n + 8], "little") for n in (8, 16, 24))
        if header[4:8] != bytes(4) or size > self.size:  # the library refuses it
            return
        self.file.seek(min(self.base + place, self.size))
        data, seen = self.file.read(size), set[int]()
        while at != _LAST and at + 8 <= len(data):
            if at in seen:
                raise OSError("a heap whose free parts go round")
            seen.add(at)
            at = int.from_bytes(data[at : at + 8], "little")


def check_lengths(file: BinaryIO) -> None:
    """Refuse HDF5 whose lengths have other than 8 bytes, as nobody writes it. Raises: FileError."""
    offset = hdf5_start(file, file.seek(0, io.SEEK_END))
    if offset >= 0:
        file.seek(offset)
        start = file.read(16)
        sizes = start[13:15] if start[8:9] < b"\x02" else start[9:11]
        if sizes != b"\x08\x08":
            raise FileError("a damaged HDF5 file (lengths of other than 8 bytes)")
    file.seek(0)
