"""A cell run step by step as its description reads, for tests and for looking inside."""

from collections.abc import Callable, Sequence

import numpy as np

from rnncli.cells import Activation, Cell, Inputs, Recurrent
from rnncli.kernels.activations import Array, Function, activation

Observe = Callable[[int, dict[str, Array], tuple[Array, ...]], None]


def reference_run(
    cell: Cell,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    x: Array,
    states: Sequence[Array],
    *,
    activation_name: str | None = "tanh",
    recurrent_name: str | None = "sigmoid",
    projection: Array | None = None,
    mask: Array | None = None,
    reverse: bool = False,
    observe: Observe | None = None,
) -> tuple[Array, tuple[Array, ...]]:
    """Return the states `h` at every step `(batch, time, units)` in the order they are computed,
    and the final states.

    `x` is `(batch, time, inputs)`; a masked step keeps the states; `projection` `(units, outputs)`
    is that of PyTorch's `proj_size`. `observe(step, gates, states)` sees the value of each gate and
    the states after each step.
    """
    weights = _by_gate(cell, kernel, recurrent_kernel, bias)
    outer, inner = activation(recurrent_name), activation(activation_name)
    now, order = tuple(states), range(x.shape[1])
    outputs = []
    for step in reversed(order) if reverse else order:
        gates = _Gates(weights, x[:, step])
        after = cell.step(*gates.projections(), gates.noted(inner), gates.noted(outer), *now)
        if projection is not None:
            after = (after[0] @ projection, *after[1:])
        if mask is not None:
            keep = mask[:, step, None]
            after = tuple(np.where(keep, new, old) for new, old in zip(after, now, strict=True))
        now = tuple(after)
        outputs.append(now[0])
        if observe is not None:
            observe(step, gates.seen, now)
    return np.stack(outputs, axis=1), now


def _by_gate(
    cell: Cell, kernel: Array, recurrent_kernel: Array, bias: Array | None
) -> dict[str, tuple[Array, Array, Array]]:
    """Return the kernel, the recurrent kernel and the two bias rows of each gate."""
    rows = np.zeros((2, kernel.shape[1]), kernel.dtype)
    if bias is not None:
        rows[: 1 if bias.ndim == 1 else 2] = bias
    parts = [np.split(each, len(cell.gates), axis=-1) for each in (kernel, recurrent_kernel, rows)]
    return dict(zip(cell.gates, zip(*parts, strict=True), strict=True))


class _Gates:
    """What a cell's step is handed, and the value of each gate once it has been called."""

    def __init__(self, weights: dict[str, tuple[Array, Array, Array]], x: Array) -> None:
        self.weights, self.x = weights, x
        self.seen: dict[str, Array] = {}
        self._asked: list[str] = []

    def projections(self) -> tuple[Inputs, Recurrent]:
        def inputs(gate: str) -> Array:
            kernel, _, rows = self.weights[gate]
            self._asked.append(gate)
            part: Array = self.x @ kernel + rows[0]
            return part

        def recurrent(gate: str, state: Array) -> Array:
            _, kernel, rows = self.weights[gate]
            part: Array = state @ kernel + rows[1]
            return part

        return inputs, recurrent

    def noted(self, function: Function) -> Activation:
        """Return the activation, noting its result as that of the gate asked for before it."""

        def apply(value: Array) -> Array:
            result = function(value)
            if self._asked:
                self.seen[self._asked.pop()] = result
            return result

        return apply
