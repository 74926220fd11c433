"""What differs between two models."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rnncli.report import Column, Report, Table

_COLUMNS = (
    Column("name", "Layer", "group"),
    Column("change", "Change"),
    Column("a", "A", "any"),
    Column("b", "B", "any"),
)
_WEIGHTS = (
    Column("name", "Weight"),
    Column("max", "Largest |difference|", "number"),
    Column("mean", "Mean |difference|", "number", rank=2),
    Column("relative", "Relative norm", "number", rank=1),
    Column("same", "Same", "flag"),
)


def diff(
    changes: Sequence[Mapping[str, Any]],
    weights: Sequence[Mapping[str, Any]],
    same: bool | None,
    notes: Sequence[str],
) -> Report:
    """Return the changes of layers and the distances of weights.

    `same` is None where nothing differs, but not all is known.
    """
    data = {"same": same, "layers": list(changes), "weights": list(weights)}
    tables = []
    if changes:
        tables.append(Table(_COLUMNS, tuple(row for each in changes for row in _rows(each))))
    if weights:
        rows = tuple(tuple(each[column.key] for column in _WEIGHTS) for each in weights)
        apart = frozenset(index for index, each in enumerate(weights) if not each["same"])
        tables.append(Table(_WEIGHTS, rows, marked=apart))
    return Report("diff", data, tuple(tables), notes=tuple(notes), ok=same is True)


def _rows(change: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    if change["change"] != "changed":
        yield change["name"], change["change"], _told(change["a"]), _told(change["b"])
        return
    for what, value in change["a"].items():
        yield change["name"], what, _shown(value), _shown(change["b"][what])


def _told(layer: Mapping[str, Any] | None) -> str:
    """Return a layer in words, nothing for one that is not there."""
    if layer is None:
        return ""
    count = layer["params"]
    return f"{layer['type']}, {'?' if count is None else f'{count:,}'} params"


def _shown(value: Any) -> Any:
    """Return a value for a table: counts and shapes as they are, all else as text."""
    shape = isinstance(value, tuple) and all(
        each is None or type(each) is int or isinstance(each, tuple) for each in value
    )
    if type(value) is int or shape:
        return value
    return "none" if value is None else str(value)
