"""Comma-separated files of numbers or of text."""

import csv
from collections.abc import Sequence

import numpy as np

from rnncli.errors import FileError
from rnncli.layers.op import Array


def _lines(path: str) -> list[str]:
    """Return the lines of a comma-separated file that are not empty. Raises: FileError."""
    try:
        with open(path, encoding="utf-8-sig", newline=None) as file:
            return [line for line in file if line.strip()]
    except UnicodeDecodeError:
        raise FileError(
            f"{path} is neither .npy, .npz nor .csv", "save it with numpy.save"
        ) from None


def texts(path: str) -> Array:
    """Return the table `(rows, columns)` of a comma-separated file of text, without a header.

    Raises: FileError.
    """
    try:
        rows = list(csv.reader(_lines(path)))
    except csv.Error as error:
        raise FileError(f"{path} is not a table of text: {error}") from None
    if not rows or len({len(row) for row in rows}) > 1:
        raise FileError(f"{path} is not a table of text: its rows have from "
                        f"{min(map(len, rows), default=0)} to {max(map(len, rows), default=0)} "
                        "columns", "put a text that holds commas in double quotes")  # fmt: skip
    return np.array(rows, dtype=str)


def numbers(path: str) -> Array:
    """Return the table `(rows, columns)` of a comma-separated file with or without a header.

    Raises: FileError.
    """
    lines = _lines(path)
    if lines and not _are_numbers(lines[0].split(",")):
        lines = lines[1:]
    if not lines:
        raise FileError(f"{path} holds no numbers")
    try:
        return np.loadtxt(lines, delimiter=",", ndmin=2, comments=None)
    except ValueError as error:
        raise FileError(f"{path} is not a table of numbers: {error}") from None


def _are_numbers(fields: Sequence[str]) -> bool:
    try:
        return bool([float(field) for field in fields])
    except ValueError:
        return False
