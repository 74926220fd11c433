"""The table of renderers: format → the file that turns a `Report` into text.

Each has `render(report, target) -> str`; names are strings, so that listing them loads none.
"""

from importlib import import_module
from typing import NamedTuple

from rnncli.report import Report

TABLE = {
    "table": "table",
    "json": "json",
    "csv": "csv",
    "markdown": "markdown",
    "classic": "classic",
}


class Target(NamedTuple):
    """Where text is going.

    `width` is the terminal's, None where nothing must be folded; `columns` is what Keras would take
    for the terminal's width, None where nobody says; `line_length` is the one asked for.
    """

    width: int | None = None
    columns: int | None = None
    color: bool = False
    unicode: bool = True
    line_length: int | None = None


def render(report: Report, format: str, target: Target) -> str:
    """Return the report as text. A summary's table is Keras's own."""
    name = TABLE[format]
    if name == "table" and report.command == "summary":
        name = "keras"
    module = import_module(f"rnncli.render.{name}")
    return str(module.render(report, target))
