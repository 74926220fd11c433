"""`einops` patterns such as `b (h w) c -> b h w c`, as Keras's `rearrange` reads them."""

import re
from collections.abc import Mapping
from math import prod
from typing import Any

from rnncli.errors import ShapeError
from rnncli.shapes import Dim, Shape

Groups = list[list[str]]


def _side(text: str) -> Groups:
    return [part.strip("()").split() for part in re.findall(r"\([^)]*\)|\S+", text)]


def _parsed(pattern: Any) -> tuple[Groups, Groups]:
    left, arrow, right = str(pattern).partition("->")
    if not arrow or "..." in str(pattern):
        raise ShapeError(f"the pattern {str(pattern)[:60]!r} is not known")
    return _side(left), _side(right)


def _sizes(shape: Shape, groups: Groups, given: Mapping[str, int]) -> dict[str, Dim]:
    """Return the size of each axis that a pattern names."""
    if len(groups) != len(shape):
        raise ShapeError(f"a pattern of {len(groups)} axes for a tensor of {len(shape)}")
    found: dict[str, Dim] = dict(given)
    for dim, names in zip(shape, groups, strict=True):
        open_ = [name for name in names if name not in found]
        if len(open_) > 1:
            raise ShapeError(f"the sizes of {', '.join(open_)[:60]} are not known")
        if open_:
            rest = prod(found[name] or 1 for name in names if name != open_[0])
            found[open_[0]] = None if dim is None else dim // max(1, rest)
    return found


def rearranged(shape: Shape, pattern: Any, given: Mapping[str, int]) -> Shape:
    """Return the shape of a rearranged tensor. Raises: ShapeError."""
    left, right = _parsed(pattern)
    sizes = _sizes(shape, left, given)
    sides = [[sizes[name] for name in names] for names in right]
    return tuple(None if None in dims else prod(dim or 0 for dim in dims) for dims in sides)


def rearrange(tensor: Any, pattern: str, given: Mapping[str, int]) -> Any:
    """Return the rearranged tensor."""
    left, right = _parsed(pattern)
    sizes = _sizes(tensor.shape, left, given)
    names = [name for group in left for name in group]
    apart = tensor.reshape([sizes[name] for name in names])
    turned = apart.transpose([names.index(name) for group in right for name in group])
    return turned.reshape([prod(sizes[name] or 1 for name in group) for group in right])
