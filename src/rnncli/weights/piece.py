"""What a layer is made of, whoever stored it: recurrent cells and other parts in Keras's layout."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from rnncli.cell import Cell
from rnncli.layers.op import Array
from rnncli.model import Layer, Weight

Make = Callable[[Sequence[Array]], Array]


def only(arrays: Sequence[Array]) -> Array:
    """Return the only array."""
    return arrays[0]


class Part(NamedTuple):
    """One array in Keras's layout: its shape, the weights it is made of, and how."""

    shape: tuple[int, ...]
    sources: tuple[Weight, ...]
    make: Make = only


class Piece(NamedTuple):
    """A cell, or a layer without cells, of the kind that Keras has for it.

    `place` says where in the layer it is, such as `backward`; `parts` go by Keras's names of
    weights; `settings` are the arguments that decide what is computed, as far as they are known.
    `level` counts the stacked cells of a layer, `reverse` is that of a Bidirectional; `summed` says
    that the bias is stored in two vectors, which are added.
    """

    kind: str
    layer: Layer
    place: str
    parts: Mapping[str, Part]
    settings: Mapping[str, Any] = MappingProxyType({})
    cell: Cell | None = None
    level: int = 0
    reverse: bool = False
    summed: bool = False


class Entry(NamedTuple):
    """A piece and its name in the model: that of its layer, and the place in it."""

    name: str
    piece: Piece
