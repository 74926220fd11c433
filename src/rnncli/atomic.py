"""Files written whole or not at all."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from rnncli.errors import FileError
from rnncli.interrupts import UNFINISHED


def check_place(path: str) -> None:
    """Check early that a file can go to `path`, `-` being stdout. Raises: FileError."""
    if path == "-":
        return
    folder = os.path.dirname(os.path.realpath(path))
    if is_replaced(path) and not os.path.isdir(folder):
        raise FileError(f"cannot write {path}: there is no folder {folder}")
    if os.path.isdir(path):
        raise FileError(f"cannot write {path}: it is a folder")


def is_replaced(path: str) -> bool:
    """Whether a new file takes the place of `path`: not of a device, a pipe or stdout."""
    return path != "-" and (not os.path.exists(path) or stat.S_ISREG(os.stat(path).st_mode))


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `path` once all is written; on any failure nothing is
    left of it. Raises: FileError."""
    try:
        if path == "-":
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif is_replaced(path):
            yield from _temporary(os.path.realpath(path))
        else:
            with open(path, "wb") as device:
                yield device
    except BrokenPipeError:  # the reader has had enough, which is no failure
        raise
    except OSError as error:
        shown = "stdout" if path == "-" else path
        raise FileError(f"cannot write {shown}: {error.strerror or error}") from None


def _temporary(target: str) -> Iterator[BinaryIO]:
    folder, name = os.path.split(target)
    mode = _mode(target)
    # The name comes first, so that there is no moment at which a file is there and its name is not.
    temporary = os.path.join(folder, f".{name[:200]}.{os.urandom(6).hex()}.part")
    UNFINISHED.add(temporary)
    try:
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode or 0o666)
        with open(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    finally:
        UNFINISHED.discard(temporary)


def _mode(target: str) -> int | None:
    """Return the mode of the file there is, None without one. Raises: OSError if it is not to be
    written to, which replacing it would pass over."""
    if not os.path.exists(target):
        return None
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_IMODE(os.stat(target).st_mode)
