"""The steps of ONNX's recurrent operators as its documentation has them, for what is rare:
peepholes, a clip, a coupled input gate, activations with arguments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.cells import Cell
from rnncli.kernels.activations import activation, elu, leaky_relu
from rnncli.kernels.recurrence import Outcome
from rnncli.layers.op import Array

Function = Callable[[Array], Array]

_WITH_ARGUMENTS: dict[str, Callable[..., Array]] = {
    "affine": lambda x, alpha, beta: alpha * x + beta,
    "elu": elu,
    "hardsigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
    "leakyrelu": leaky_relu,
    "scaledtanh": lambda x, alpha, beta: alpha * np.tanh(beta * x),
    "thresholdedrelu": lambda x, alpha: np.where(x > alpha, x, 0),
}


def functions(names: Sequence[tuple[Any, ...]]) -> list[Function]:
    """Return the activations: each is `(our name,)` or `(ONNX's name, alpha, ...)`."""
    return [_function(*each) for each in names]


def _function(name: str, *arguments: float) -> Function:
    if not arguments:
        return activation(name)
    function = _WITH_ARGUMENTS[name]
    return lambda x: function(x, *arguments).astype(x.dtype, copy=False)


class Plain:
    """One direction of a node, run literally; takes what a `Recurrence` takes."""

    def __init__(
        self,
        operator: str,
        kernel: Array,
        recurrent: Array,
        bias: Array | None,
        peepholes: Array | None,
        activations: Sequence[Function],
        attributes: Mapping[str, Any],
        cell: Cell,
        dtype: "np.dtype[Any]",
    ) -> None:
        self.cell, self.dtype = cell, dtype
        self.units = self.outputs = recurrent.shape[1]
        self.kernel, self.recurrent = kernel.T.astype(dtype), recurrent.T.astype(dtype)
        rows = np.zeros(2 * len(kernel), dtype) if bias is None else bias.astype(dtype)
        self.bias, self.recurrent_bias = np.split(rows, 2)
        given = np.zeros(3 * self.units) if peepholes is None else peepholes
        self.peepholes = np.split(given.astype(dtype), 3)
        self.activations, self.step = list(activations), getattr(self, f"_{operator.lower()}")
        self.clip = float(attributes.get("clip") or 0)
        self.input_forget = bool(attributes.get("input_forget"))

    def zero_states(self, batch: int) -> tuple[Array, ...]:
        """Return zeros for each state, `(batch, units)`."""
        return tuple(np.zeros((batch, self.units), self.dtype) for _ in self.cell.states)

    def run(
        self,
        x: Array,
        states: Sequence[Array],
        *,
        mask: Array | None = None,
        reverse: bool = False,
        sequence: Array,
        zero_output_for_mask: bool = False,
    ) -> Outcome:
        """Return the outcome of all steps; `sequence` is filled in the order they are taken."""
        now = tuple(states)
        steps = range(x.shape[1])
        for number, step in enumerate(reversed(steps) if reverse else steps):
            after = self.step(x[:, step] @ self.kernel + self.bias, *now)
            output = after[0]
            if mask is not None:
                kept = mask[:, step, None]
                after = tuple(np.where(kept, new, old) for new, old in zip(after, now, strict=True))
                output = np.where(kept, output, 0)
            sequence[:, number] = output
            now = after
        return Outcome(now[0], now)

    def _clipped(self, x: Array) -> Array:
        return np.clip(x, -self.clip, self.clip) if self.clip else x

    def _rnn(self, x: Array, h: Array) -> tuple[Array, ...]:
        total = x + h @ self.recurrent + self.recurrent_bias
        return (self.activations[0](self._clipped(total)),)

    def _gru(self, x: Array, h: Array) -> tuple[Array, ...]:
        f, g = self.activations
        z, r, candidate = np.split(x, 3, axis=-1)
        weights, biases = np.split(self.recurrent, 3, axis=-1), np.split(self.recurrent_bias, 3)
        z = f(self._clipped(z + h @ weights[0] + biases[0]))
        r = f(self._clipped(r + h @ weights[1] + biases[1]))
        if self.cell.bias_rows == 2:
            candidate = candidate + r * (h @ weights[2] + biases[2])
        else:
            candidate = candidate + (r * h) @ weights[2] + biases[2]
        return ((1 - z) * g(self._clipped(candidate)) + z * h,)

    def _lstm(self, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
        f, g, last = self.activations
        gates = x + h @ self.recurrent + self.recurrent_bias
        i, o, forget, candidate = np.split(gates, 4, axis=-1)
        p_i, p_o, p_f = self.peepholes
        i = f(self._clipped(i + p_i * c))
        forget = 1 - i if self.input_forget else f(self._clipped(forget + p_f * c))
        c = forget * c + i * g(self._clipped(candidate))
        o = f(self._clipped(o + p_o * c))
        return o * last(self._clipped(c)), c
