"""Arrays to files, whole or not at all."""

import os
import signal
import stat
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from rnncli.errors import FileError, UsageError
from rnncli.forward.op import Array, Value

SUFFIXES = (".npy", ".csv", ".npz")


def check_target(path: str, outputs: int) -> None:
    """Check that this many outputs can go to `path`. Raises: UsageError, FileError."""
    suffix = suffix_of(path)
    if suffix not in SUFFIXES:
        raise UsageError(
            f"cannot tell the format of {path!r}", f"end it in {', '.join(SUFFIXES)}, or write -"
        )
    if outputs > 1 and suffix != ".npz":
        raise UsageError(f"the model has {outputs} outputs, and {path} holds only one",
                         "write them to an .npz file")  # fmt: skip
    folder = os.path.dirname(os.path.realpath(path))
    if path != "-" and not os.path.isdir(folder):
        raise FileError(f"cannot write {path}: there is no folder {folder}")
    if os.path.isdir(path):
        raise FileError(f"cannot write {path}: it is a folder")


def suffix_of(path: str) -> str:
    """Return `.npy`, `.csv` or `.npz`; stdout gets `.npy`."""
    return ".npy" if path == "-" else os.path.splitext(path)[1].lower()


def streams(path: str) -> bool:
    """Whether a sequence can be written there block by block: an `.npy` file that can be sought."""
    regular = not os.path.exists(path) or stat.S_ISREG(os.stat(path).st_mode)
    return path != "-" and suffix_of(path) == ".npy" and regular


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `path` once all is written; on any failure nothing is
    left of it. Raises: FileError."""
    target = os.path.realpath(path)
    if path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as device:  # a device or a pipe cannot be replaced
                yield device
            return
        with _stoppable():
            yield from _temporary(target)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from None


def _temporary(target: str) -> Iterator[BinaryIO]:
    folder, name = os.path.split(target)
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
    try:
        with open(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode(target: str) -> int:
    if os.path.exists(target):
        return stat.S_IMODE(os.stat(target).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that unfinished files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class NpyWriter:
    """A sink that writes a sequence `(batch, time, ...)` to an open file as its blocks arrive."""

    def __init__(self, file: BinaryIO, seen: Callable[[Array], None]) -> None:
        self.file, self.seen, self.offset = file, seen, 0

    def put(self, value: Value, start: int, total: int) -> None:
        """Write a block where it belongs in each sequence of the batch."""
        array = np.ascontiguousarray(value.array)
        self.seen(array)
        batch, _, *rest = array.shape
        if start == 0:
            header = np.lib.format.header_data_from_array_1_0(array)
            header["shape"] = (batch, total, *rest)
            np.lib.format.write_array_header_1_0(self.file, header)
            self.offset = self.file.tell()
        row = array[0, 0].nbytes
        for index in range(batch):
            self.file.seek(self.offset + (index * total + start) * row)
            self.file.write(array[index].data)


def write(file: BinaryIO, path: str, names: Sequence[str], arrays: Sequence[Array]) -> None:
    """Write the outputs in the format that `path` asks for. Raises: UsageError."""
    suffix = suffix_of(path)
    if suffix == ".npz":
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in zip(unique(names), arrays, strict=True):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
    elif suffix == ".npy":
        np.lib.format.write_array(file, arrays[0], allow_pickle=False)
    else:
        digits = 17 if arrays[0].dtype == np.float64 else 9  # enough to read the same value back
        np.savetxt(file, table(arrays[0]), delimiter=",", fmt=f"%.{digits}g")


def table(array: Array) -> Array:
    """Return the rows of a CSV file: one per sequence, or per step of the only sequence.

    Raises: UsageError for several sequences.
    """
    if array.ndim <= 2:
        return array.reshape(len(array), -1)
    if len(array) > 1:
        raise UsageError(f"a .csv file holds one sequence, and the batch has {len(array):,}",
                         "write them to an .npy file")  # fmt: skip
    return array.reshape(array.shape[1], -1)


def unique(names: Sequence[str]) -> list[str]:
    """Return the names, repeated ones numbered: `lstm`, `lstm_1`, `lstm_2`."""
    given: list[str] = []
    for name in names:
        number, candidate = 0, name
        while candidate in given:
            number += 1
            candidate = f"{name}_{number}"
        given.append(candidate)
    return given
