"""Weights of one framework as another stores them: what became what."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnncli.report import Column, Report, Table, Total

_COLUMNS = (
    Column("from", "From", "path"),
    Column("to", "To", "path"),
    Column("shape", "Shape", "shape"),
)


def convert(
    to: str,
    saved: str,
    weights: Sequence[Mapping[str, Any]],
    max_difference: float,
    notes: Sequence[str],
) -> Report:
    """Return a row per tensor that was written, and the largest difference of the outputs."""
    data = {"to": to, "saved": saved, "weights": list(weights), "max_difference": max_difference}
    rows = tuple(tuple(each[column.key] for column in _COLUMNS) for each in weights)
    total = Total("Largest difference of the outputs", "number", max_difference)
    told = (*notes, "Each layer ran in both layouts on the same random input.", f"Saved to {saved}")
    return Report("convert", data, (Table(_COLUMNS, rows, totals=(total,)),), notes=told)
