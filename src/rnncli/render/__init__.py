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
    "latex": "latex",
    "classic": "classic",
    "github": "github",
    "junit": "junit",
}
SUMMARY_ONLY, CHECK_ONLY = ("classic",), ("github", "junit")
FORMATS = tuple(name for name in TABLE if name not in SUMMARY_ONLY + CHECK_ONLY)


class Target(NamedTuple):
    """Where text is going.

    `width` is that of the page, None where nobody states one and nothing is to fold;
    `line_length` is the one asked for. `truecolor`: any colour, not only 256 of them.
    """

    width: int | None = None
    color: bool = False
    unicode: bool = True
    line_length: int | None = None
    truecolor: bool = False


def render(report: Report, format: str, target: Target) -> str:
    """Return the report as text."""
    module = import_module(f"rnncli.render.{TABLE[format]}")
    return str(module.render(report, target))
