"""Several files that make one model: a folder, or a zip or tar file of one; all are read in place.

No link is followed, and no name leads out of the folder.
"""

import io
import os
import stat
import tarfile
from typing import BinaryIO, Protocol

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.inflate import compression, inflated
from rnncli.formats.containers.zip import Archive, Part, opened

LFS = b"version https://git-lfs"  # how what Git LFS puts in the place of a file begins
LFS_HINT = "fetch the file itself with git lfs pull"


class Members(Protocol):
    """Files by their names, `variables/variables.index` say."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def open(self, name: str) -> BinaryIO:
        """Return a file, open. Raises: FileError."""


def read(members: Members, name: str, limit: int) -> bytes:
    """Return the bytes of a file. Raises: FileError if it has more than `limit`."""
    with members.open(name) as file:
        limits.check(f"bytes in {name}", file.seek(0, io.SEEK_END), limit)
        file.seek(0)
        return file.read(limit)


def itself(file: BinaryIO, name: str) -> BinaryIO:
    """Return an open file, at its start. Raises: FileError if it only points to one of Git LFS."""
    points = file.read(len(LFS)) == LFS
    file.seek(0)
    if points:
        file.close()
        raise FileError(f"{name[:80]!r} is a Git LFS pointer, not the file itself", LFS_HINT)
    return file


class Folder:
    """The files of a folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return os.path.lexists(os.path.join(self.path, *name.split("/")))

    def open(self, name: str) -> BinaryIO:
        """Return a file, open. Raises: FileError if it is not there, or is a link or a device."""
        place = self.path
        for part in name.split("/"):
            if part in ("", ".", ".."):
                raise FileError(f"{name[:80]!r} points out of the folder; it is not read")
            place = os.path.join(place, part)
            mode = os.lstat(place).st_mode if os.path.lexists(place) else 0
            if stat.S_ISLNK(mode):
                raise FileError(f"{name[:80]!r} is a symbolic link; it is not followed")
        if not stat.S_ISREG(mode):
            raise FileError(f"it lacks the file {name[:80]!r}")
        return itself(open(place, "rb"), name)


class Zipped:
    """The files below a folder of a zip file."""

    def __init__(self, path: str | Part, folder: str) -> None:
        self.path, self.folder = path, folder
        with Archive(path) as archive:
            self.names = {name for name in archive.names if name.startswith(folder)}

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return self.folder + name in self.names

    def open(self, name: str) -> BinaryIO:
        """Return a file, open; a compressed one is unpacked. Raises: FileError."""
        if not self.has(name):
            raise FileError(f"it lacks the file {name[:80]!r}")
        with Archive(self.path) as archive:
            return io.BytesIO(archive.read(self.folder + name, limits.UNPACKED_BYTES))


class Tarred:
    """The files below a folder of a tar file, which may be compressed as a whole."""

    def __init__(self, path: str | Part, folder: str | None = None) -> None:
        with opened(path) as file:
            kind = compression(file.read(8))
            file.seek(0)
            self.place: str | Part = path
            if kind:
                data = inflated(file)
                name = path if isinstance(path, str) else path.path
                self.place = Part(name, 0, len(data), data)
        self.found = _members(self.place)
        self.folder = folder or ""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return self.folder + name in self.found

    def open(self, name: str) -> BinaryIO:
        """Return a file, open. Raises: FileError."""
        if not self.has(name):
            raise FileError(f"it lacks the file {name[:80]!r}")
        offset, length = self.found[self.folder + name]
        if isinstance(self.place, str):
            return opened(Part(self.place, offset, length))
        path, start, _, data = self.place
        if data is None:
            return opened(Part(path, start + offset, length))
        return io.BytesIO(data[offset : offset + length])


def _members(place: str | Part) -> dict[str, tuple[int, int]]:
    """Return where in a tar file its plain files are. Raises: FileError."""
    found: dict[str, tuple[int, int]] = {}
    with opened(place) as file:
        end = file.seek(0, io.SEEK_END)
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for count, member in enumerate(archive):
                    limits.check("tar members", count, limits.ZIP_MEMBERS)
                    if not member.isreg() or member.issparse():
                        continue
                    if member.offset_data + member.size > end:
                        raise FileError("a truncated tar file")
                    name = member.name.removeprefix("./")
                    found[name] = (member.offset_data, member.size)
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise FileError(f"a damaged or truncated tar file ({error})") from None
    return found


def folder_of(names: list[str], last: str) -> str:
    """Return the folder of the one file that is called `last`. Raises: FileError if several are."""
    found = [name.removesuffix(last) for name in names if f"/{name}".endswith(f"/{last}")]
    if len(found) > 1:
        listed = ", ".join(repr(each[:40]) for each in found[:3])
        raise FileError(f"it holds {len(found)} models, in {listed}", "unpack the one you mean")
    return found[0]
