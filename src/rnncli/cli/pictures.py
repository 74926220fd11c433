"""SVG files: a report's picture, written whole or not at all."""

import os
import stat
import tempfile
from typing import Annotated, Any

from typer import Option

from rnncli.cli.options import OUTPUT, AnyOutput
from rnncli.cli.output import page, write
from rnncli.errors import FileError
from rnncli.report import Report

Svg = Annotated[
    str | None,
    Option("--svg", metavar="FILE", rich_help_panel=OUTPUT,
           help="Write the picture to an SVG file; - is stdout."),
]  # fmt: skip


def check_svg(path: str | None) -> None:
    """Check early that a file can go to `path`. Raises: FileError."""
    if path is None or path == "-":
        return
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise FileError(f"cannot write {path}: there is no folder {folder}")
    if os.path.isdir(path):
        raise FileError(f"cannot write {path}: it is a folder")


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
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as device:  # a device or a pipe cannot be replaced
                device.write(data)
        else:
            _through_temporary(os.path.realpath(path), data)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from None


def _through_temporary(target: str, data: bytes) -> None:
    folder, name = os.path.split(target)
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode(target: str) -> int:
    """Return the mode of the file there is, else that of a new one."""
    if os.path.exists(target):
        return stat.S_IMODE(os.stat(target).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
