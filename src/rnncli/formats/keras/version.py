"""Which Keras wrote a file."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple


class KerasVersion(NamedTuple):
    """Which Keras wrote a file: its version as written, the numbers in it, and whether tf.keras."""

    text: str | None
    version: tuple[int, ...]
    tf: bool
    backend: str | None = None

    @property
    def major(self) -> int:
        """Return 1, 2 or 3."""
        return self.version[0]

    @property
    def hard_sigmoid_gates(self) -> bool:
        """Whether `hard_sigmoid` was the default recurrent activation of LSTM and GRU."""
        return self.version < (2, 3) and not (self.tf and self.version >= (2, 2, 4))

    @property
    def zeros_where_masked(self) -> bool:
        """Whether a masked Bidirectional gives zeros on masked steps: tf.keras, Keras 3."""
        return self.major == 3 or (self.tf and self.version >= (2, 2, 4))


def version_of(version: Any, backend: Any, root: object = None) -> KerasVersion:
    """Return the Keras of a version such as `2.2.4-tf`, else what the config `root` looks like."""
    text = str(version)[:40] if isinstance(version, str) and version else None
    name = str(backend)[:40] if isinstance(backend, str) and backend else None
    found = re.match(r"(\d+)\.?(\d*)\.?(\d*)", text or "")
    if found:
        numbers = tuple(int(part or 0) for part in found.groups())
        if 1 <= numbers[0] <= 3:
            return KerasVersion(
                text, numbers, numbers[0] == 2 and ("-tf" in str(text) or numbers >= (2, 4)), name
            )
    return _looks_like(root)._replace(text=text, backend=name)


def _looks_like(root: object) -> KerasVersion:
    keys = set(_words(root))
    if keys & {"inner_activation", "nb_filter", "border_mode", "consume_less", "inner_init",
               "W_regularizer", "dropout_W", "init"}:  # fmt: skip
        return KerasVersion(None, (1, 2, 2), False)
    if keys & {"batch_shape", "__keras_tensor__", "DTypePolicy"}:
        return KerasVersion(None, (3, 0, 0), False)
    if keys & {"ragged", "time_major", "Functional", "module", "Policy"}:
        return KerasVersion(None, (2, 4, 0), True)
    return KerasVersion(None, (2, 2, 0), False)


def _words(root: object) -> Iterator[str]:
    """Yield every key and class name of a config."""
    stack = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield from item
            if isinstance(item.get("class_name"), str):
                yield item["class_name"]
            stack += item.values()
        elif isinstance(item, list):
            stack += item
