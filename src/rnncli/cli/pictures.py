"""SVG files: a report's picture, written whole or not at all."""

from typing import Annotated, Any

from typer import Option

from rnncli.cli.options import OUTPUT, AnyOutput
from rnncli.cli.output import page, write
from rnncli.errors import UsageError
from rnncli.report import Report

Svg = Annotated[
    str | None,
    Option("--svg", metavar="FILE", rich_help_panel=OUTPUT,
           help="Write the picture to an SVG file; - is stdout."),
]  # fmt: skip
Dark = Annotated[
    bool, Option("--dark", rich_help_panel=OUTPUT, help="Make the SVG file's background dark.")
]


def check_svg(path: str | None, dark: bool) -> None:
    """Check early that a file can go to `path`. Raises: FileError, UsageError."""
    if dark and path is None:
        raise UsageError("--dark is for the file of --svg", "add --svg picture.svg")
    if path is not None:
        from rnncli.atomic import check_place

        check_place(path)


def save_svg(report: Report, path: str, flags: AnyOutput, dark: bool, **options: Any) -> None:
    """Write the report's picture, or else its table, to `path`, `-` being stdout.

    Raises: FileError.
    """
    from rnncli.render.svg import svg

    look = "classic" if flags.format == "classic" else "table"
    text = svg(report, look, page(**options), dark)
    if path == "-":
        write(text)
    else:
        replace(path, text.encode())


def replace(path: str, data: bytes) -> None:
    """Put the data in place of what `path` holds; on any failure that stays. Raises: FileError."""
    from rnncli.atomic import replacing

    with replacing(path) as file:
        file.write(data)
