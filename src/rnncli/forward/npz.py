"""The arrays of an `.npz`, each unpacked where it is asked for."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from rnncli.errors import FileError
from rnncli.forward import memory
from rnncli.forward.npy import NUMBERS, Header, described, size_of
from rnncli.layers.op import Array

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError,
            NotImplementedError, ValueError)  # fmt: skip


class NpzArray:
    """An array of an `.npz`, unpacked where it is asked for."""

    def __init__(self, path: str, member: str, header: Header) -> None:
        self.path, self.member, self.header, self.shape = path, member, header, header.shape

    def open(self) -> Array:
        """Return the array. Raises: FileError; UnsupportedError if there is not the memory."""
        memory.check(size_of(self.header))
        found = np.empty(self.shape, self.header.dtype, "F" if self.header.fortran else "C")
        data, at = found.reshape(-1, order="A").view(np.uint8).data, 0
        with _unpacking(self.path) as archive, archive.open(self.member) as file:
            file.read(self.header.offset)
            while at < len(data) and (count := file.readinto(data[at:])):  # type: ignore[attr-defined]
                at += count
        if at < len(data):
            raise FileError(f"{self.member} in {self.path} is cut short")
        return found


@contextmanager
def _unpacking(path: str) -> Iterator[zipfile.ZipFile]:
    """Give the open zip. Raises: FileError if it is none, or a member is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _DAMAGED as error:
        raise FileError(f"{path} is not a readable .npz file: {error}") from None


def read_npz(path: str, kinds: str = NUMBERS) -> dict[str | None, NpzArray]:
    """Return the arrays of an `.npz` file by name. Raises: FileError."""
    found: dict[str | None, NpzArray] = {}
    with _unpacking(path) as archive:
        for member in archive.infolist():
            what = f"{member.filename} in {path}"
            with archive.open(member) as file:
                header = described(file, what, kinds)
            needed = header.offset + size_of(header)
            if member.file_size < needed:
                raise FileError(f"{what} is cut short: it has {member.file_size:,} bytes "
                                f"of {needed:,}")  # fmt: skip
            name = member.filename.removesuffix(".npy")
            found[name] = NpzArray(path, member.filename, header)
    if not found:
        raise FileError(f"{path} holds no arrays")
    return found
