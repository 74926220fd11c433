"""Shapes as tuples: an unknown dimension is `None`."""

from collections.abc import Iterable
from math import prod

from rnncli.errors import ShapeError, UsageError

LARGEST = 10**18  # of a size; far beyond any machine, and products still print at once

Dim = int | None
Shape = tuple[Dim, ...]
Shapes = tuple[Shape, ...]


def show(shape: Iterable[Dim]) -> str:
    """Return the shape as Keras prints it: `(None, 100, 64)`, `(None,)` as `(None)`."""
    return f"({', '.join(map(str, shape))})"


def parse(text: str) -> Shape:
    """Return the shape written as `None,100,64` or `(None, 100, 64)`.

    Raises: UsageError if a part is neither a size nor `None`.
    """
    parts = [part.strip() for part in text.strip().strip("()[]").split(",") if part.strip()]
    try:
        shape = tuple(None if part.lower() in ("none", "?") else int(part) for part in parts)
    except ValueError:
        raise UsageError(
            f"shape {text!r} is not understood", "write it as None,100,64 (None: any size)"
        ) from None
    if any(dim is not None and dim < 0 for dim in shape):
        raise UsageError(f"shape {text!r} has a negative size", "write None for an open size")
    return shape


def product(shape: Iterable[Dim]) -> Dim:
    """Return the number of elements, `None` if a dimension is open."""
    dims = tuple(shape)
    return None if None in dims else prod(dim for dim in dims if dim is not None)


def known(dim: Dim, what: str) -> int:
    """Return `dim`, or raise a ShapeError that says which size must be known."""
    if dim is None:
        raise ShapeError(f"{what} must be a known size, but it is None")
    return dim
