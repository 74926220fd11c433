"""Recurrent layers that hold several cells, laid open for a look at each of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rnncli.cells import Cell
from rnncli.kernels.recurrence import Recurrence
from rnncli.layers.op import Array, Op, OpContext


class Textbook(NamedTuple):
    """A cell with its weights in Keras's layout, as its description reads them."""

    cell: Cell
    kernel: Array
    recurrent_kernel: Array
    bias: Array | None
    activation: str | None
    recurrent_activation: str | None

    def prepared(
        self, dtype: "np.dtype[np.generic]", projection: Array | None = None
    ) -> Recurrence:
        """Return the cell as it is run fast."""
        return Recurrence(
            self.cell, self.kernel, self.recurrent_kernel, self.bias,
            activation=self.activation, recurrent_activation=self.recurrent_activation,
            dtype=dtype.name, projection=projection,
        )  # fmt: skip


class Opened(NamedTuple):
    """One direction of one of the stacked layers (`level`) inside a layer.

    `name` is its name there; it is empty where it is all that the layer holds.
    """

    name: str
    level: int
    reverse: bool
    textbook: Textbook


class Openable(Op):
    """A layer of several cells. Each is asked for its zero states where a sequence begins."""

    setup: OpContext
    cells: list[Recurrence]

    def opened(self) -> Iterator[Opened]:
        """Yield what each of `cells` is. Raises: UnsupportedError."""
        raise NotImplementedError
