"""Convolutions of each channel by itself, with or without a product over the channels after it."""

from math import prod
from typing import TYPE_CHECKING

from rnncli.layers.convolutional import (
    finished,
    geometry,
    joined,
    kernel_of,
    moved,
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


def _depthwise(axes: int) -> LayerType:
    name = f"DepthwiseConv{axes}D"

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        batch, space, channels = split(config, inputs[0], name, axes)
        return (joined(config, batch, moved(config, space), channels * config["depth_multiplier"]),)

    def weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
        channels, depth = split(config, inputs[0], name, axes)[2], config["depth_multiplier"]
        shape = (*pair(config["kernel_size"], axes), channels, depth)
        kernel = kernel_of("kernel", shape, "window × channels × multiplier")
        return (kernel, *rest_of(config, channels * depth, outputs(config, inputs)))

    def macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
        return times(product(outputs[0][1:]), prod(pair(config["kernel_size"], axes)))

    def run(setup: OpContext) -> Op:
        config, kernel = setup.config, setup.weights["kernel"]

        def convolve(x: Array) -> Array:
            x = channels_last(config, x)
            made = windows.depthwise(x, kernel, *geometry(setup, axes), config["padding"])
            return finished(setup, made)

        return Plain(convolve)

    one = "1" if axes == 1 else str((1,) * axes)
    arguments = (
        f"kernel_size, strides={one}, padding='valid', depth_multiplier=1, data_format=None, "
        f"dilation_rate={one}, activation=None, use_bias=True, "
        "depthwise_initializer='glorot_uniform', bias_initializer='zeros', "
        "depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
        "depthwise_constraint=None, bias_constraint=None"
    )
    return LayerType(signature(arguments), outputs, weights, macs, run=run)


def _separable(axes: int) -> LayerType:
    name = f"SeparableConv{axes}D"

    def outputs(config: Config, inputs: Shapes) -> Shapes:
        batch, space, _ = split(config, inputs[0], name, axes)
        return (joined(config, batch, moved(config, space), config["filters"]),)

    def weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
        channels, depth = split(config, inputs[0], name, axes)[2], config["depth_multiplier"]
        window, filters = pair(config["kernel_size"], axes), config["filters"]
        return (
            kernel_of("depthwise_kernel", (*window, channels, depth),
                    "window × channels × multiplier"),
            kernel_of("pointwise_kernel", (*(1,) * axes, channels * depth, filters),
                    "channels × multiplier × filters"),
            *rest_of(config, filters, outputs(config, inputs)),
        )  # fmt: skip

    def macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
        _, space, filters = split(config, outputs[0], name, axes)
        inner = split(config, inputs[0], name, axes)[2] * config["depth_multiplier"]
        return times(product(space), inner * (prod(pair(config["kernel_size"], axes)) + filters))

    def run(setup: OpContext) -> Op:
        config, kernel = setup.config, setup.weights["depthwise_kernel"]
        pointwise = setup.weights["pointwise_kernel"]
        pointwise = pointwise.reshape(pointwise.shape[-2:])

        def convolve(x: Array) -> Array:
            x = channels_last(config, x)
            inner = windows.depthwise(x, kernel, *geometry(setup, axes), config["padding"])
            return finished(setup, inner @ pointwise)

        return Plain(convolve)

    one = "1" if axes == 1 else "(1, 1)"
    arguments = (
        f"filters, kernel_size, strides={one}, padding='valid', data_format=None, "
        f"dilation_rate={one}, depth_multiplier=1, activation=None, use_bias=True, "
        "depthwise_initializer='glorot_uniform', pointwise_initializer='glorot_uniform', "
        "bias_initializer='zeros', depthwise_regularizer=None, pointwise_regularizer=None, "
        "bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None, "
        "pointwise_constraint=None, bias_constraint=None"
    )
    return LayerType(signature(arguments), outputs, weights, macs, run=run)


TYPES = {
    **{f"DepthwiseConv{axes}D": _depthwise(axes) for axes in (1, 2)},
    **{f"SeparableConv{axes}D": _separable(axes) for axes in (1, 2)},
}
