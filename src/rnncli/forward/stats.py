"""Statistics of outputs, gathered block by block."""

from math import sqrt
from typing import Any

import numpy as np

from rnncli.forward.op import Array, Notes


class Stats:
    """Extremes, mean and spread of all values that are numbers, and how many are not."""

    def __init__(self) -> None:
        self.count = self.nan = 0
        self.low, self.high = np.inf, -np.inf
        self.mean = self.squares = 0.0

    def add(self, array: Array) -> None:
        """Take values into account (Chan, Golub & LeVeque, 1979)."""
        if array.dtype.kind != "f":
            array = array.astype(np.float64)
        missing = np.isnan(array)
        if missing.any():
            self.nan += int(np.count_nonzero(missing))
            array = array[~missing]
        if not array.size:
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
