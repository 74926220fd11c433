"""Signals that end a run: one line, exit code 128 + the signal's number, no unfinished file."""

import os
import signal
import sys
from contextlib import suppress
from typing import Any

UNFINISHED: set[str] = set()  # files that are removed where a run is ended
_received: list[int] = []
# Of these Windows knows SIGINT and SIGTERM alone.
_ENDING = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)
]


def catch() -> None:
    """Have these signals unwind the stack; one that is ignored, as by `nohup`, stays so."""
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _lost


def told() -> tuple[str, int]:
    """Return what to say, and the exit code."""
    number = _received[0] if _received else signal.SIGINT
    by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
    return f"interrupted{by}", 128 + number


def _stop(number: int, frame: Any) -> None:
    """Raise KeyboardInterrupt; where one was raised before, leave at once."""
    if not _received:
        _received.append(number)
        raise KeyboardInterrupt
    _leave()


def _lost(what: Any) -> None:
    """Leave where the interrupt was raised in what Python lets nothing out of: a weak reference's
    callback, say. Print what else nobody could be told."""
    if not issubclass(what.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(what)
        return
    with suppress(OSError, ValueError):
        sys.stderr.write(f"error: {told()[0]}\n")
    _leave()


def _leave() -> None:
    """Leave at once, without unfinished files."""
    for path in UNFINISHED:
        with suppress(OSError):
            os.unlink(path)
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(told()[1])
