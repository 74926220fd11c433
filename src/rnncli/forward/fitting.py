"""An input fitted to the model that takes it: its shape and its values checked."""

from typing import NamedTuple

import numpy as np

from rnncli.errors import FileError, ShapeError
from rnncli.forward.arrays import NpyFile, Source, texts
from rnncli.forward.npy import NUMBERS, TEXTS, check_dtype
from rnncli.layers.op import Array
from rnncli.shapes import Shape, show

_LAST = ("features per step", "texts per row")
_AXES = ("sequence", "step", "feature")


class Taken(NamedTuple):
    """What an input takes: values of `dtype`, `whole` ones alone, or also those that are `nan`.

    The dtype of text is `str`.
    """

    dtype: str
    whole: bool = False
    nan: bool = False

    @property
    def kinds(self) -> str:
        """The kinds of NumPy's dtypes that a file may have them in."""
        if self.dtype == "str":
            return TEXTS
        return f"{NUMBERS}c" if self.dtype.startswith("complex") else NUMBERS


class Input:
    """An input of a model, of the rank that the model has.

    `shape` has a batch axis of 1 where the array has none.
    """

    def __init__(self, source: Source, what: str, taken: Taken) -> None:
        self.source, self.what, self.taken = source, what, taken
        self.dtype = np.dtype(taken.dtype)
        self.shape: tuple[int, ...] = source.shape

    def fit(self, expected: Shape) -> None:
        """Check the shape against the model's `(None, 100, 32)`. Raises: ShapeError."""
        if len(self.shape) == len(expected) - 1:
            column = self.dtype.kind == "U" and expected[-1] == 1  # of texts, one for each row
            self.shape = (*self.shape, 1) if column else (1, *self.shape)
        wanted, last = show(expected), expected[-1] if expected else None
        if len(self.shape) != len(expected):
            raise ShapeError(
                f"{self.what} has the shape {show(self.source.shape)}, "
                f"but the model's input is {wanted}",
                f"give it {len(expected)} axes, or {len(expected) - 1} for a batch of 1",
            )
        if 0 in self.shape:
            raise ShapeError(f"{self.what} is empty: its shape is {show(self.source.shape)}")
        if expected and not self.taken.whole and last not in (None, self.shape[-1]):
            raise ShapeError(
                f"{self.what} has {self.shape[-1]:,} {_LAST[self.dtype.kind == 'U']}, "
                f"but the model's input {wanted} has {last:,}"
            )

    def steps(self, start: int, stop: int) -> Array:
        """Return the steps from `start` to `stop`, `(batch, stop - start, ...)`, checked."""
        if isinstance(self.source, NpyFile) and not self.source.header.fortran:
            return self._checked(self.source.steps(self.shape, start, stop), start)
        return self._checked(self.source.open().reshape(self.shape)[:, start:stop], start)

    def whole(self) -> Array:
        """Return all values, checked."""
        if len(self.shape) > 1:
            return self.steps(0, self.shape[1])
        return self._checked(self.source.open().reshape(self.shape), 0)

    def _checked(self, part: Array, start: int) -> Array:
        check_dtype(part.dtype, self.what, self.taken.kinds)
        if self.dtype.kind == "U":
            return texts(part, self.what)
        if self.taken.whole:
            return self._tokens(part, start)
        values = np.asarray(part, self.dtype, order="C")
        if not self.taken.nan and np.isnan(np.min(values)):
            raise FileError(f"{self.what} holds NaN at {_place(np.isnan(values), start)}")
        return values

    def _tokens(self, part: Array, start: int) -> Array:
        tokens = part.astype(np.int64) if np.isfinite(part).all() else None
        if tokens is None or (part.dtype.kind == "f" and (tokens != part).any()):
            broken = ~np.isfinite(part) if tokens is None else tokens != part
            raise FileError(
                f"{self.what} holds {part[broken][0]} at {_place(broken, start)}, "
                "but its layer takes whole numbers"
            )
        return tokens.astype(self.dtype)


def _place(found: Array, start: int) -> str:
    at = [int(index) for index in np.argwhere(found)[0]]
    at[1:2] = [step + start for step in at[1:2]]
    names = (*_AXES[: min(len(at), 3)], *(f"axis {axis}" for axis in range(3, len(at))))
    return ", ".join(f"{name} {index:,}" for name, index in zip(names, at, strict=True))
