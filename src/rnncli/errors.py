"""What can go wrong, and the exit code of each."""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the command line, as the README lists them."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    BUG = 70
    INTERRUPTED = 130


class RnncliError(Exception):
    """An expected failure: one `error:` line and, where there is a fix, one `hint:` line.

    `where` are indented lines below that show the place, such as the layers of a stack.
    """

    def __init__(self, message: str, hint: str | None = None, where: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where


class UsageError(RnncliError):
    """A flag, an amount or an expression that cannot be understood."""


class ShapeError(RnncliError):
    """Layers, weights or arrays whose shapes do not fit together."""


class FileError(RnncliError):
    """A file that cannot be read, or is not what was expected."""


class UnsupportedError(RnncliError):
    """Something a model holds that rnncli cannot compute."""


def few(names: Iterable[str]) -> str:
    """Return the first eight names and how many more there are; `none` if there are none."""
    listed = list(names)
    shown, more = ", ".join(name[:80] for name in listed[:8]), len(listed) - 8
    return f"{shown} and {more:,} more" if more > 0 else shown or "none"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the hint that names what was probably meant, None if nothing is near."""
    near = near_to(name, known)
    return f"did you mean {near[0]}?" if near else None


def near_to(name: str, known: Iterable[str]) -> list[str]:
    """Return the word that is nearest to a name, none if none is near."""
    from difflib import get_close_matches

    return get_close_matches(name, known, n=1)


def nearest_file(path: str) -> str | None:
    """Return the hint that names the file beside `path` that was probably meant, None without."""
    import os

    folder, name = os.path.split(path)
    try:
        beside = os.listdir(folder or ".")
    except (OSError, ValueError):
        return None
    near = near_to(name[:255], beside)
    return f"did you mean {os.path.join(folder, near[0])}?" if near else None
