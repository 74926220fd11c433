"""Statistics of outputs, gathered block by block, and of the inside of cells, step by step."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np

from rnncli.kernels.activation_layers import Bounds
from rnncli.kernels.activations import bounds, near
from rnncli.layers.op import Array, Notes
from rnncli.layers.rnn.run import state_bounds
from rnncli.layers.rnn.structure import CellNode


class Stats:
    """Extremes, mean and spread of all values that are numbers, and how many are not."""

    def __init__(self) -> None:
        self.count = self.nan = 0
        self.low, self.high = np.inf, -np.inf
        self.mean = self.squares = 0.0

    def add(self, array: Array) -> None:
        """Take values into account (Chan, Golub & LeVeque, 1979)."""
        if array.dtype.kind == "U":
            return
        if array.dtype.kind not in "fc":
            array = array.astype(np.float64)
        missing = np.isnan(array)
        if missing.any():
            self.nan += int(np.count_nonzero(missing))
            array = array[~missing]
        if not array.size or array.dtype.kind == "c":  # complex numbers have no order
            return
        self.low = min(self.low, float(array.min()))
        self.high = max(self.high, float(array.max()))
        mean = float(array.mean(dtype=np.float64))
        squares = float(np.square(array - mean, dtype=np.float64).sum())
        total, shift = self.count + array.size, mean - self.mean
        self.squares += squares + shift * shift * self.count * array.size / total
        self.mean += shift * array.size / total
        self.count = total

    def summary(self, notes: Notes) -> dict[str, Any]:
        """Return the statistics, with the share of recurrent outputs that are near a bound."""
        known = self.count > 0
        return {
            "min": self.low if known else None,
            "max": self.high if known else None,
            "mean": self.mean if known else None,
            "std": sqrt(self.squares / self.count) if known else None,
            "saturated": notes.saturated / notes.bounded if notes.bounded else None,
            "nan": self.nan,
        }


class Inside:
    """Figures of one recurrent cell, gathered step by step."""

    def __init__(self, node: CellNode) -> None:
        # A gate that is called like a state is the candidate for it.
        self.of_gates = {
            gate: bounds(node.activation if gate in node.cell.states else node.recurrent_activation)
            for gate in node.cell.gates
        }
        self.near = dict.fromkeys(node.cell.gates, 0)
        self.seen = dict.fromkeys(node.cell.gates, 0)  # how many values
        self.count, self.size = 0, 0.0  # of states: how many, and their absolute sum
        self.taken = self.steps = 0
        self.bad: int | None = None
        self.state_bounds = state_bounds(node)

    def bounds(self, gate: str | None) -> Bounds | None:
        """Return what a gate's values cannot leave, or the state's; None where nothing holds."""
        return self.state_bounds if gate is None else self.of_gates[gate]

    def begin(self) -> None:
        """Start at the first step again: another call of the layer."""
        self.taken = 0

    def step(
        self, gates: Mapping[str, Array], states: tuple[Array, ...], kept: Array | None
    ) -> None:
        """Take the gates and the states after a step; `kept` is the step's mask."""
        self.taken += 1
        self.steps = max(self.steps, self.taken)
        if self.bad is None and not all(np.isfinite(state).all() for state in states):
            self.bad = self.taken
        rows = slice(None) if kept is None else np.flatnonzero(kept)
        for gate, values in gates.items():
            self.near[gate] += near(self.of_gates[gate], values[rows])
            self.seen[gate] += values[rows].size
        state = states[0][rows]
        self.count += state.size
        self.size += float(np.abs(state).sum(dtype=np.float64))

    def figures(self, kernels: Mapping[str, Array], reverse: bool) -> dict[str, Any]:
        """Return the contract's figures; steps count from 1, at the beginning of the sequence.

        `kernels` are the recurrent ones `(outputs, units)` of the gates that have one.
        """
        bad = self.bad
        return {
            "saturated": {
                gate: self.near[gate] / count if count and self.of_gates[gate] else None
                for gate, count in self.seen.items()
            },
            "mean_abs_state": self.size / self.count if self.count else None,
            "spectral_radius": {gate: _radius(kernel) for gate, kernel in kernels.items()},
            "first_bad_step": self.steps + 1 - bad if bad is not None and reverse else bad,
        }


def _radius(kernel: Array) -> float | None:
    """Return the largest absolute eigenvalue, None of a kernel that is not square."""
    kernel = kernel.astype(np.float64)
    if kernel.shape[0] != kernel.shape[1]:
        return None
    if not np.isfinite(kernel).all():
        return float("nan")
    return float(np.abs(np.linalg.eigvals(kernel)).max(initial=0))
