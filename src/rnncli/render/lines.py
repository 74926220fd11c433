"""A row per line as it comes: columns as wide as their headers and what is known beforehand.

On a narrow page columns go, the highest rank first, then the path is shortened; counts stay whole.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from rnncli.render import Target
from rnncli.render.layout import sentence, shortened
from rnncli.render.text import at_least, cell, printable
from rnncli.report import Column
from rnncli.report.files import COLUMNS

_WIDTHS = {"format": 16, "written_by": 14, "layers": 6, "cells": 14, "params": 12, "bytes": 11}
_GAP = 2
_PATH = 24  # characters that a path has at least, while another column can go
_LEAST = 8  # that it has in any case


class Lines(NamedTuple):
    """The columns that a page has room for, and the width of the paths before them."""

    target: Target
    widest: int
    columns: tuple[Column, ...]

    def header(self) -> str:
        """Return the line of headers."""
        return self._line(COLUMNS[0].header, [column.header for column in self.columns])

    def line(self, row: dict[str, Any]) -> str:
        """Return the lines of one file; its counts are whole, `at least` where some are unknown."""
        if row["error"] is not None:
            return "\n".join(self._failed(printable(row["path"]), row["error"]))
        texts = []
        for column in self.columns:
            text = cell(column.kind, row[column.key])
            if column.key == "params" and not row["complete"]:
                text = at_least(text, row["unknown"]) if self.target.width is None else f">= {text}"
            if self.target.width is not None and column.kind in ("text", "names"):
                text = shortened(text, _WIDTHS[column.key])
            texts.append(text)
        return self._line(printable(row["path"]), texts)

    def _failed(self, path: str, error: str) -> Iterator[str]:
        line = f"{path:<{self.widest}}  error: {printable(error)}"
        if self.target.width is None or len(line) <= self.target.width:
            yield line
            return
        yield _ending(path, self.target.width)
        yield from sentence(f"error: {error}", self.target, "", indent="  ")

    def _line(self, path: str, texts: list[str]) -> str:
        rest = "".join(" " * _GAP + _padded(column, text)
                       for column, text in zip(self.columns, texts, strict=True))  # fmt: skip
        width = self.widest
        if self.target.width is not None:
            width = max(_LEAST, min(width, self.target.width - len(rest)))
            path = _ending(path, width)
        return f"{path:<{width}}{rest}".rstrip()


def lines(widest: int, target: Target) -> Lines:
    """Return the columns for paths of this width on a page."""
    columns = list(COLUMNS[1:7])
    while target.width is not None:
        taken = sum(_WIDTHS[column.key] + _GAP for column in columns)
        if min(widest, _PATH) + taken <= target.width or len(columns) == 1:
            break
        columns.remove(max(columns, key=lambda column: (column.key != "params", column.rank)))
    return Lines(target, widest, tuple(columns))


def as_json(row: dict[str, Any]) -> str:
    """Return the row as one line of JSON."""
    return json.dumps({"schema": 1, "command": "summary", **row})


def _ending(path: str, width: int) -> str:
    """Return as many of a path's last names as there is room for, after `…` where some are gone."""
    names = path.split("/")
    while len("/".join(names)) + 2 * (len(names) < path.count("/") + 1) > width and len(names) > 1:
        del names[0]
    shown = "/".join(names)
    gone = "…/" if len(names) < path.count("/") + 1 and len(shown) + 2 <= width else ""
    return gone + shortened(shown, width - len(gone))


def _padded(column: Column, text: str) -> str:
    width = _WIDTHS[column.key]
    number = column.kind in ("count", "bytes")
    return f"{text:>{width}}" if number else f"{text:<{width}}"
