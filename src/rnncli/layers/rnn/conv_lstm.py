"""Recurrent layers whose products are convolutions.

Source: Shi et al. (2015), `keras/src/layers/rnn/conv_lstm.py`; the state's convolution keeps the
size of the image, whatever the padding.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.cell import Term
from rnncli.cells import LSTM
from rnncli.layers.convolutional import joined, moved, split
from rnncli.layers.layer_type import LayerType, pair, rank, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Carry, Op, OpContext, Value, flat
from rnncli.layers.reshaping import as_it_was, channels_last
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes, product

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import windows
    from rnncli.kernels.reference import Reference
else:
    np, windows = lazy("numpy"), lazy("rnncli.kernels.windows")

_AXES = {
    1: "(batch, time, steps, channels)",
    2: "(batch, time, rows, columns, channels)",
    3: "(batch, time, planes, rows, columns, channels)",
}


def _images(axes: int, config: Config, inputs: Shapes) -> tuple[Dim, Dim, tuple[Dim, ...], int]:
    """Return batch, steps, image and channels of the input."""
    name = f"ConvLSTM{axes}D"
    shape = rank(inputs[0], axes + 3, name, _AXES[axes])
    batch, space, channels = split(config, (shape[0], *shape[2:]), name, axes)
    return batch, shape[1], space, channels


def _outputs(axes: int, config: Config, inputs: Shapes) -> Shapes:
    batch, steps, space, _ = _images(axes, config, inputs)
    state = joined(config, batch, moved(config, space), config["filters"])
    output = (batch, steps, *state[1:]) if config["return_sequences"] else state
    return (output, state, state) if config["return_state"] else (output,)


def _weights(axes: int, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    channels, filters = _images(axes, config, inputs)[3], config["filters"]
    window = pair(config["kernel_size"], axes)
    weights = [
        Weight("kernel", (*window, channels, 4 * filters), "4 × window × channels × filters",
               initializer="glorot_uniform"),
        Weight("recurrent_kernel", (*window, filters, 4 * filters),
               "4 × window × filters × filters", initializer="orthogonal"),
    ]  # fmt: skip
    if config["use_bias"]:
        start = "unit_forget" if config["unit_forget_bias"] else "zeros"
        weights.append(Weight("bias", (4 * filters,), "4 × filters", initializer=start))
    return tuple(
        each._replace(gates=LSTM.gates, path=f"conv_lstm_cell/{each.name}") for each in weights
    )


def _macs(axes: int, config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    _, steps, space, channels = _images(axes, config, inputs)
    filters, window = config["filters"], prod(pair(config["kernel_size"], axes))
    positions = product(moved(config, space))
    if steps is None or positions is None:
        return None
    return int(steps * 4 * filters * window * positions * (channels + filters))


class ConvLSTM(Op):
    """An LSTM whose states are images."""

    remembers = True

    def __init__(self, axes: int, setup: OpContext) -> None:
        self.axes, self.setup, self.config = axes, setup, setup.config
        self.sequences = bool(setup.config["return_sequences"])
        self.backwards = bool(setup.config["go_backwards"])
        self.runner: Reference | None = None  # made when the image's size is known

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the output and, where asked for, the final states."""
        value, *rest = inputs
        given = list(flat(options.get("initial_state"))) or rest
        states = tuple(channels_last(self.config, each.array) for each in given) or None
        carry = None if states is None else (states, np.zeros_like(states[0]))
        output, carry = self.block(value, carry)
        return self.finish(output, (carry,))

    def reads(self) -> tuple[bool, ...] | None:
        """Return the one pass, None where every step is given."""
        return None if self.sequences else (self.backwards,)

    def block(self, value: Value, carry: Carry, reading: int = 0) -> tuple[Value, Carry]:
        """Return the output of a block of steps; the carry is the states and the last output."""
        x, mask = value
        x = np.moveaxis(x, 2, -1) if self.config.get("data_format") == "channels_first" else x
        if self.backwards:
            x, mask = x[:, ::-1], None if mask is None else mask[:, ::-1]
        runner = self._runner(x.shape[2:-1])
        states, last = (runner.zero_states(len(x)), None) if carry is None else carry
        shape = (*x.shape[:2], *runner.space, runner.outputs)
        sequence = np.empty(shape, runner.dtype) if self.sequences else None
        outcome = runner.run(x, states, mask=mask, sequence=sequence, previous=last)
        carry = outcome.states, outcome.last
        if sequence is None:
            return Value(as_it_was(self.config, outcome.last)), carry
        if self.config.get("data_format") == "channels_first":
            sequence = np.moveaxis(sequence, -1, 2)
        return Value(sequence, value.mask), carry

    def finish(self, value: Value, carries: Sequence[Carry]) -> tuple[Value, ...]:
        """Return the output and, where asked for, the final states."""
        ((states, _),) = carries
        given = [Value(as_it_was(self.config, each)) for each in states]
        self.setup.notes.states[self.setup.name] = [
            (name, each.array.shape) for name, each in zip(LSTM.states, given, strict=True)
        ]
        return (value, *given) if self.config["return_state"] else (value,)

    def _runner(self, space: tuple[int, ...]) -> "Reference":
        from rnncli.kernels.reference import Reference

        if self.runner is None:
            own = self.setup.inside("conv_lstm_cell", self.setup.kind, self.config).weights
            weights = {name: own.get(name) for name in ("kernel", "recurrent_kernel", "bias")}
            sizes = tuple(size or 0 for size in moved(self.config, space))
            names = (self.config["activation"], self.config["recurrent_activation"])
            self.runner = Reference(
                LSTM, weights, names, dtype=self.setup.dtype.name, multiply=self._multiplied,
                space=sizes,
            )  # fmt: skip
        return self.runner

    def _multiplied(self, term: Term, value: Array, kernel: Array) -> Array:
        """Return the convolution of the input, or of the state."""
        ones = (1,) * self.axes
        if term.reads != "inputs":
            return windows.convolve(value, kernel, ones, ones, "same")
        config = self.config
        strides, dilation = (pair(config[key], self.axes) for key in ("strides", "dilation_rate"))
        return windows.convolve(value, kernel, strides, dilation, config["padding"])


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


def _streams(axes: int, config: Config, rank: int) -> bool:
    """Whether steps can be taken as they come; read backwards, only the last output can."""
    return rank == axes + 3 and not (config["go_backwards"] and config["return_sequences"])


TYPES = {
    f"ConvLSTM{axes}D": LayerType(
        signature(_CONV_LSTM),
        partial(_outputs, axes),
        partial(_weights, axes),
        partial(_macs, axes),
        streams=partial(_streams, axes),
        run=partial(ConvLSTM, axes),
    )
    for axes in (1, 2, 3)
}
