"""Where the values of weights come from: a seed, an `.npz`, or the model's own file.

Everywhere they go by their path within the model, such as `lstm/lstm_cell/kernel`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from math import prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from rnncli.cells import names, snake_case
from rnncli.errors import FileError, ShapeError, UnsupportedError, UsageError, few
from rnncli.forward.arrays import read_named
from rnncli.forward.engine import needed
from rnncli.forward.stored import assemble
from rnncli.graph.state_dicts import matched
from rnncli.layers.op import Array
from rnncli.model import Layer, Model, Ref, Weight
from rnncli.shapes import show
from rnncli.storage import Store

Values = dict[str, Array]


class Slot(NamedTuple):
    """One weight of a model and its path."""

    path: str
    weight: Weight


def slots(model: Model, outputs: Iterable[Ref], prefix: str = "") -> Iterator[Slot]:
    """Yield the weights that the outputs depend on, in the order of the layers."""
    wanted = {layer.name for layer, _ in needed(model, outputs)}
    for layer in model.layers:
        if layer.name not in wanted:
            continue
        if layer.model is not None:
            yield from slots(layer.model, layer.model.outputs, f"{prefix}{layer.name}/")
        for weight in _own(layer):
            yield Slot(f"{prefix}{layer.name}/{weight.path}", weight)


def _own(layer: Layer) -> tuple[Weight, ...]:
    return (layer.weights or ()) if layer.model is None else ()


def random_values(
    found: Iterable[Slot], rng: np.random.Generator, init: str, dtype: np.dtype[Any]
) -> Values:
    """Return seeded random values; `uniform01` draws all of them from [0, 1)."""
    return {slot.path: _drawn(slot.weight, rng, init).astype(dtype) for slot in found}


def _drawn(weight: Weight, rng: np.random.Generator, init: str) -> Array:
    """Return values as the framework's initializer of the weight draws them."""
    shape, how = weight.shape, weight.initializer if init in ("keras", "torch") else init
    if how == "uniform01":
        return rng.random(shape)
    if how == "ones":
        return np.ones(shape)
    if how.startswith("uniform "):  # up to a number
        limit = float(how.partition(" ")[2])
        return rng.uniform(-limit, limit, shape)
    if how == "normal":
        return rng.normal(size=shape)
    if how == "quarters":
        return np.full(shape, 0.25)
    if how == "uniform":
        return rng.uniform(-0.05, 0.05, shape)
    if how == "glorot_uniform":
        limit = sqrt(6 / max(1, sum(_fans(shape))))
        return rng.uniform(-limit, limit, shape)
    if how.startswith("stft/"):
        _, side, window, scaling, periodic = how.split("/")
        from rnncli.kernels.spectra import stft_kernel

        return stft_kernel(shape, side, window, scaling, periodic == "True")
    if how == "orthogonal":
        return _orthogonal(shape, rng)
    values = np.zeros(shape)
    if how == "unit_forget":
        values.reshape(len(weight.gates), -1)[weight.gates.index("f")] = 1
    return values


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many values go into and out of a unit (Glorot & Bengio, 2010)."""
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return a matrix with orthonormal rows or columns (Saxe et al., 2013)."""
    rows, columns = prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diag(r) < 0, -1, 1)
    return (q.T if rows < columns else q).reshape(shape)


def stored_values(model: Model, found: Iterable[Slot], dtype: np.dtype[Any]) -> Values:
    """Return the values that the model's own file holds. Raises: FileError, ShapeError."""
    if model.store is None:
        raise FileError("the model has no weights of its own")
    path = model.source.path or "the file"
    with model.store() as store:
        return {slot.path: _fitting(slot, _read(slot, store, path), path, dtype) for slot in found}


def _read(slot: Slot, store: Store, path: str) -> Array:
    """Return a weight's values. Raises: FileError that names the file and the weight."""
    try:
        return assemble(slot.weight, store)
    except FileError as error:
        text = error.message.removeprefix(f"{path}: ")
        raise FileError(f"{path}: weight {slot.path!r}: {text}", error.hint) from None


