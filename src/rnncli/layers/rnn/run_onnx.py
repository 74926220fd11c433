"""ONNX's recurrent operators run on arrays, in one or both directions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.activation_names import ACTIVATION_NAMES, ARGUMENTS, Applied
from rnncli.errors import ShapeError, UnsupportedError
from rnncli.kernels.activation_layers import Array
from rnncli.layers.op import Notes, Value
from rnncli.layers.rnn.onnx import CELLS, node_structure
from rnncli.layers.rnn.run import Memory, Running, note, state_bounds
from rnncli.layers.rnn.structure import Structure, walk
from rnncli.layers.rnn.unpacking import unpacked

Given = tuple[Array | None, ...]  # W, R, B and P


class OnnxRnn:
    """A node `RNN`, `LSTM` or `GRU`; its weights come with each run, and are prepared once."""

    takes: tuple[int, ...] = (1, 2, 3, 7)  # the places of its weights among its inputs

    def __init__(
        self, name: str, operator: str, attributes: Mapping[str, Any], notes: Notes
    ) -> None:
        self.name, self.operator, self.attributes, self.notes = name, operator, attributes, notes
        self.states = CELLS[operator].states
        self.batch_first = bool(attributes.get("layout"))
        self.known: Given = ()  # where the file holds them
        self.weights: Given = ()  # those that `running` is made of
        self.running: Running | None = None

    def look(self) -> Running:
        """Return what will run, if its weights are known. Raises: UnsupportedError, ShapeError."""
        if not self.known or self.known[0] is None or self.known[1] is None:
            raise UnsupportedError(
                f"node {self.name!r} cannot be looked into; other nodes compute its weights"
            )
        try:
            return self.prepare(self.known, np.dtype(np.float32))
        except (ValueError, IndexError) as error:
            raise ShapeError(f"the weights of node {self.name!r} do not fit: {error}") from error

    def weights_of(self, given: Sequence[Array | None]) -> Given:
        """Return W, R, B and P, given the inputs that stand for them."""
        return tuple(given)

    def run(self, arrays: Sequence[Array | None]) -> tuple[Array, ...]:
        """Return Y and the final states; `arrays` are the inputs in ONNX's order."""
        given = [*arrays, *[None] * (8 - len(arrays))]
        x, lengths, weights = given[0], given[4], (*given[1:4], given[7])
        if x is None or weights[0] is None or weights[1] is None:
            raise ShapeError("it has no input or no kernel")
        running = self.running
        changed = any(a is not b for a, b in zip(weights, self.weights or (x,) * 4, strict=True))
        if running is None or changed:
            running = self.prepare(weights, x.dtype)
        x = x if self.batch_first else x.swapaxes(0, 1)
        mask = None
        if lengths is not None and (lengths != x.shape[1]).any():
            mask = np.arange(x.shape[1]) < np.asarray(lengths).reshape(-1, 1)
        value = Value(x.astype(running.dtype, copy=False), mask)
        starts = running.start(len(x), list(self._starts(running, given[5:7], len(x))))
        carries = [running.take(way, value, start, True) for way, start in enumerate(starts)]
        return self._outputs(running.structure, carries, x.dtype)

    def _starts(
        self, running: Running, given: Sequence[Array | None], batch: int
    ) -> Iterator[Array]:
        """Yield the initial states of all cells in order; what is not given is zero."""
        for way, runner in enumerate(running.runners):
            for zero, state in zip(runner.zero_states(batch), given, strict=False):
                if state is None:
                    yield zero
                else:
                    own = state[:, way] if self.batch_first else state[way]
                    yield np.ascontiguousarray(own, running.dtype)

    def _outputs(
        self, structure: Structure, carries: Sequence[tuple[Array, list[Memory]]], dtype: Any
    ) -> tuple[Array, ...]:
        """Return Y `(time, directions, batch, units)` and the final states, or batch first."""
        reverse = [next(walk(part))[1] for part in structure.directions]
        ways = [
            array[:, ::-1] if back else array
            for (array, _), back in zip(carries, reverse, strict=True)
        ]
        axes = (2, 1) if self.batch_first else (1, 0)
        if not self.batch_first:
            ways = [way.swapaxes(0, 1) for way in ways]
        sequence = np.stack(ways, axis=axes[0])
        each = zip(*(memories[0].states for _, memories in carries), strict=True)
        finals = [np.stack(states, axis=axes[1]) for states in each]
        note(self.notes, state_bounds(structure.cells[0]), sequence)
        self.notes.states[self.name] = [
            (state, array.shape) for state, array in zip(self.states, finals, strict=True)
        ]
        return tuple(array.astype(dtype, copy=False) for array in (sequence, *finals))

    def prepare(self, weights: Given, dtype: Any) -> Running:
        """Return the node ready to run, given W, R, B and P. Raises: ShapeError."""
        kernels, recurrents, _, peepholes = weights
        assert kernels is not None and recurrents is not None
        if kernels.ndim != 3 or recurrents.ndim != 3 or len(kernels) != len(recurrents):
            raise ShapeError(f"node {self.name!r}: W and R have the shapes {kernels.shape} and "
                             f"{recurrents.shape}")  # fmt: skip
        sizes = (len(kernels), kernels.shape[2], recurrents.shape[2])
        structure = node_structure(
            self.operator, self.attributes, sizes,
            bias=weights[2] is not None, peepholes=peepholes is not None and bool(peepholes.any()),
        )  # fmt: skip
        self._check(structure)
        named = dict(zip("WRBP", weights, strict=True))

        def of(way: int) -> dict[str, Array | None]:
            def given(path: str) -> Array | None:
                found = named[path.rpartition("/")[2]]
                return None if found is None else found[way]

            return unpacked(structure.cells[way], given)

        wide = np.float32 if np.dtype(dtype) == np.float16 else dtype
        ways = range(len(structure.cells))
        self.running = Running(structure, [of(way) for way in ways], wide)
        self.weights = tuple(weights)
        return self.running

    def _check(self, structure: Structure) -> None:
        """Check that the activations are known. Raises: UnsupportedError."""
        for node in structure.cells:
            for each in (node.activation, node.recurrent_activation, node.output_activation):
                name = each.name if isinstance(each, Applied) else str(each)
                if name not in ACTIVATION_NAMES and name not in ARGUMENTS:
                    raise UnsupportedError(
                        f"node {self.name!r} has the unknown activation {name!r}"
                    )
