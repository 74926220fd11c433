"""ONNX's recurrent operators run on arrays, in one or both directions.

Source: the operators RNN, GRU and LSTM in ONNX's `docs/Operators.md`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.cells import Cell, cell_for
from rnncli.errors import ShapeError, UnsupportedError
from rnncli.kernels.activations import BOUNDS, saturated
from rnncli.kernels.recurrence import Outcome
from rnncli.layers.op import Array, Notes, OpContext
from rnncli.layers.rnn.onnx_step import Plain, functions
from rnncli.layers.rnn.opened import Openable, Opened, Textbook
from rnncli.layers.rnn.weight_layouts import LAYOUTS

CELLS = {"RNN": "SimpleRNN", "LSTM": "LSTM", "GRU": "GRU"}
# ONNX's names of activations that need no arguments, and what they are called here.
_NAMES = {"relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid", "softsign": "softsign",
          "softplus": "softplus"}  # fmt: skip
_USUAL = {"RNN": ["tanh"], "GRU": ["sigmoid", "tanh"], "LSTM": ["sigmoid", "tanh", "tanh"]}


class OnnxRnn(Openable):
    """A node `RNN`, `LSTM` or `GRU`; its weights come with each run, and are prepared once."""

    def __init__(
        self, name: str, operator: str, attributes: Mapping[str, Any], notes: Notes
    ) -> None:
        self.name, self.operator, self.attributes = name, operator, attributes
        self.cell = cell_for(CELLS[operator], bool(attributes.get("linear_before_reset")))
        dtype = np.dtype(np.float32)
        self.setup = OpContext(name, f"onnx.{operator}", attributes, {}, dtype, 3, notes)
        self.batch_first = bool(attributes.get("layout"))
        self.known: tuple[Array | None, ...] = ()  # W, R, B and P where the file holds them
        self.weights: tuple[Array | None, ...] = ()  # those that `cells` are made of
        self.cells: list[Any] = []

    def opened(self) -> Iterator[Opened]:
        """Yield each direction. Raises: UnsupportedError, ShapeError."""
        if not self.known or self.known[0] is None or self.known[1] is None:
            raise UnsupportedError(
                f"node {self.name!r} cannot be looked into; other nodes compute its weights"
            )
        try:
            found = self.prepare(self.known)
        except (ValueError, IndexError) as error:
            raise ShapeError(f"the weights of node {self.name!r} do not fit: {error}") from error
        if found is None:
            raise UnsupportedError(
                f"node {self.name!r} cannot be looked into: it has peepholes, a clip, or "
                f"activations with arguments of their own"
            )
        names = ("forward", "backward") if len(found) > 1 else ("",)
        for way, (name, each) in enumerate(zip(names, found, strict=True)):
            yield Opened(name, 0, self.reverse(way), each)

    def run(self, arrays: Sequence[Array | None]) -> tuple[Array, ...]:
        """Return Y and the final states; `arrays` are the inputs in ONNX's order."""
        given = [*arrays, *[None] * (8 - len(arrays))]
        x, lengths, states = given[0], given[4], given[5:7]
        weights = (*given[1:4], given[7])
        if x is None or weights[0] is None or weights[1] is None:
            raise ShapeError("it has no input or no kernel")
        if any(new is not old for new, old in zip(weights, self.weights or (x,) * 4, strict=True)):
            self.setup = self.setup._replace(dtype=np.dtype(x.dtype))
            self.prepare(weights)
        if not self.batch_first:
            x = x.swapaxes(0, 1)
            starts = [each if each is None else each.swapaxes(0, 1) for each in states]
        else:
            starts = list(states)
        mask = None
        if lengths is not None and (lengths != x.shape[1]).any():
            mask = np.arange(x.shape[1]) < np.asarray(lengths).reshape(-1, 1)
        ways = [self._way(way, x, mask, starts) for way in range(len(self.cells))]
        sequence = np.stack([way[0] for way in ways], axis=2)  # (batch, time, ways, units)
        finals = [np.stack(each, axis=1) for each in zip(*(way[1] for way in ways), strict=True)]
        if not self.batch_first:
            sequence = sequence.transpose(1, 2, 0, 3)
            finals = [state.swapaxes(0, 1) for state in finals]
        self._note(sequence, finals)
        return (sequence, *finals)

    def _way(
        self, way: int, x: Array, mask: Array | None, states: Sequence[Array | None]
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return the sequence `(batch, time, units)` and the final states of one direction."""
        cell, reverse = self.cells[way], self.reverse(way)
        wide = x if x.dtype == cell.dtype else x.astype(cell.dtype)
        starts = list(cell.zero_states(len(x)))
        for index, given in enumerate(states[: len(starts)]):
            if given is not None:
                starts[index] = np.ascontiguousarray(given[:, way], cell.dtype)
        sequence = np.zeros((*x.shape[:2], cell.outputs), cell.dtype)
        outcome: Outcome = cell.run(
            wide, starts, mask=mask, reverse=reverse, sequence=sequence,
            zero_output_for_mask=mask is not None,
        )  # fmt: skip
        ordered = sequence[:, ::-1] if reverse else sequence
        return ordered.astype(x.dtype, copy=False), tuple(
            state.astype(x.dtype, copy=False) for state in outcome.states
        )

    def _note(self, sequence: Array, finals: Sequence[Array]) -> None:
        notes, last = self.setup.notes, self._activations(0)[-1][0]
        if last in BOUNDS:
            notes.bounded += sequence.size
            notes.saturated += saturated(last, sequence)
        notes.states[self.name] = [
            (state, array.shape) for state, array in zip(self.cell.states, finals, strict=True)
        ]

    def reverse(self, way: int) -> bool:
        """Whether a direction reads from the end."""
        return way == 1 or self.attributes.get("direction") == "reverse"

    def prepare(self, weights: Sequence[Array | None]) -> list[Textbook] | None:
        """Make the cell of each direction, given W, R, B and P, and return its description.

        None: it has what only the literal step knows.
        """
        kernels, recurrents, biases, peepholes = weights
        assert kernels is not None and recurrents is not None
        if kernels.ndim != 3 or recurrents.ndim != 3 or len(kernels) != len(recurrents):
            raise ShapeError(f"node {self.name!r}: W and R have the shapes {kernels.shape} and "
                             f"{recurrents.shape}")  # fmt: skip
        dtype = self.setup.dtype if self.setup.dtype != np.float16 else np.dtype(np.float32)
        special = any(self.attributes.get(name) for name in ("clip", "input_forget"))
        special = special or (peepholes is not None and bool(np.any(peepholes)))
        found, self.cells, self.weights = [], [], tuple(weights)
        for way, (kernel, recurrent) in enumerate(zip(kernels, recurrents, strict=True)):
            bias = None if biases is None else biases[way]
            names = self._activations(way)
            if special or any(len(each) > 1 for each in names) or len(set(names[1:])) > 1:
                self.cells.append(Plain(
                    self.operator, kernel, recurrent, bias,
                    None if peepholes is None else peepholes[way],
                    functions(names), self.attributes, self.cell, dtype,
                ))  # fmt: skip
                continue
            found.append(self._textbook(kernel, recurrent, bias, names))
            self.cells.append(found[-1].prepared(dtype))
        return found if len(found) == len(self.cells) else None

    def _textbook(
        self, kernel: Array, recurrent: Array, bias: Array | None, names: list[tuple[Any, ...]]
    ) -> Textbook:
        cell, rows = self.cell, None
        if bias is not None:
            rows = np.stack([turned(part, cell) for part in np.split(bias, 2)])
            rows = rows if cell.bias_rows == 2 else rows.sum(axis=0)
        outer = names[0][0] if len(names) > 1 else "sigmoid"
        return Textbook(cell, turned(kernel, cell), turned(recurrent, cell), rows,
                        names[-1][0], outer)  # fmt: skip

    def _activations(self, way: int) -> list[tuple[Any, ...]]:
        """Return the activations of a direction: our name, or ONNX's with its arguments."""
        count = len(_USUAL[self.operator])
        names = [str(name).lower() for name in self.attributes.get("activations") or ()]
        alphas = iter(self.attributes.get("activation_alpha") or ())
        betas = iter(self.attributes.get("activation_beta") or ())
        found = []
        for name in names or _USUAL[self.operator] * (way + 1):
            if name in _NAMES:
                found.append((_NAMES[name],))
                continue
            if name not in _ARGUMENTS:
                raise UnsupportedError(f"node {self.name!r} has the unknown activation {name!r}")
            usual = _ARGUMENTS[name]
            alpha = next(alphas, usual[0])
            own = (alpha, next(betas, usual[1])) if len(usual) > 1 else (alpha,)
            found.append(_PLAIN.get((name, *(round(float(each), 6) for each in own)),
                                    (name, *map(float, own))))  # fmt: skip
        return found[way * count : (way + 1) * count]


# Activations with arguments, and what these are unless the node says otherwise.
_ARGUMENTS = {
    "affine": (1.0, 0.0), "leakyrelu": (0.01,), "thresholdedrelu": (1.0,), "elu": (1.0,),
    "scaledtanh": (1.0, 1.0), "hardsigmoid": (0.2, 0.5),
}  # fmt: skip
_PLAIN: dict[tuple[Any, ...], tuple[Any, ...]] = {
    ("elu", 1.0): ("elu",),
    ("hardsigmoid", 0.2, 0.5): ("hard_sigmoid_keras2",),
}


def turned(weights: Array, cell: Cell) -> Array:
    """Return `(gates * units, ...)` of ONNX's order as `(..., gates * units)` of ours."""
    order = LAYOUTS["onnx"].order[cell.name]
    gates = dict(zip(order, np.split(weights, len(order)), strict=True))
    return np.concatenate([gates[gate] for gate in cell.gates]).T
