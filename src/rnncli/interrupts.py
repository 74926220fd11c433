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
    for path in UNFINISHED:
        with suppress(OSError):
            os.unlink(path)
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(told()[1])
