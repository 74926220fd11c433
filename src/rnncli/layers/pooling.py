"""Pooling over steps, images and volumes."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rnncli.layers.layer_type import LayerType, channels_first, pair, rank, scan, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain, Value
from rnncli.layers.reshaping import AXES, as_it_was, channels_last
from rnncli.model import Config
from rnncli.shapes import Shapes

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import windows
else:
    np, windows = lazy("numpy"), lazy("rnncli.kernels.windows")

_LOCAL = "strides=None, padding='valid', data_format=None"


def _local(kind: str, axes: int, default: str = "") -> LayerType:
    name = f"{kind}Pooling{axes}D"

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        shape = list(rank(inputs[0], axes + 2, name, AXES[axes]))
        window, strides = _window(config, axes)
        first = 2 if channels_first(config) else 1
        for index in range(axes):
            shape[first + index] = scan(
                shape[first + index], window[index], strides[index], config["padding"]
            )
        return (tuple(shape),)

    def run(setup: OpContext) -> Op:
        config, (window, strides) = setup.config, _window(setup.config, axes)

        def pool(x: Array) -> Array:
            x = channels_last(config, x)
            made = windows.pooled(x, window, strides, config["padding"], kind == "Average")
            return as_it_was(config, made)

        return Plain(pool)

    arguments = signature(f"pool_size{default}, {_LOCAL}")
    return LayerType(arguments, outputs, built_at_init=True, run=run)


def _window(config: Config, axes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    window = pair(config["pool_size"], axes)
    return window, window if config["strides"] is None else pair(config["strides"], axes)


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


def _everywhere(kind: str, axes: int) -> LayerType:
    name = f"Global{kind}Pooling{axes}D"

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        shape = rank(inputs[0], axes + 2, name, AXES[axes])
        batch, channels = shape[0], shape[1] if channels_first(config) else shape[-1]
        if not config["keepdims"]:
            return ((batch, channels),)
        ones = (1,) * axes
        return ((batch, channels, *ones) if channels_first(config) else (batch, *ones, channels),)

    return LayerType(
        signature("data_format=None, keepdims=False"),
        outputs,
        built_at_init=True,
        run=partial(Everywhere, kind == "Average", axes),
    )


def _adaptive(kind: str, axes: int) -> LayerType:
    name = f"Adaptive{kind}Pooling{axes}D"

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        shape = rank(inputs[0], axes + 2, name, AXES[axes])
        size = pair(config["output_size"], axes)
        if channels_first(config):
            return ((*shape[:2], *size),)
        return ((shape[0], *size, shape[-1]),)

    def run(setup: OpContext) -> Op:
        config, size = setup.config, pair(setup.config["output_size"], axes)

        def pool(x: Array) -> Array:
            x = channels_last(config, x)
            return as_it_was(config, windows.adaptive(x, size, kind == "Average"))

        return Plain(pool)

    arguments = signature("output_size, data_format=None")
    return LayerType(arguments, outputs, built_at_init=True, run=run)


_AXES = (1, 2, 3)
TYPES = {
    "MaxPooling1D": _local("Max", 1, "=2"),
    "MaxPooling2D": _local("Max", 2, "=(2, 2)"),
    "MaxPooling3D": _local("Max", 3, "=(2, 2, 2)"),
    **{f"AveragePooling{axes}D": _local("Average", axes) for axes in _AXES},
    **{
        f"Global{kind}Pooling{axes}D": _everywhere(kind, axes)
        for kind in ("Max", "Average")
        for axes in _AXES
    },
    **{
        f"Adaptive{kind}Pooling{axes}D": _adaptive(kind, axes)
        for kind in ("Max", "Average")
        for axes in _AXES
    },
}
