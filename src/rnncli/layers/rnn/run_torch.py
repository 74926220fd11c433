"""PyTorch's recurrent modules, run on `(batch, time, inputs)`; its cells on one step too."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnncli.layers.op import Value
from rnncli.layers.rnn.run import Recurrent


class Module(Recurrent):
    """A recurrent module, or a cell, which takes `(batch, inputs)` as one step."""

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the outputs of all steps, or the state after the only one."""
        (value,) = inputs
        if value.array.ndim == 3:
            return super().__call__(inputs, options)
        found, *_ = super().__call__((Value(value.array[:, None]),), options)
        return (Value(found.array[:, 0]),)
