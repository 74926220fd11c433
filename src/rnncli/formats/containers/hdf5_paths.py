"""The paths of the tensors in HDF5, read without the HDF5 library, whose load takes longer than
most answers do.

Source: III.A to III.D of the HDF5 File Format Specification, version 3.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from rnncli.formats import limits

_SIGNATURE = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08"  # groups as by default, lengths of 8 bytes
_ROOT = 56  # where the entry of the outermost group stands
_ENTRY = struct.Struct("<2Q2I2Q")  # name, header, kind, reserved, tree, names
_TENSOR, _GROUP = 0, 1  # the kind of an entry


class _OtherwiseError(Exception):
    """The file is laid out otherwise, or damaged."""


def paths(file: BinaryIO) -> list[str] | None:
    """Return the paths of all tensors, None where HDF5 is not laid out as h5py does by default."""
    try:
        return list(_Walk(file).tensors())
    except (_OtherwiseError, OSError, ValueError, OverflowError, struct.error):
        return None


class _Walk:
    """A walk through a file that comes to no place twice, and reads and names only so much."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.walked = file, set[int]()
        self.bytes, self.characters = limits.HDF5_HEAP_BYTES, limits.NAMES_CHARACTERS

    def tensors(self) -> Iterator[str]:
        """Yield the paths of the tensors in all groups. Raises: _OtherwiseError."""
        self.read(0, _SIGNATURE, len(_SIGNATURE))
        groups = [("", self.read(_ROOT, b"", _ENTRY.size))]
        while groups:
            path, entry = groups.pop()
            _, _, kind, _, tree, heap = _ENTRY.unpack(entry)
            if kind == _TENSOR:
                yield path
                continue
            if kind != _GROUP:
                raise _OtherwiseError
            names = self.names(heap)
            for each in self.entries(tree):
                start = _ENTRY.unpack(each)[0]
                inner = f"{path}/{names[start : names.index(0, start)].decode()}".lstrip("/")
                self.characters -= len(inner)
                if self.characters < 0:
                    raise _OtherwiseError
                groups.append((inner, each))

    def names(self, heap: int) -> bytes:
        """Return the names in a group, one behind the other."""
        size, _, place = struct.unpack("<3Q", self.read(heap, b"HEAP\0", 32)[8:])
        return self.read(place, b"", size)

    def entries(self, root: int) -> Iterator[bytes]:
        """Yield the entries of a group, which stand in the leaves of its tree."""
        nodes = [(root, b"TREE\0")]
        while nodes:
            place, mark = nodes.pop()
            if mark == b"SNOD":
                (many,) = struct.unpack("<6xH", self.read(place, mark, 8))
                held = self.read(place + 8, b"", many * _ENTRY.size)
                yield from (held[n : n + _ENTRY.size] for n in range(0, len(held), _ENTRY.size))
                continue
            level, many = struct.unpack("<5xBH16x", self.read(place, mark, 24))
            held = self.read(place + 24, b"", many * 16)  # each child behind where its names begin
            children = (place for _, place in struct.iter_unpack("<2Q", held))
            nodes += [(each, mark if level else b"SNOD") for each in children]

    def read(self, place: int, mark: bytes, size: int) -> bytes:
        """Return the bytes of a part of the file, which has to begin with a mark."""
        self.bytes -= size
        if place in self.walked or self.bytes < 0:
            raise _OtherwiseError
        self.walked.add(place)
        self.file.seek(place)
        data = self.file.read(size)
        if len(data) < size or not data.startswith(mark):
            raise _OtherwiseError
        return data
