"""Convolutions over steps and over images."""

from math import prod

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, channels_first, pair, rank, scan, signature
from rnncli.layers.reshaping import IMAGE, STEPS
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes, known, product

_RULES = (
    "kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
    "kernel_constraint=None, bias_constraint=None"
)
_INITIALIZERS = "kernel_initializer='glorot_uniform', bias_initializer='zeros'"


def _split(config: Config, shape: Shape, name: str, axes: int) -> tuple[Dim, tuple[Dim, ...], int]:
    """Return the batch, the axes the window moves over, and the channels."""
    rank(shape, axes + 2, name, STEPS if axes == 1 else IMAGE)
    channel = 1 if channels_first(config) else axes + 1
    space = tuple(dim for axis, dim in enumerate(shape) if axis not in (0, channel))
    return shape[0], space, known(shape[channel], f"the channels of {name}'s input")


def _joined(config: Config, batch: Dim, space: tuple[Dim, ...], channels: int) -> Shape:
    return (batch, channels, *space) if channels_first(config) else (batch, *space, channels)


def _moved(config: Config, space: tuple[Dim, ...]) -> tuple[Dim, ...]:
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


def _bias(config: Config, size: int) -> tuple[Weight, ...]:
    return (Weight("bias", (size,), "filters", path="bias"),) if config["use_bias"] else ()


def _convolution(name: str, axes: int, arguments: str) -> LayerType:
    def outputs(config: Config, inputs: Shapes) -> Shapes:
        batch, space, _ = _split(config, inputs[0], name, axes)
        return (_joined(config, batch, _moved(config, space), config["filters"]),)

    def weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
        channels = _split(config, inputs[0], name, axes)[2]
        if channels % config["groups"]:
            raise ShapeError(f"{channels} channels are not a multiple of groups={config['groups']}")
        shape = (
            *pair(config["kernel_size"], axes),
            channels // config["groups"],
            config["filters"],
        )
        kernel = Weight("kernel", shape, "window × channels × filters", path="kernel",
                        initializer="glorot_uniform")  # fmt: skip
        return (kernel, *_bias(config, config["filters"]))

    def macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
        channels = _split(config, inputs[0], name, axes)[2] // config["groups"]
        size = product(outputs[0][1:])
        return None if size is None else size * channels * prod(pair(config["kernel_size"], axes))

    return LayerType(signature(arguments), outputs, weights, macs)


def _separable_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    channels = _split(config, inputs[0], "SeparableConv1D", 1)[2]
    depth, (window,) = config["depth_multiplier"], pair(config["kernel_size"])
    return (
        Weight("depthwise_kernel", (window, channels, depth), "window × channels × multiplier",
               path="depthwise_kernel", initializer="glorot_uniform"),
        Weight("pointwise_kernel", (1, channels * depth, config["filters"]),
               "channels × multiplier × filters", path="pointwise_kernel",
               initializer="glorot_uniform"),
        *_bias(config, config["filters"]),
    )  # fmt: skip


def _separable_outputs(config: Config, inputs: Shapes) -> Shapes:
    batch, space, _ = _split(config, inputs[0], "SeparableConv1D", 1)
    return (_joined(config, batch, _moved(config, space), config["filters"]),)


def _separable_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    _, space, channels = _split(config, outputs[0], "SeparableConv1D", 1)
    inner = _split(config, inputs[0], "SeparableConv1D", 1)[2] * config["depth_multiplier"]
    steps = space[0]
    window = pair(config["kernel_size"])[0]
    return None if steps is None else int(steps * inner * (window + channels))


def _lstm_cells(config: Config, inputs: Shapes) -> tuple[Dim, Dim, tuple[Dim, ...], int]:
    """Return batch, steps, image and channels of a ConvLSTM2D's input."""
    shape = rank(inputs[0], 5, "ConvLSTM2D", "(batch, time, rows, columns, channels)")
    batch, space, channels = _split(config, (shape[0], *shape[2:]), "ConvLSTM2D", 2)
    return batch, shape[1], space, channels


def _conv_lstm_outputs(config: Config, inputs: Shapes) -> Shapes:
    batch, steps, space, _ = _lstm_cells(config, inputs)
    state = _joined(config, batch, _moved(config, space), config["filters"])
    output = (batch, steps, *state[1:]) if config["return_sequences"] else state
    return (output, state, state) if config["return_state"] else (output,)


def _conv_lstm_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    channels, filters = _lstm_cells(config, inputs)[3], config["filters"]
    window = pair(config["kernel_size"], 2)
    gates = ("i", "f", "c", "o")
    weights = [
        Weight("kernel", (*window, channels, 4 * filters), "4 × window × channels × filters", gates,
               "conv_lstm_cell/kernel", initializer="glorot_uniform"),
        Weight("recurrent_kernel", (*window, filters, 4 * filters),
               "4 × window × filters × filters", gates, "conv_lstm_cell/recurrent_kernel",
               initializer="orthogonal"),
    ]  # fmt: skip
    if config["use_bias"]:
        weights.append(Weight("bias", (4 * filters,), "4 × filters", gates, "conv_lstm_cell/bias"))
    return tuple(weights)


def _conv_lstm_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    _, steps, space, channels = _lstm_cells(config, inputs)
    filters, window = config["filters"], prod(pair(config["kernel_size"], 2))
    image, moved = product(space), product(_moved(config, space))
    if steps is None or image is None or moved is None:
        return None
    # The recurrent convolution keeps the state's size, whatever the padding.
    return int(steps * 4 * filters * window * moved * (channels + filters))


_SEPARABLE = (
    "filters, kernel_size, strides=1, padding='valid', data_format=None, dilation_rate=1, "
    "depth_multiplier=1, activation=None, use_bias=True, "
    "depthwise_initializer='glorot_uniform', pointwise_initializer='glorot_uniform', "
    "bias_initializer='zeros', depthwise_regularizer=None, pointwise_regularizer=None, "
    "bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None, "
    "pointwise_constraint=None, bias_constraint=None"
)
_CONV_LSTM = (
    "filters, kernel_size, strides=1, padding='valid', data_format=None, dilation_rate=1, "
    "activation='tanh', recurrent_activation='sigmoid', use_bias=True, "
    "kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', "
    "bias_initializer='zeros', unit_forget_bias=True, kernel_regularizer=None, "
    "recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
    "kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, "
    "recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, "
    "go_backwards=False, stateful=False"
)

TYPES = {
    "Conv1D": _convolution(
        "Conv1D",
        1,
        "filters, kernel_size, strides=1, padding='valid', data_format=None, dilation_rate=1, "
        f"groups=1, activation=None, use_bias=True, {_INITIALIZERS}, {_RULES}",
    ),
    "Conv2D": _convolution(
        "Conv2D",
        2,
        "filters, kernel_size, strides=(1, 1), padding='valid', data_format=None, "
        "dilation_rate=(1, 1), groups=1, activation=None, use_bias=True, "
        f"{_INITIALIZERS}, {_RULES}",
    ),
    "SeparableConv1D": LayerType(
        signature(_SEPARABLE), _separable_outputs, _separable_weights, _separable_macs
    ),
    "ConvLSTM2D": LayerType(
        signature(_CONV_LSTM), _conv_lstm_outputs, _conv_lstm_weights, _conv_lstm_macs
    ),
}
