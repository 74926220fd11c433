"""What can go wrong, and the exit code of each."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the command line, as the README lists them."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    BUG = 70
    INTERRUPTED = 130


class RnncliError(Exception):
    """An expected failure: one `error:` line and, where there is a fix, one `hint:` line."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RnncliError):
    """A flag, an amount or an expression that cannot be understood."""


class ShapeError(RnncliError):
    """Layers, weights or arrays whose shapes do not fit together."""


class FileError(RnncliError):
    """A file that cannot be read, or is not what was expected."""


class UnsupportedError(RnncliError):
    """Something a model holds that rnncli cannot compute."""
