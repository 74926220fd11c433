"""Signals that end a run: one line, exit code 128 + the signal's number, no unfinished file."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress

TYPE_CHECKING = False  # typing takes longest to load; until then an interrupt is a traceback
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SECONDS = 0.5  # for an interrupt to come up through the code it was raised in
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
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, lambda number, frame: _end())
    sys.unraisablehook = _lost


@contextmanager
def unchanged() -> Iterator[None]:
    """Take what an interrupt became on its way, as in a class that is being made, for the
    interrupt."""
    try:
        yield
    except BaseException:
        if _received:
            raise KeyboardInterrupt from None
        raise


def told() -> tuple[str, int]:
    """Return what to say, and the exit code. It has come up; nothing needs to end the run else."""
    _wait(0)
    number = _received[0] if _received else signal.SIGINT
    by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
    return f"interrupted{by}", 128 + number


def _stop(number: int, frame: Any) -> None:
    """Raise KeyboardInterrupt; where one was raised before, leave at once.

    C code may drop an exception, as it does here and there where modules are loaded, so that the
    run would go on. The alarm ends it then.
    """
    if _received:
        _leave()
    _received.append(number)
    _wait(SECONDS)
    raise KeyboardInterrupt


def _wait(seconds: float) -> None:
    """Have SIGALRM sent after so many seconds, never for 0; Windows does not know it."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _lost(what: Any) -> None:
    """Leave where the interrupt was raised in what Python lets nothing out of: a weak reference's
    callback, say. Print what else nobody could be told."""
    if issubclass(what.exc_type, KeyboardInterrupt):
        _end()
    sys.__unraisablehook__(what)


def _end() -> None:
    """Say what ended the run and leave."""
    with suppress(OSError, RuntimeError, ValueError):  # closed, or in the middle of being written
        sys.stderr.write(f"error: {told()[0]}\n")
    _leave()


def _leave() -> None:
    """Leave at once, without unfinished files."""
    for path in UNFINISHED:
        with suppress(OSError):
            os.unlink(path)
    with suppress(OSError, RuntimeError, ValueError):
        sys.stderr.flush()
    os._exit(told()[1])
