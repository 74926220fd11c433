"""ONNX's operators run on arrays: the recurrent ones here, the others in `onnx_math` and
`onnx_shapes`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.cells import Cell, cell_for
from rnncli.errors import ShapeError, UnsupportedError
from rnncli.forward.ops.onnx_math import MATH
from rnncli.forward.ops.onnx_shapes import SHAPES
from rnncli.kernels.recurrence import Recurrence
from rnncli.layers import TABLE
from rnncli.layers.onnx import RECURRENT
from rnncli.layers.op import Array, Op, OpContext, Value
from rnncli.layers.rnn.opened import Openable, Opened, Textbook
from rnncli.layers.rnn.weight_layouts import LAYOUTS

# ONNX's names of activations with the arguments that they have unless the node says otherwise.
_ACTIVATIONS = {
    "affine": None, "relu": "relu", "leakyrelu": None, "thresholdedrelu": None, "tanh": "tanh",
    "scaledtanh": None, "sigmoid": "sigmoid", "hardsigmoid": "hard_sigmoid_keras2", "elu": "elu",
    "softsign": "softsign", "softplus": "softplus",
}  # fmt: skip
_FUNCTIONS = {**MATH, **SHAPES}


class Operator(Op):
    """A node: its operands are tensors of the graph, constants of the file, or left out."""

    def __init__(self, setup: OpContext) -> None:
        self.setup = setup
        self.attributes: Mapping[str, Any] = setup.config["attributes"]
        self.operands: list[tuple[str, Any]] = list(map(tuple, setup.config["operands"]))
        self.constants = {
            name: self._constant(name) for place, name in self.operands if place == "weight"
        }

    def _constant(self, name: str) -> Array:
        found = self.setup.weights.get(name)
        array: Array = self.setup.config["constants"][name]() if found is None else found
        return array.astype(self.setup.dtype) if array.dtype.kind == "f" else array

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the node's outputs."""
        arrays = [
            inputs[key].array if place == "tensor" else self.constants.get(key)
            for place, key in self.operands
        ]
        return tuple(Value(array) for array in self.run(arrays))

    def run(self, arrays: list[Array | None]) -> tuple[Array, ...]:
        """Return the outputs, given all operands."""
        result = _FUNCTIONS[self.setup.config["operator"]](arrays, self.attributes)
        return result if isinstance(result, tuple) else (result,)


