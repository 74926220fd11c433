"""Many files at once: a row per file."""

from collections.abc import Iterable, Iterator
from typing import Any

from rnncli.layers import cells_of
from rnncli.model import Model
from rnncli.report import Column, Report, Table

COLUMNS = (
    Column("path", "File"),
    Column("format", "Format", rank=2),
    Column("written_by", "Written by", rank=3),
    Column("layers", "Layers", "count"),
    Column("cells", "Cells", "names"),
    Column("params", "Params", "count"),
    Column("bytes", "Bytes", "bytes", rank=1),
    Column("complete", "Complete", "flag", rank=4),
    Column("error", "Error"),
)
KEYS = tuple(column.key for column in COLUMNS)


def row(path: str, model: Model) -> dict[str, Any]:
    """Return what stands in the row of a file: the cells it holds by name, each once."""
    return {
        "path": path,
        "format": model.source.format,
        "written_by": model.source.written_by,
        "layers": len(model.rows),
        "cells": tuple(dict.fromkeys(_cells(model))),
        "params": model.params,
        "bytes": model.bytes,
        "unknown": model.unknown,
        "complete": model.complete,
        "error": None,
        "warnings": [f"{path}: {warning}" for warning in model.warnings],
    }


def unread(path: str, error: str) -> dict[str, Any]:
    """Return the row of a file that cannot be read."""
    return {**dict.fromkeys(KEYS), "path": path, "error": error, "warnings": []}


def _cells(model: Model) -> Iterator[str]:
    for layer in model.layers:
        yield from (node.cell.name for node in cells_of(layer))
        if layer.model is not None:
            yield from _cells(layer.model)


def files(rows: Iterable[dict[str, Any]]) -> Report:
    """Return the table of all rows."""
    cells = tuple(tuple(each[key] for key in KEYS) for each in rows)
    return Report("summary", {}, (Table(COLUMNS, cells),))
