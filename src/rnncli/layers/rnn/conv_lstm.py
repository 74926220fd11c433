"""Recurrent layers whose products are convolutions."""

from math import prod

from rnncli.layers.convolutional import joined, moved, split
from rnncli.layers.layer_type import LayerType, pair, rank, signature
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes, product


def _lstm_cells(config: Config, inputs: Shapes) -> tuple[Dim, Dim, tuple[Dim, ...], int]:
    """Return batch, steps, image and channels of a ConvLSTM2D's input."""
    shape = rank(inputs[0], 5, "ConvLSTM2D", "(batch, time, rows, columns, channels)")
    batch, space, channels = split(config, (shape[0], *shape[2:]), "ConvLSTM2D", 2)
    return batch, shape[1], space, channels


def _conv_lstm_outputs(config: Config, inputs: Shapes) -> Shapes:
    batch, steps, space, _ = _lstm_cells(config, inputs)
    state = joined(config, batch, moved(config, space), config["filters"])
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
    positions = product(moved(config, space))
    if steps is None or positions is None:
        return None
    # The recurrent convolution keeps the state's size, whatever the padding.
    return int(steps * 4 * filters * window * positions * (channels + filters))


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
    "ConvLSTM2D": LayerType(
        signature(_CONV_LSTM),
        _conv_lstm_outputs,
        _conv_lstm_weights,
        _conv_lstm_macs,
        streams=lambda config, rank: rank == 5 and not config["go_backwards"],
        not_run="rnncli knows its shapes and weights, not yet its values",
    ),
}
