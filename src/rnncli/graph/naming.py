"""Names of layers."""

from collections import Counter

from rnncli.cells import snake_case


class Namer:
    """Counts the names given so far: `lstm`, `lstm_1`, `lstm_2`."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def auto_name(self, class_name: str) -> str:
        """Return the next name of a class, as Keras gives it in a fresh process."""
        name = snake_case(class_name)
        count = self._given[name]
        self._given[name] += 1
        return f"{name}_{count}" if count else name

    def distinct(self, name: str) -> str:
        """Return a name that was not given before: this one, or this one with a number behind."""
        count = self._given[name]
        self._given[name] += 1
        return self.distinct(f"{name}_{count}") if count else name
