"""Whether the values that a file holds are finite."""

from typing import NamedTuple

import numpy as np

from rnncli.errors import FileError, RnncliError
from rnncli.forward.stored import assemble
from rnncli.model import Model


class Finite(NamedTuple):
    """How many values are NaN or infinite, of how many weights they were read, and of how many."""

    bad: int
    read: int
    total: int


def count_not_finite(model: Model) -> Finite:
    """Return what is not finite of the values that the model's file holds.

    Every layer's weights are read, one at a time. One whose values are not in the file, or of a
    type that is not read, is counted as not read. Raises: FileError for a model without a file.
    """
    if model.store is None:
        raise FileError("the model has no weights of its own")
    bad = read = total = 0
    with model.store() as store:
        for layer in model.layers:
            for weight in layer.all_weights():
                total += 1
                try:
                    values = assemble(weight, store)
                except RnncliError:
                    continue
                if values.dtype.kind not in "fiubc":
                    continue
                bad += int(np.count_nonzero(~np.isfinite(values)))
                read += 1
    return Finite(bad, read, total)