def _fitting(slot: Slot, array: Array, source: str, dtype: np.dtype[Any]) -> Array:
    if array.shape != slot.weight.shape:
        raise ShapeError(
            f"weight {slot.path!r} has the shape {show(array.shape)} in {source}, "
            f"but {show(slot.weight.shape)} is expected"
        )
    if array.dtype.kind == "c":
        raise UnsupportedError(f"weight {slot.path!r} is complex: layers of complex numbers "
                               "cannot be run")  # fmt: skip
    return np.ascontiguousarray(array, dtype).reshape(array.shape)


def npz_values(
    path: str, found: Iterable[Slot], dtype: np.dtype[Any], torch: Model | None = None
) -> Values:
    """Return the values that an `.npz` gives under Keras's names.

    The only layer may use bare names (`kernel`); the cell's part of a path may be left out; what
    Keras puts before a layer's name, and the numbers it ends names with, do not matter.
    With `torch`, a stack of PyTorch's, they are those of a state dict.
    Raises: FileError, UsageError, ShapeError.
    """
    wanted = list(found)
    given = read_named(path)
    if torch is not None:
        return _state_values(torch, given, path, wanted, dtype)
    if None in given:
        raise FileError(f"{path} holds one array without a name, but weights are named",
                        "write them with numpy.savez(path, **{w.path: w.numpy() …})")  # fmt: skip
    left = {name: array for name, array in given.items() if name is not None}
    values: Values = {}
    for slot in wanted:
        name = _match(slot, wanted, left)
        if name is None:
            raise UsageError(f"{path} has no weight {slot.path!r}; it has {few(left)}",
                             f"expected: {few(s.path for s in wanted)}")  # fmt: skip
        values[slot.path] = _fitting(slot, left.pop(name).open(), path, dtype)
    if left:
        raise UsageError(f"{path} holds {few(left)}, which the model does not have",
                         f"expected: {few(s.path for s in wanted)}")  # fmt: skip
    return values


def _state_values(
    model: Model,
    given: Mapping[str | None, Any],
    path: str,
    wanted: list[Slot],
    dtype: np.dtype[Any],
) -> Values:
    """Return the values that an `.npz` gives under the names of PyTorch's state dict."""
    named = {name: source for name, source in given.items() if name is not None}
    names = matched(model.layers, {name: source.shape for name, source in named.items()})
    return {
        slot.path: _fitting(slot, named[names[slot.path]].open(), path, dtype) for slot in wanted
    }


def _match(slot: Slot, wanted: list[Slot], names: Iterable[str]) -> str | None:
    """Return the name that means this weight: the plainest reading that fits one name only."""
    bare = len({each.path.partition("/")[0] for each in wanted}) == 1
    for reading in (_plain, _ending, _shortened, _unnumbered):
        fitting = [name for name in names if reading(name, slot.path, bare)]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _plain(name: str, path: str, bare: bool) -> bool:
    name = name.removesuffix(":0")
    return name == path or (bare and name == path.partition("/")[2])


def _ending(name: str, path: str, bare: bool) -> bool:
    """Whether the names agree at their ends."""
    one, other = _steps(name), _steps(path)
    return one[-len(other) :] == other or (bare and one == other[1:])


def _steps(name: str) -> list[str]:
    return [part for part in name.removesuffix(":0").split("/")
            if not part.startswith("stacked_rnn_cells")]  # fmt: skip


def _parts(path: str) -> list[str]:
    """Return a path without the cell's part."""
    return [part for part in _steps(path) if not _CELL.fullmatch(part)]


_CELL = re.compile(rf"({'|'.join(snake_case(name) for name in names())})_cell(_\d+)?")


def _shortened(name: str, path: str, bare: bool) -> bool:
    """Whether the names agree without the cell's part, at their ends."""
    one, other = _parts(name), _parts(path)
    return one[-len(other) :] == other or (bare and one == other[1:])


def _unnumbered(name: str, path: str, bare: bool) -> bool:
    """Whether the names also agree without the numbers that Keras gives within a layer."""
    one, other = _parts(name), _parts(path)
    if bare and _stems(one) == _stems(other[1:]):
        return True
    end = one[-len(other) :]
    return end[:1] == other[:1] and _stems(end) == _stems(other)


def _stems(parts: list[str]) -> list[str]:
    return [re.sub(r"_\d+$", "", part) for part in parts]
