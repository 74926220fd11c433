"""Reports: what a command found, as raw values.

A report holds ints, floats, shapes and text, never commas, colours or glyphs; `render` decides how
they look. `data` is the JSON object of the command line's contract, `tables` are what people read.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

SCHEMA = 1


class Column(NamedTuple):
    """A column. `kind` says what its cells are.

    Kinds: `text`, `group` (text that several rows share), `shape` (a shape), `shapes` (a list of
    them), `count` (an int), `bytes`, `memory` (a count and its bytes), `number` (a float), `share`
    (a float from 0 to 1), `flag` (a bool), `any` (what the value's type tells). None is not known,
    or in text and flags nothing.
    """

    key: str
    header: str
    kind: str = "text"


class Table(NamedTuple):
    """Rows under columns; `totals` are labelled values below them, `(label, kind, value)`.

    `marked` lists the rows to point out, such as the one that the flags chose.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    title: str = ""
    totals: tuple[tuple[str, str, Any], ...] = ()
    marked: frozenset[int] = frozenset()


class Picture(NamedTuple):
    """Values to draw: `values[row][column]`, a row per unit and a column per step.

    `norms` has one value per column; `size` is `(steps, units)` before both were drawn as means.
    """

    title: str
    values: tuple[tuple[float, ...], ...]
    norms: tuple[float, ...]
    size: tuple[int, int]


class Report(NamedTuple):
    """What a command answers. `notes` are sentences below the tables; `lines` stand for a table
    where the answer is text, such as equations."""

    command: str
    data: Mapping[str, Any]
    tables: tuple[Table, ...] = ()
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ok: bool = True
    picture: Picture | None = None

    def json(self) -> dict[str, Any]:
        """Return the whole JSON object, schema and command first."""
        return {"schema": SCHEMA, "command": self.command, **self.data}
