"""Whether the values that a file holds are finite."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rnncli.errors import FileError, RnncliError
from rnncli.forward.blocks import blocks
from rnncli.forward.stored import to_values
from rnncli.layers.op import Array
from rnncli.model import Model, Weight
from rnncli.storage import Store, Tensor


class Finite(NamedTuple):
    """How many values are NaN or infinite, of how many weights they were read, and of how many."""

    bad: int
    read: int
    total: int


def count_not_finite(model: Model) -> Finite:
    """Return what is not finite of the values that the model's file holds.

    Every layer's weights, every buffer and constant are read, block by block, as they are stored.
    One whose values are not in the file, or of a type that is not read, counts as not read.
    Raises: FileError for a model without a file.
    """
    if model.store is None:
        raise FileError("the model has no weights of its own")
    bad = read = total = 0
    with model.store() as store:
        for weight in _weights(model):
            total += 1
            try:
                bad += sum(map(_not_finite, _blocks(weight, store)))
            except RnncliError:
                continue
            read += 1
    return Finite(bad, read, total)


def _weights(model: Model) -> Iterator[Weight]:
    seen = set()
    for layer in model.layers:
        for weight in layer.all_weights():
            seen.add(weight.stored)
            yield weight
    yield from (buffer for buffer in model.buffers if buffer.stored not in seen)
    yield from (each for each in model.constants if each.dtype != "string")


def _blocks(weight: Weight, store: Store) -> Iterator[Array]:
    """Yield the tensors that a weight is made from, in blocks. Raises: FileError for what is not
    read."""
    if weight.stored is None:
        raise FileError("it is not in the file")
    for name in weight.stored.tensors:
        values = to_values(_once(store.read(name)))
        if values.dtype.kind not in "fiubc":
            raise FileError(f"values of type {values.dtype}")
        yield from (block for _, (block,) in blocks(values))


def _once(tensor: Tensor) -> Tensor:
    """Return a tensor without the axes along which it repeats one value."""
    if not tensor.strides or 0 not in tensor.strides or 0 in tensor.shape:
        return tensor
    kept = [(n, stride) for n, stride in zip(tensor.shape, tensor.strides, strict=True) if stride]
    shape, strides = (tuple(each) for each in zip(*kept, strict=True)) if kept else ((), ())
    return tensor._replace(shape=shape, strides=strides)


def _not_finite(array: Array) -> int:
    return int(np.count_nonzero(~np.isfinite(array)))
