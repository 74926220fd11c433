"""Convolutions over steps, images and volumes."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers.activation import activation_of, activation_weights
from rnncli.layers.layer_type import LayerType, channels_first, pair, rank, scan, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Carry, Op, OpContext, Value
from rnncli.layers.quantization import with_adapter, with_delta
from rnncli.layers.reshaping import AXES, as_it_was, channels_last
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes, known, product

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import windows
else:
    np, windows = lazy("numpy"), lazy("rnncli.kernels.windows")

Split = tuple[Dim, tuple[Dim, ...], int]


def split(config: Config, shape: Shape, name: str, axes: int) -> Split:
    """Return the batch, the axes the window moves over, and the channels."""
    rank(shape, axes + 2, name, AXES[axes])
    channel = 1 if channels_first(config) else axes + 1
    space = tuple(dim for axis, dim in enumerate(shape) if axis not in (0, channel))
    return shape[0], space, known(shape[channel], f"the channels of {name}'s input")


def joined(config: Config, batch: Dim, space: tuple[Dim, ...], channels: int) -> Shape:
    """Return the shape with its channels where the layer has them."""
    return (batch, channels, *space) if channels_first(config) else (batch, *space, channels)


def moved(config: Config, space: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return how many positions the window takes along each axis."""
    axes = len(space)
    return tuple(
        scan(dim, window, stride, config["padding"], dilation)
        for dim, window, stride, dilation in zip(
            space,
            pair(config["kernel_size"], axes),
            pair(config["strides"], axes),
            pair(config["dilation_rate"], axes),
            strict=True,
        )
    )


def rest_of(config: Config, size: int, outputs: Shapes) -> tuple[Weight, ...]:
    """Return the bias and the weights of the activation."""
    bias = (Weight("bias", (size,), "filters", path="bias"),) if config["use_bias"] else ()
    return (*bias, *activation_weights(config, outputs))


def kernel_of(name: str, shape: tuple[int, ...], formula: str) -> Weight:
    """Return a kernel that the layer itself holds."""
    return Weight(name, shape, formula, path=name, initializer="glorot_uniform")


def times(size: Dim, factor: int) -> Dim:
    """Return a size times a factor, None of an open one."""
    return None if size is None else size * factor


def finished(setup: OpContext, outputs: Array) -> Array:
    """Return the sums with bias and activation, channels where the layer has them."""
    if "bias" in setup.weights:
        outputs = outputs + setup.weights["bias"]
    done: Array = activation_of(setup)(as_it_was(setup.config, outputs))
    return done


def geometry(setup: OpContext, axes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the stride and the dilation along each axis."""
    config = setup.config
    return pair(config["strides"], axes), pair(config["dilation_rate"], axes)


class Convolution(Op):
    """A kernel moved over the input; causally, one block of steps after the other too."""

    def __init__(self, axes: int, setup: OpContext) -> None:
        self.setup, self.config, self.kernel = setup, setup.config, with_delta(setup)
        self.strides, self.dilation = geometry(setup, axes)
        self.remembers = self.config["padding"] == "causal"

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the outputs, without a mask."""
        (value,) = inputs
        return (Value(self._convolved(value.array, self.config["padding"])),)

    def _convolved(self, x: Array, padding: str) -> Array:
        outputs = windows.convolve(
            channels_last(self.config, x), self.kernel, self.strides, self.dilation, padding,
            self.config["groups"],
        )  # fmt: skip
        return finished(self.setup, outputs)

    def block(self, value: Value, carry: Carry, reading: int = 0) -> tuple[Value, Carry]:
        """Return the outputs of a block; the carry is the steps that the next one looks back at."""
        x, reach = value.array, self.dilation[0] * (len(self.kernel) - 1)
        if carry is None:
            carry = np.zeros((len(x), reach, *x.shape[2:]), x.dtype)
        x = np.concatenate((carry, x), axis=1)
        return Value(self._convolved(x, "valid")), x[:, x.shape[1] - reach :]


def _streams(config: Config, rank: int) -> bool:
    """Whether a step is made of the steps up to it, one for one."""
    one = pair(config["strides"])[0] == 1
    return rank == 3 and one and config["padding"] == "causal" and not channels_first(config)


def _convolution(axes: int, arguments: str) -> LayerType:
    name = f"Conv{axes}D"

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        batch, space, _ = split(config, inputs[0], name, axes)
        return (joined(config, batch, moved(config, space), config["filters"]),)

    def weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
        channels = split(config, inputs[0], name, axes)[2]
        if channels % config["groups"]:
            raise ShapeError(f"{channels} channels are not a multiple of groups={config['groups']}")
        window = pair(config["kernel_size"], axes)
        shape = (*window, channels // config["groups"], config["filters"])
        kernel = kernel_of("kernel", shape, "window × channels × filters")
        return with_adapter(
            config, (kernel, *rest_of(config, config["filters"], outputs(config, inputs)))
        )

    def macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
        channels = split(config, inputs[0], name, axes)[2] // config["groups"]
        return times(product(outputs[0][1:]), channels * prod(pair(config["kernel_size"], axes)))

    run = partial(Convolution, axes)
    return LayerType(signature(arguments), outputs, weights, macs, streams=_streams, run=run)


INITIALIZERS = "kernel_initializer='glorot_uniform', bias_initializer='zeros'"
RULES = (
    "kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
    "kernel_constraint=None, bias_constraint=None"
)


def _arguments(axes: int) -> str:
    one = "1" if axes == 1 else str((1,) * axes)
    return (
        f"filters, kernel_size, strides={one}, padding='valid', data_format=None, "
        f"dilation_rate={one}, groups=1, activation=None, use_bias=True, "
        f"{INITIALIZERS}, {RULES}, lora_rank=None, lora_alpha=None"
    )


TYPES = {f"Conv{axes}D": _convolution(axes, _arguments(axes)) for axes in (1, 2, 3)}
