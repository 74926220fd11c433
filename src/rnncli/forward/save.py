"""Arrays to files."""

import os
import zipfile
from collections.abc import Callable, Sequence
from typing import IO, BinaryIO

import numpy as np

from rnncli.atomic import check_place, is_replaced
from rnncli.errors import UsageError
from rnncli.layers.op import Array, Value

SUFFIXES = (".npy", ".csv", ".npz")
LONGEST_NAME = 200  # characters of a member's name, which unpacks to a file on any system


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
    check_place(path)


def suffix_of(path: str) -> str:
    """Return `.npy`, `.csv` or `.npz`; stdout gets `.npy`."""
    return ".npy" if path == "-" else os.path.splitext(path)[1].lower()


def streams(path: str) -> bool:
    """Whether a sequence can be written there block by block: an `.npy` file that can be sought."""
    return suffix_of(path) == ".npy" and is_replaced(path)


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
            for name, array in zip(unique(list(map(member, names))), arrays, strict=True):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as part:
                    write_npy(part, array)
    elif suffix == ".npy":
        write_npy(file, arrays[0])
    else:
        digits = 17 if arrays[0].dtype == np.float64 else 9  # enough to read the same value back
        np.savetxt(file, table(arrays[0]), delimiter=",", fmt=f"%.{digits}g")


def write_npy(file: IO[bytes], array: Array) -> None:
    """Write an array as `numpy.save` does, which asks a file for its position; a pipe has none."""
    array = np.ascontiguousarray(array).reshape(array.shape)  # which makes one axis of none
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    file.write(array.tobytes() if array.size == 0 else array.data)


def table(array: Array) -> Array:
    """Return the rows of a CSV file: one per sequence, or per step of the only sequence.

    Raises: UsageError for several sequences.
    """
    if array.dtype.kind == "U":
        raise UsageError("a .csv file holds numbers, and the output is text",
                         "write it to an .npy file")  # fmt: skip
    if array.ndim <= 2:
        return array.reshape(len(array) if array.ndim else 1, -1)
    if len(array) > 1:
        raise UsageError(f"a .csv file holds one sequence, and the batch has {len(array):,}",
                         "write them to an .npy file")  # fmt: skip
    return array.reshape(array.shape[1], -1)


def member(name: str) -> str:
    """Return the name as that of a member of an `.npz`: of any other folder it names none.

    Separators become `_`, dots do not lead, what UTF-8 cannot hold is escaped, the length bounded.
    """
    text = name.encode("utf-8", "backslashreplace").decode()
    text = "".join("_" if each in "/\\:" or not each.isprintable() else each for each in text)
    return text.lstrip(".")[:LONGEST_NAME] or "output"


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
