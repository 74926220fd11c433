"""Activations as in-place steps, with what can be folded into the weights beforehand.

`sigmoid(x) = (tanh(x / 2) + 1) / 2`: the halving goes into the weights, the last division into the
products that follow (`gain` 2), so that a gate costs one `tanh` and one addition.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnncli.kernels.activation_layers import Array
from rnncli.kernels.activations import activation

InPlace = Callable[[Array, Array], Any]  # values, where the result goes


class Folded(NamedTuple):
    """An activation of `scale * x + shift`.

    `apply`, and adding 1 where `plus_one`, leaves `gain` times its value.
    """

    apply: InPlace
    scale: float = 1.0
    shift: float = 0.0
    gain: float = 1.0
    plus_one: bool = False


def folded(name: str | None, units: int, dtype: np.dtype[Any]) -> Folded:
    """Return the activation called `name`, ready to run on slabs of `(units, batch)` arrays."""
    zero, one = np.zeros((), dtype), np.ones((), dtype)

    def between(x: Array, out: Array) -> None:
        np.maximum(x, zero, out=out)
        np.minimum(out, one, out=out)

    def copied(x: Array, out: Array) -> None:
        if x is not out:
            np.copyto(out, x)

    special = {
        "sigmoid": Folded(np.tanh, scale=0.5, gain=2.0, plus_one=True),
        "hard_sigmoid": Folded(between, scale=1 / 6, shift=0.5),
        "hard_sigmoid_keras2": Folded(between, scale=0.2, shift=0.5),
        "tanh": Folded(np.tanh),
        "relu": Folded(lambda x, out: np.maximum(x, zero, out=out)),
        "linear": Folded(copied),
    }
    if name is None or name in special:
        return special[name or "linear"]
    return Folded(in_place(name, units))


def plain(name: str | None, units: int, dtype: np.dtype[Any]) -> Folded:
    """Return the activation as `folded` does, but leaving its value itself, not twice that."""
    found = folded(name, units, dtype)
    return found if found.gain == 1 else Folded(in_place(name, units))


def in_place(name: str | None, units: int) -> InPlace:
    """Return the activation itself, with nothing folded away."""
    function = activation(name)

    def general(x: Array, out: Array) -> None:
        """Run along the units of each gate, which Keras has as the last axis."""
        slabs = x.reshape(len(x) // units, units, -1).swapaxes(1, 2)
        out[...] = function(slabs).swapaxes(1, 2).reshape(x.shape)

    return np.tanh if name == "tanh" else general