class Recurrent(Operator, Openable):
    """`RNN`, `LSTM` or `GRU`, in one or both directions."""

    def __init__(self, setup: OpContext) -> None:
        super().__init__(setup)
        operator = setup.config["operator"]
        reset_after = bool(self.attributes.get("linear_before_reset"))
        self.cell = cell_for(RECURRENT[f"onnx.{operator}"], reset_after)
        for name in ("clip", "input_forget"):
            if self.attributes.get(name):
                raise self._refused(f"its {name} is set")
        self.batch_first = bool(self.attributes.get("layout"))
        self.cells: list[Recurrence] = []  # made of the weights, once these are there

    def _refused(self, why: str) -> UnsupportedError:
        return UnsupportedError(f"node {self.setup.name!r} cannot be run; {why}")

    def opened(self) -> Iterator[Opened]:
        """Yield each direction."""
        places = [*self.operands, *[("none", "")] * 3][1:4]  # W, R, B
        if any(place == "tensor" for place, _ in places):
            raise UnsupportedError(
                f"node {self.setup.name!r} cannot be looked into; other nodes compute its weights"
            )
        try:
            found = self._prepare([self.constants.get(key) for _, key in places])
        except (ValueError, IndexError) as error:
            raise ShapeError(
                f"the weights of node {self.setup.name!r} do not fit: {error}"
            ) from error
        names = ("forward", "backward") if len(found) > 1 else ("",)
        for way, (name, each) in enumerate(zip(names, found, strict=True)):
            yield Opened(name, 0, self._reverse(way), each)

    def run(self, arrays: list[Array | None]) -> tuple[Array, ...]:
        """Return Y and the final states, as ONNX lays them out."""
        given: list[Array | None] = [*arrays, *[None] * (8 - len(arrays))]
        x, *weights, lengths = given[:5]
        states = given[5:]
        if x is None:
            raise self._refused("it has no input")
        if states[2] is not None and self.cell.name == "LSTM" and np.any(states[2]):
            raise self._refused("it has peepholes")
        if not self.cells:
            self._prepare(weights)
        x = x if self.batch_first else x.swapaxes(0, 1)
        mask = None
        if lengths is not None and (lengths != x.shape[1]).any():
            mask = np.arange(x.shape[1]) < np.asarray(lengths).reshape(-1, 1)
        ways = [self._way(way, x, mask, states) for way in range(len(self.cells))]
        sequence = np.stack([way[0] for way in ways], axis=2)  # (batch, time, ways, units)
        finals = [np.stack(each) for each in zip(*(way[1] for way in ways), strict=True)]
        if self.batch_first:
            return (sequence, *(state.swapaxes(0, 1) for state in finals))
        return (sequence.transpose(1, 2, 0, 3), *finals)

    def _way(
        self, way: int, x: Array, mask: Array | None, states: list[Array | None]
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return the sequence `(batch, time, units)` and the final states of one direction."""
        cell, reverse = self.cells[way], self._reverse(way)
        starts = list(cell.zero_states(len(x)))
        for index, given in enumerate(states[: len(starts)]):
            if given is not None:
                starts[index] = given[:, way] if self.batch_first else given[way]
        sequence = np.empty((*x.shape[:2], cell.outputs), cell.dtype)
        outcome = cell.run(
            x, starts, mask=mask, reverse=reverse, sequence=sequence,
            zero_output_for_mask=mask is not None,
        )  # fmt: skip
        return sequence[:, ::-1] if reverse else sequence, outcome.states

    def _reverse(self, way: int) -> bool:
        return way == 1 or self.attributes.get("direction") == "reverse"

    def _prepare(self, weights: list[Array | None]) -> list[Textbook]:
        """Make the cell of each direction, given W, R and B, and return its description."""
        cell, (kernels, recurrents, biases) = self.cell, weights
        if kernels is None or recurrents is None:
            raise self._refused("it has no kernel")
        found = []
        for way, (kernel, recurrent) in enumerate(zip(kernels, recurrents, strict=True)):
            rows = None
            if biases is not None:
                rows = np.stack([_turned(part, cell) for part in np.split(biases[way], 2)])
                rows = rows if cell.bias_rows == 2 else rows.sum(axis=0)
            turned = _turned(kernel, cell), _turned(recurrent, cell)
            found.append(Textbook(cell, *turned, rows, *self._activations(way)))
        self.cells = [each.prepared(self.setup.dtype) for each in found]
        return found

    def _activations(self, way: int) -> tuple[str, str]:
        """Return the activations of the state and of the gates. Raises: UnsupportedError."""
        gates = len(self.cell.gates)
        count = {1: 1, 3: 2, 4: 3}[gates]
        names = [str(name).lower() for name in self.attributes.get("activations", ())]
        own = names[way * count : (way + 1) * count] or ["sigmoid", "tanh", "tanh"][-count:]
        if gates == 3 and not names:
            own = ["sigmoid", "tanh"]
        alphas = self.attributes.get("activation_alpha") or self.attributes.get("activation_beta")
        known = [_ACTIVATIONS.get(name) for name in own]
        if None in known or len(set(own[1:])) > 1 or (alphas and _unusual(own, self.attributes)):
            raise self._refused(f"its activations are {', '.join(own)}")
        return str(known[-1]), str(known[0]) if gates > 1 else "sigmoid"


def _unusual(names: list[str], attributes: Mapping[str, Any]) -> bool:
    """Whether the arguments of an activation differ from those it has by itself."""
    alphas = [round(a, 6) for a in attributes.get("activation_alpha", ())]
    betas = [round(b, 6) for b in attributes.get("activation_beta", ())]
    usual = {"hardsigmoid": (0.2, 0.5), "elu": (1.0, None)}
    for name in names:
        alpha, beta = usual.get(name, (None, None))
        if (alpha is not None and set(alphas) - {alpha, 0.0}) or (
            beta is not None and set(betas) - {beta, 0.0}
        ):
            return True
    return False


def _turned(weights: Array, cell: Cell) -> Array:
    """Return `(gates * units, ...)` of ONNX's order as `(..., gates * units)` of ours."""
    order = LAYOUTS["onnx"].order[cell.name]
    gates = dict(zip(order, np.split(weights, len(order)), strict=True))
    return np.concatenate([gates[gate] for gate in cell.gates]).T


OPS = {
    name: Recurrent if name in RECURRENT else Operator
    for name, family in TABLE.items()
    if family == "onnx"
}
