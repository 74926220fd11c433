"""A look into a model's weights: figures of each weight or gate, and of each recurrent kernel."""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from rnncli.errors import RnncliError
from rnncli.forward.blocks import Values
from rnncli.kernels.activations import activation
from rnncli.layers.op import Array
from rnncli.model import Layer
from rnncli.weights.figures import Figures, figures, wide
from rnncli.weights.held import Held, Reader, held, parts_or_why
from rnncli.weights.layouts import gate_axis
from rnncli.weights.piece import Part, Piece
from rnncli.weights.pieces import pieces_of

MOST_UNITS = 1024  # of a kernel whose eigenvalues are computed; beyond, they take minutes
MOST_VALUES = 1 << 24  # of an array that is read whole, in search of dead units
Progress = Callable[[int, int], None]
_UNREAD = Figures(*[None] * 9)


class Inside(NamedTuple):
    """What was seen: a row per weight or gate, one per recurrent kernel, and what was not read."""

    rows: list[dict[str, Any]]
    recurrent: list[dict[str, Any]]
    warnings: list[str]


def look(
    layers: Sequence[Layer], read: Reader, gates: bool = False, progress: Progress | None = None
) -> Inside:
    """Return the figures of all weights of the layers, of which one is in memory at a time."""
    found = Inside([], [], [])
    everything = list(held(layers))
    cells = [each for layer in _flat(layers) for each in pieces_of(layer) if each.cell is not None]
    total, done = len(everything) + len(cells), 0
    for each in everything:
        values, why = parts_or_why(each, read)
        if why:
            found.warnings.append(f"{each.path} is not read: {why}")
        for gate, shape, numbers in _figures(each, values, gates):
            found.rows.append({"layer": each.row, "weight": each.name, "gate": gate, "shape": shape,
                               "dtype": each.weight.dtype, **numbers._asdict()})  # fmt: skip
        done += 1
        if progress is not None:
            progress(done, total)
    for row in _recurrent(cells, everything, read):
        found.recurrent.append(row)
        done += 1
        if progress is not None:
            progress(done, total)
    return found


def _figures(
    each: Held, values: Sequence[Values], gates: bool
) -> Iterator[tuple[str | None, tuple[int, ...], Figures]]:
    """Yield the gate, the shape and the figures of each row of a weight."""
    shape = values[0].shape if len(values) == 1 else each.weight.shape
    axis = gate_axis(each.layer, each.weight, shape) if gates and values else None
    if axis is not None:
        every = zip(axis.names, figures(values, axis), strict=True)
        yield from ((gate, axis.shape(shape), numbers) for gate, numbers in every)
    else:
        yield None, shape, figures(values)[0] if values else _UNREAD


def _recurrent(
    cells: Sequence[Piece], everything: Sequence[Held], read: Reader
) -> Iterator[dict[str, Any]]:
    names = {id(each.weight): each for each in everything}
    for piece in cells:
        place = names[id(piece.parts["recurrent_kernel"].sources[0])]
        yield {"layer": place.row, "weight": _named(place, piece),
               **_kernel(piece, lambda part: _values(part, names, read))}  # fmt: skip


def _flat(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield from (layer,) if layer.model is None else _flat(layer.model.layers)


def _named(place: Held, piece: Piece) -> str:
    """Return the weight's name; one that holds both directions is told by the direction too."""
    both = piece.layer.dialect == "onnx" and piece.place
    return f"{place.name}/{piece.place}" if both else place.name


def _values(part: Part, names: dict[int, Held], read: Reader) -> Array | None:
    """Return an array in Keras's layout, None where it is not read, or too large to be."""
    places = [names[id(each)] for each in part.sources]
    if prod(part.shape) > MOST_VALUES or any(parts_or_why(each, read)[1] for each in places):
        return None
    return part.make([read.array(each) for each in places])


def _kernel(piece: Piece, values: Callable[[Part], Array | None]) -> dict[str, Any]:
    assert piece.cell is not None
    gates, units = piece.cell.gates, piece.settings["units"]
    part = piece.parts["recurrent_kernel"]
    square = part.shape == (units, len(gates) * units) and units <= MOST_UNITS
    stored = values(part) if square else None
    letters = piece.cell.letters(piece.layer.dialect)
    split = {} if stored is None else {
        letters.get(gate, gate): each
        for gate, each in zip(gates, np.split(stored, len(gates), axis=1), strict=True)
    }  # fmt: skip
    singular = {gate: _singular(each) for gate, each in split.items()}
    known = stored is not None
    return {
        "spectral_radius": {gate: _radius(each) for gate, each in split.items()} if known else None,
        "largest_singular_value": (
            {gate: each[0] for gate, each in singular.items()} if known else None
        ),
        "forget_bias": _forget_bias(piece, values),
        "units": units,
        "rank": {gate: each[1] for gate, each in singular.items()} if known else None,
        "dead_units": _dead(piece, values),
    }


def _radius(kernel: Array) -> float | None:
    """Return the largest absolute eigenvalue."""
    doubled = wide(kernel)
    return float(np.abs(np.linalg.eigvals(doubled)).max()) if np.isfinite(doubled).all() else None


def _singular(kernel: Array) -> tuple[float | None, int | None]:
    """Return the largest singular value and the rank, at the precision of the stored values."""
    doubled = wide(kernel)
    if not np.isfinite(doubled).all():
        return None, None
    found = np.linalg.svd(doubled, compute_uv=False)
    precision = np.finfo(kernel.dtype if kernel.dtype.kind in "fc" else np.float64).eps
    return float(found[0]), int((found > found[0] * len(kernel) * precision).sum())


def _forget_bias(piece: Piece, values: Callable[[Part], Array | None]) -> float | None:
    """Return the mean of what is added to the forget gate, None for a cell without one."""
    assert piece.cell is not None
    if "f" not in piece.cell.gates or "bias" not in piece.parts:
        return None
    bias = values(piece.parts["bias"])
    if bias is None or bias.dtype.kind == "c":
        return None
    found = np.split(bias, len(piece.cell.gates), axis=-1)[piece.cell.gates.index("f")]
    return float(wide(found).mean())


def _dead(piece: Piece, values: Callable[[Part], Array | None]) -> list[int] | None:
    """Return the units whose state stays 0: all that enters their candidate is 0.

    None where the candidate's activation is not known to give 0 for 0, or values are not read.
    """
    assert piece.cell is not None
    if not _keeps_zero(piece.settings.get("activation")):
        return None
    gates = piece.cell.gates
    candidate = next(index for index, gate in enumerate(gates) if gate in piece.cell.states)
    dead = np.ones(piece.settings["units"], bool)
    for name in ("bias", "recurrent_kernel", "kernel"):  # the largest comes last, if at all
        if not dead.any():
            break
        array = values(piece.parts[name]) if name in piece.parts else np.zeros((1, len(gates)))
        if array is None:
            return None
        share = np.split(array, len(gates), axis=-1)[candidate]
        dead &= ~share.reshape(-1, share.shape[-1]).any(axis=0)
    return [int(unit) for unit in np.flatnonzero(dead)]


def _keeps_zero(name: str | None) -> bool:
    try:
        return name is not None and not activation(name)(np.zeros(2))[0]
    except RnncliError:
        return False
