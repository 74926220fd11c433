"""Normalization at inference."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnncli.layers.normalization import axes_of
from rnncli.layers.op import Array, Op, OpContext, Plain


class Normalized(Plain):
    """A layer that works along some axes; step by step where none is that of the steps."""

    def __init__(self, function: Callable[[Array], Array], axis: Any) -> None:
        super().__init__(function, keeps_mask=True)
        self.axis = axis

    def stepwise(self, rank: int) -> bool:
        """Whether no axis is that of the steps."""
        return rank >= 3 and min(axes_of(self.axis, (1,) * rank)) >= 2


def _along(x: Array, weight: Array, axis: Any) -> Array:
    """Return a weight shaped to the axes of `x` that it belongs to."""
    axes = axes_of(axis, x.shape)
    return weight.reshape([x.shape[each] if each in axes else 1 for each in range(x.ndim)])


def _scaled(setup: OpContext, x: Array) -> Array:
    for name, apply in (("gamma", np.multiply), ("beta", np.add)):
        if name in setup.weights:
            x = apply(x, _along(x, setup.weights[name], setup.config["axis"]))
    return x


def _centred(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    shifted = x - x.mean(axis=axes, keepdims=True)
    variance = np.square(shifted).mean(axis=axes, keepdims=True)
    normal: Array = shifted / np.sqrt(variance + x.dtype.type(epsilon))
    return normal


def _layer(setup: OpContext) -> Op:
    axis, epsilon = setup.config["axis"], setup.config["epsilon"]
    return Normalized(lambda x: _scaled(setup, _centred(x, axes_of(axis, x.shape), epsilon)), axis)


def _batch(setup: OpContext) -> Op:
    axis = setup.config["axis"]
    mean, variance = setup.weights["moving_mean"], setup.weights["moving_variance"]
    spread = np.sqrt(variance + setup.dtype.type(setup.config["epsilon"]))

    def normal(x: Array) -> Array:
        return _scaled(setup, (x - _along(x, mean, axis)) / _along(x, spread, axis))

    return Normalized(normal, axis)


def _group(setup: OpContext) -> Op:
    config = setup.config

    def normal(x: Array) -> Array:
        (axis,) = axes_of(config["axis"], x.shape)
        moved = np.moveaxis(x, axis, -1)
        groups = moved.shape[-1] if config["groups"] == -1 else config["groups"]
        split = moved.reshape(*moved.shape[:-1], groups, -1)
        axes = (*range(1, split.ndim - 2), split.ndim - 1)
        flat = _centred(split, axes, config["epsilon"]).reshape(moved.shape)
        return _scaled(setup, np.moveaxis(flat, -1, axis))

    return Plain(normal, keeps_mask=True)


def _unit(setup: OpContext) -> Op:
    def normal(x: Array) -> Array:
        axes = axes_of(setup.config["axis"], x.shape)
        square = np.square(x).sum(axis=axes, keepdims=True)
        unit: Array = x / np.sqrt(np.maximum(square, x.dtype.type(1e-12)))
        return unit

    return Normalized(normal, setup.config["axis"])


def _adapted(setup: OpContext) -> Op:
    """Return `Normalization`; its least deviation is Keras's epsilon, 1e-7."""
    config = setup.config
    axis = config["axis"] if config["axis"] is not None else []

    def along(x: Array, name: str) -> Array:
        stated = setup.weights.get(name)
        values = np.asarray(config[name] if stated is None else stated, x.dtype)
        return _along(x, values, axis) if values.ndim else values

    def normal(x: Array) -> Array:
        deviation = np.maximum(np.sqrt(along(x, "variance")), x.dtype.type(1e-7))
        mean = along(x, "mean")
        scaled: Array = x * deviation + mean if config["invert"] else (x - mean) / deviation
        return scaled

    return Plain(normal, keeps_mask=True)


OPS = {
    "Normalization": _adapted,
    "LayerNormalization": _layer,
    "BatchNormalization": _batch,
    "GroupNormalization": _group,
    "UnitNormalization": _unit,
}
