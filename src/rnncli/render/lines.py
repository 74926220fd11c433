"""A row per line as it comes: columns as wide as their headers and what is known beforehand."""

import json
from typing import Any

from rnncli.render.text import at_least, cell, printable
from rnncli.report import Column
from rnncli.report.files import COLUMNS

_WIDTHS = {"format": 16, "written_by": 14, "layers": 6, "cells": 14, "params": 12, "bytes": 11}
_SHOWN = COLUMNS[:7]


def header(widest: int) -> str:
    """Return the line of headers for paths of this width."""
    return _line([column.header for column in _SHOWN], widest)


def line(row: dict[str, Any], widest: int) -> str:
    """Return the row of one file; its counts are whole, `at least` where some are unknown."""
    if row["error"] is not None:
        return f"{printable(row['path']):<{widest}}  error: {printable(row['error'])}"
    texts = [cell(column.kind, row[column.key]) for column in _SHOWN]
    if not row["complete"]:
        texts[5] = at_least(texts[5], row["unknown"])
    return _line(texts, widest)


def as_json(row: dict[str, Any]) -> str:
    """Return the row as one line of JSON."""
    return json.dumps({"schema": 1, "command": "summary", **row})


def _line(texts: list[str], widest: int) -> str:
    path, *rest = texts
    parts = [f"{printable(path):<{widest}}"]
    for column, text in zip(_SHOWN[1:], rest, strict=True):
        parts.append(_padded(column, text))
    return "  ".join(parts).rstrip()


def _padded(column: Column, text: str) -> str:
    width = _WIDTHS[column.key]
    number = column.kind in ("count", "bytes")
    return f"{text:>{width}}" if number else f"{text:<{width}}"
