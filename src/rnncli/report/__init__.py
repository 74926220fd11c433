"""Reports: what a command found, as raw values.

A report holds ints, floats, shapes and text, never commas, colours or glyphs; `render` decides how
they look. `data` is the JSON object of the command line's contract, `tables` are what people read.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

SCHEMA = 1


class Missing(Enum):
    """Why a table cell has no value, where that is known."""

    UNBUILT = "unbuilt"  # the layer's input shape is not known, so it has no weights yet


UNBUILT: Final = Missing.UNBUILT


class Column(NamedTuple):
    """A column. `kind` says what its cells are.

    Kinds: `text`, `path` (of names, which stay whole), `group` (text that several rows share),
    `names` (a tuple of text), `shape` (a shape), `shapes` (a tuple of them), `count` (an int),
    `bytes`, `memory` (a count and its bytes), `number` (a float), `share` (a float from 0 to 1),
    `histogram` (counts from left to right), `flag` (a bool), `held` (a bool, None: unknown), `any`
    (what the value's type tells). None is not known, or in text and flags nothing.

    On a narrow page the column of the highest `rank` goes first; one of rank 0 always stays.
    """

    key: str
    header: str
    kind: str = "text"
    rank: int = 0


class AtLeast(NamedTuple):
    """A lower bound: `layers` of the model are not in it (0: it lacks what warnings tell of)."""

    value: int
    layers: int


class Total(NamedTuple):
    """A labelled value below a table; `lacks` as the layers of `AtLeast`, None if it is whole."""

    label: str
    kind: str
    value: Any
    lacks: int | None = None


class Table(NamedTuple):
    """Rows under columns, totals below them.

    `marked` lists the rows to point out, such as the one that the flags chose. `style` is how
    people know a table like this: `keras` is that of Keras's `model.summary()`, whose rows have
    `name`, `type`, `output_shapes`, `params` and perhaps `connected_to`, `trainable`, `depth`.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    title: str = ""
    totals: tuple[Total, ...] = ()
    marked: frozenset[int] = frozenset()
    style: str = ""

    def records(self) -> list[dict[str, Any]]:
        """Return each row by the keys of the columns."""
        keys = [column.key for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]


class Picture(NamedTuple):
    """Values to draw: `values[row][column]`, a row per unit and a column per step.

    `norms` has one value per column; `size` is `(steps, units)` before several shared a cell, of
    which the value of largest magnitude is drawn. `scale` holds the values at the ends of the
    palette, `bounds` what the values cannot leave (None: nothing) and `saturated` the share of all
    values that are near a bound.
    """

    title: str
    values: tuple[tuple[float, ...], ...]
    norms: tuple[float, ...]
    size: tuple[int, int]
    scale: tuple[float, float] = (-1, 1)
    bounds: tuple[float, float] | None = None
    saturated: float | None = None


class Chart(NamedTuple):
    """A curve over `steps`, on a log scale: a value per column, None where it is not known."""

    title: str
    values: tuple[float | None, ...]
    steps: int


def glossary(*terms: str) -> str:
    """Return the note below a table that says where its terms are explained."""
    *first, last = terms
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"docs/glossary.md explains {listed}."


class Report(NamedTuple):
    """What a command answers. `notes` are sentences below the tables; `lines` stand for a table
    where the answer is text, such as equations, and `math` are those equations in LaTeX; `warnings`
    say what the answer leaves open."""

    command: str
    data: Mapping[str, Any]
    tables: tuple[Table, ...] = ()
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ok: bool = True
    picture: Picture | None = None
    charts: tuple[Chart, ...] = ()
    warnings: tuple[str, ...] = ()
    math: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What was asked, as the title of a page."""
        return f"rnncli {self.command}"

    def json(self) -> dict[str, Any]:
        """Return the whole JSON object: schema and command first, warnings last."""
        return {
            "schema": SCHEMA,
            "command": self.command,
            **self.data,
            "warnings": list(self.warnings),
        }
