"""A zip file, read in place: nothing is unpacked to disk, and no member may lead out of it."""

import io
import stat
import struct
import zipfile
import zlib
from types import TracebackType
from typing import BinaryIO, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits

_LOCAL_HEADER = 30  # bytes before a member's name


class Archive:
    """The members of a zip file. Raises: FileError for one that is damaged, encrypted or unsafe."""

    def __init__(self, path: "str | Part") -> None:
        self.file = opened(path)
        try:
            self._zip = zipfile.ZipFile(self.file)
            self.members = {member.filename: member for member in self._zip.infolist()}
            self._check()
        except (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError) as error:
            self.file.close()
            raise FileError(f"a damaged or truncated zip file ({error})") from None
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()
        self.file.close()

    @property
    def names(self) -> list[str]:
        """The names of all members."""
        return list(self.members)

    def _check(self) -> None:
        limits.check("zip members", len(self.members), limits.ZIP_MEMBERS)
        end = self.file.seek(0, io.SEEK_END)
        for name, member in self.members.items():
            if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
                raise FileError(f"zip member {name[:60]!r} points out of the file; it is not read")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise FileError(f"zip member {name[:60]!r} is a symbolic link; it is not followed")
            if member.flag_bits & 1:
                raise FileError(f"zip member {name[:60]!r} is encrypted")
            if not 0 <= member.header_offset <= end - member.compress_size:
                raise FileError(f"zip member {name[:60]!r} lies outside the file")

    def read(self, name: str, limit: int, ratio: int = limits.ZIP_RATIO) -> bytes:
        """Return a member's bytes. Raises: FileError if it is larger than `limit`, damaged, or, not
        being small, unpacks to more than `ratio` times what is stored."""
        member = self.members[name]
        limits.check(f"bytes in {name}", member.file_size, limit)
        if member.compress_type != zipfile.ZIP_STORED:
            most = ratio if member.file_size > limits.UNPACKED_SMALL else limits.ZIP_RATIO
            found = member.file_size // max(1, member.compress_size)
            limits.check(f"compression ratio of {name}", found, most)
        try:
            with self._zip.open(member) as stream:
                return stream.read(limit + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            struct.error,
        ) as error:
            raise FileError(f"zip member {name!r} is damaged ({error})") from None

    def window(self, name: str) -> tuple[int, int]:
        """Return the offset and length of a member that is stored as it is. Raises: FileError."""
        member = self.members[name]
        if member.compress_type != zipfile.ZIP_STORED:
            raise FileError(f"zip member {name!r} is compressed where its format stores it plain")
        self.file.seek(member.header_offset)
        header = self.file.read(_LOCAL_HEADER)
        if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
            raise FileError(f"zip member {name!r} is damaged")
        name_length, extra_length = struct.unpack_from("<HH", header, 26)
        return member.header_offset + _LOCAL_HEADER + name_length + extra_length, member.file_size

    def opened(self, name: str) -> BinaryIO:
        """Return a member as a file: a window where it is stored plain, else its unpacked bytes."""
        if self.members[name].compress_type == zipfile.ZIP_STORED:
            return io.BufferedReader(Window(self.file, *self.window(name)))
        return io.BytesIO(self.read(name, limits.UNPACKED_BYTES, limits.UNPACKED_RATIO))


class Part(NamedTuple):
    """Where in a file another one stands; `data` holds its bytes where they were unpacked."""

    path: str
    offset: int
    length: int
    data: bytes | None = None


def opened(path: str | Part) -> BinaryIO:
    """Return the open file, or the open part of one. Raises: OSError."""
    if isinstance(path, str):
        return open(path, "rb")
    if path.data is not None:
        return io.BytesIO(path.data)
    return io.BufferedReader(Window(open(path.path, "rb"), path.offset, path.length, owned=True))


class Window(io.RawIOBase):
    """A part of a file, as a file of its own; `owned`: it closes the file it is a part of."""

    def __init__(self, file: BinaryIO, offset: int, length: int, owned: bool = False) -> None:
        super().__init__()
        self.file, self.offset, self.length, self.at = file, offset, length, 0
        self.owned = owned

    def close(self) -> None:
        """Close it."""
        if self.owned:
            self.file.close()
        super().close()

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether positions can be sought."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.length}[whence]
        self.at = max(0, base + offset)
        return self.at

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        """Fill `buffer` from the position on, and return how many bytes were read."""
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self.length - self.at))
        self.file.seek(self.offset + self.at)
        data = self.file.read(wanted)
        view[: len(data)] = data
        self.at += len(data)
        return len(data)
