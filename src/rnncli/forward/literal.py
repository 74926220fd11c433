"""A cell run step by step as its description reads, for tests and for looking inside."""

from collections.abc import Callable, Sequence

import numpy as np

from rnncli.cells import Cell
from rnncli.forward.activations import Array, activation

Observe = Callable[[int, dict[str, Array], tuple[Array, ...]], None]


def literal_run(
    cell: Cell,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    x: Array,
    states: Sequence[Array],
    *,
    activation_name: str | None = "tanh",
    recurrent_name: str | None = "sigmoid",
    mask: Array | None = None,
    reverse: bool = False,
    observe: Observe | None = None,
) -> tuple[Array, tuple[Array, ...]]:
    """Return the states `h` at every step `(batch, time, units)` in the order they are computed,
    and the final states.

    `x` is `(batch, time, inputs)`; a masked step keeps the states. `observe(step, gates, states)`
    sees the value of each gate and the states after each step.
    """
    split = {gate: index for index, gate in enumerate(cell.gates)}
    rows = np.zeros((2, kernel.shape[1]), x.dtype)
    if bias is not None:
        rows[: 1 if bias.ndim == 1 else 2] = bias
    parts = [np.split(each, len(cell.gates), axis=-1) for each in (kernel, recurrent_kernel, rows)]
    seen: dict[str, Array] = {}
    outer, inner = activation(recurrent_name), activation(activation_name)
    now, order = tuple(states), range(x.shape[1])
    outputs = []
    for step in reversed(order) if reverse else order:
        last: list[str] = []

        def inputs(gate: str, step: int = step, last: list[str] = last) -> Array:
            last.append(gate)
            return x[:, step] @ parts[0][split[gate]] + parts[2][split[gate]][0]

        def recurrent(gate: str, state: Array) -> Array:
            return state @ parts[1][split[gate]] + parts[2][split[gate]][1]

        def noted(function: Callable[[Array], Array], last: list[str] = last) -> Callable[[Array], Array]:
            def apply(value: Array) -> Array:
                result = function(value)
                if last:
                    seen[last.pop()] = result
                return result

            return apply

        after = cell.step(inputs, recurrent, noted(inner), noted(outer), *now)
        if mask is not None:
            keep = mask[:, step, None]
            after = tuple(np.where(keep, new, old) for new, old in zip(after, now, strict=True))
        now = tuple(after)
        outputs.append(now[0])
        if observe is not None:
            observe(step, dict(seen), now)
    return np.stack(outputs, axis=1), now
