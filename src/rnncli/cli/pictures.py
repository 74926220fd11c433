"""SVG files: a report's picture, written whole or not at all."""

from typing import Annotated, Any

from typer import Option

from rnncli.cli.options import OUTPUT, AnyOutput
from rnncli.cli.output import page, write
from rnncli.report import Report

Svg = Annotated[
    str | None,
    Option("--svg", metavar="FILE", rich_help_panel=OUTPUT,
           help="Write the picture to an SVG file; - is stdout."),
]  # fmt: skip


def check_svg(path: str | None) -> None:
    """Check early that a file can go to `path`. Raises: FileError."""
    if path is not None:
        from rnncli.atomic import check_place

        check_place(path)


def save_svg(report: Report, path: str, flags: AnyOutput, **options: Any) -> None:
    """Write the report's picture, or else its table, to `path`, `-` being stdout.

    Raises: FileError.
    """
    from rnncli.render.svg import svg

    look = "classic" if flags.format == "classic" else "table"
    text = svg(report, look, page(**options))
    if path == "-":
        write(text)
    else:
        replace(path, text.encode())


def replace(path: str, data: bytes) -> None:
    """Put the data in place of what `path` holds; on any failure that stays. Raises: FileError."""
    from rnncli.atomic import replacing

    with replacing(path) as file:
        file.write(data)
