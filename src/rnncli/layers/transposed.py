"""Transposed convolutions: an input value becomes a window of the output."""

from math import prod
from typing import TYPE_CHECKING

from rnncli.layers.convolutional import (
    INITIALIZERS,
    RULES,
    finished,
    geometry,
    joined,
    kernel_of,
    rest_of,
    split,
    times,
)
from rnncli.layers.layer_type import LayerType, pair, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.layers.reshaping import channels_last
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes, product

if TYPE_CHECKING:
    from rnncli.kernels import windows
else:
    windows = lazy("rnncli.kernels.windows")


def _transposed_size(
    dim: int, window: int, stride: int, dilation: int, more: int | None, padding: str
) -> int:
    """Return the length of an axis after a transposed convolution, as Keras has it."""
    reach = dilation * (window - 1) + 1
    if padding == "valid":
        return (dim - 1) * stride + reach + (max(stride - reach, 0) if more is None else more)
    return dim * stride if more is None else (dim - 1) * stride + reach % 2 + more


def _transposed_space(config: Config, space: tuple[int, ...]) -> tuple[int, ...]:
    axes, more = len(space), config["output_padding"]
    extra = (None,) * axes if more is None else pair(more, axes)
    windows, strides, dilation = (
        pair(config[key], axes) for key in ("kernel_size", "strides", "dilation_rate")
    )
    return tuple(
        _transposed_size(*each, config["padding"])
        for each in zip(space, windows, strides, dilation, extra, strict=True)
    )


def _transposed(axes: int) -> LayerType:
    name = f"Conv{axes}DTranspose"

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        batch, space, _ = split(config, inputs[0], name, axes)
        sizes = _transposed_space(config, tuple(dim or 0 for dim in space))
        made = tuple(None if old is None else new for old, new in zip(space, sizes, strict=True))
        return (joined(config, batch, made, config["filters"]),)

    def weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
        channels = split(config, inputs[0], name, axes)[2]
        shape = (*pair(config["kernel_size"], axes), config["filters"], channels)
        kernel = kernel_of("kernel", shape, "window × filters × channels")
        return (kernel, *rest_of(config, config["filters"], outputs(config, inputs)))

    def macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
        taps = prod(pair(config["kernel_size"], axes))
        return times(product(inputs[0][1:]), taps * config["filters"])

    def run(setup: OpContext) -> Op:
        config, kernel = setup.config, setup.weights["kernel"]

        def convolve(x: Array) -> Array:
            x = channels_last(config, x)
            sizes = _transposed_space(config, x.shape[1:-1])
            made = windows.transposed(x, kernel, *geometry(setup, axes), sizes)
            return finished(setup, made)

        return Plain(convolve)

    one = "1" if axes == 1 else str((1,) * axes)
    middle = "output_padding=None, data_format=None"
    if axes == 3:  # where Keras has them the other way round
        middle = "data_format=None, output_padding=None"
    arguments = (
        f"filters, kernel_size, strides={one}, padding='valid', {middle}, dilation_rate={one}, "
        "activation=None, use_bias=True, "
        f"{INITIALIZERS}, {RULES}"
    )
    return LayerType(signature(arguments), outputs, weights, macs, run=run)


TYPES = {f"Conv{axes}DTranspose": _transposed(axes) for axes in (1, 2, 3)}
