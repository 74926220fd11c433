"""Pooling over a window, or over all steps."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from rnncli.forward.ops.convolutional import as_it_was, channels_last, windows
from rnncli.layers.layer_type import pair
from rnncli.layers.op import Array, Op, OpContext, Plain, Value


def _local(average: bool, axes: int, setup: OpContext) -> Op:
    config, ones, over = setup.config, (1,) * axes, tuple(range(-axes, 0))
    size = pair(config["pool_size"], axes)
    strides = size if config["strides"] is None else pair(config["strides"], axes)

    def view(x: Array, fill: float) -> Array:
        return windows(x, size, strides, ones, config["padding"], fill)

    def largest(x: Array) -> Array:
        return as_it_was(config, view(channels_last(config, x), -np.inf).max(axis=over))

    def mean(x: Array) -> Array:
        x = channels_last(config, x)
        here = view(np.ones_like(x[:1]), 0).sum(axis=over)  # padding is not averaged over
        return as_it_was(config, view(x, 0).sum(axis=over) / here)

    return Plain(mean if average else largest)


class Everywhere(Op):
    """Pooling over all steps, or the whole image; an average over steps heeds the mask."""

    def __init__(self, average: bool, axes: int, setup: OpContext) -> None:
        self.config, self.axes, self.average = setup.config, axes, average

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return one value per channel, without a mask."""
        x, mask = channels_last(self.config, inputs[0].array), inputs[0].mask
        keep, over = bool(self.config["keepdims"]), tuple(range(1, 1 + self.axes))
        if self.average and self.axes == 1 and mask is not None:
            kept = mask[:, :, None]
            total = np.where(kept, x, 0).sum(over, dtype=x.dtype, keepdims=keep)
            output = total / kept.sum(over, dtype=x.dtype, keepdims=keep)
        else:
            output = (x.mean if self.average else x.max)(axis=over, keepdims=keep)
        return (Value(as_it_was(self.config, output) if keep else output),)


def _pairs(axes: int) -> dict[str, Callable[[OpContext], Op]]:
    kinds: dict[str, Callable[[OpContext], Op]] = {}
    for name, average in (("Max", False), ("Average", True)):
        kinds[f"{name}Pooling{axes}D"] = partial(_local, average, axes)
        kinds[f"Global{name}Pooling{axes}D"] = partial(Everywhere, average, axes)
    return kinds


OPS = {**_pairs(1), **_pairs(2)}
