"""Names of layers, as Keras gives them in a fresh process."""

import re
from collections import Counter


def snake_case(class_name: str) -> str:
    """Return `simple_rnn` for `SimpleRNN`, `conv1d` for `Conv1D`."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class Namer:
    """Counts the names given so far: `lstm`, `lstm_1`, `lstm_2`."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def auto_name(self, class_name: str) -> str:
        """Return the next name of a class."""
        name = snake_case(class_name)
        count = self._given[name]
        self._given[name] += 1
        return f"{name}_{count}" if count else name
