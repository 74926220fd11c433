"""Where an answer goes: data to stdout, talk to stderr."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from rnncli.cli.options import AnyOutput
from rnncli.errors import ExitCode
from rnncli.model import Model
from rnncli.report import SCHEMA, Report

if TYPE_CHECKING:
    from rnncli.render import Target

# One character for one, so that the columns of a table stay in line.
_LIKE = str.maketrans("×·→└…−≤≥∂▁▂▃▄▅▆▇█", "x*>+~-<>d_.:-=+%#")
_warned: list[str] = []  # the warnings on stderr so far, which the answer repeats
_DIGITS = 6  # of COLUMNS; no terminal has more, and no table is as wide


def talk(line: str) -> None:
    """Print one line on stderr; what cannot be encoded or would steer a terminal is escaped."""
    from rnncli.render.text import printable

    encoding = "ascii" if _c_locale() else sys.stderr.encoding or "ascii"
    text = printable(line) if _unicode(sys.stderr) else printable(line).translate(_LIKE)
    safe = text.encode(encoding, "backslashreplace").decode(encoding)
    with suppress(OSError):  # a full device: the exit code still tells
        print(safe, file=sys.stderr, flush=True)


def warn(model: Model, flags: AnyOutput, prefix: str = "") -> None:
    """Print the model's warnings and, with --verbose, what its file says of itself.

    `prefix` says which of several files a warning is about.
    """
    warn_that(*(f"{prefix}{warning}" for warning in model.warnings))
    if flags.verbose and model.source.kind == "file":
        details = {"format": model.source.format, "written by": model.source.written_by}
        shown = {key: value for key, value in {**details, **model.source.details}.items() if value}
        talk("; ".join(f"{key}: {value}" for key, value in shown.items()))


def warn_that(*warnings: str) -> None:
    """Print warnings, which the answer in JSON will hold too."""
    for warning in warnings:
        talk(f"warning: {warning}")
        _warned.append(warning)


def emit(report: Report, flags: AnyOutput, **options: Any) -> None:
    """Print the report as the flags ask."""
    from rnncli.render import render

    said = tuple(dict.fromkeys((*_warned, *report.warnings)))
    _warned.clear()
    write(render(report._replace(warnings=said), flags.format, page(**options)))


def page(**options: Any) -> "Target":
    """Return what stdout can show."""
    from rnncli.render import Target

    return Target(
        width=_width(),
        color=_color(sys.stdout),
        unicode=_unicode(sys.stdout),
        truecolor=_truecolor(),
        **options,
    )


def write(text: str) -> None:
    """Write the text to stdout; what its encoding lacks is replaced by a look-alike or escaped."""
    encoding = sys.stdout.encoding or "ascii"
    if not _unicode(sys.stdout):
        text = text.translate(_LIKE)
        encoding = "ascii" if _c_locale() else encoding
    data = text.encode(encoding, "backslashreplace")
    if not data.endswith(b"\n"):
        data += b"\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give what to call with how much is done of how much, None where stderr is no terminal.

    The bar shows itself when the work has taken a second.
    """
    if not sys.stderr.isatty():
        yield None
        return
    import time

    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task, start = bar.add_task(what), time.monotonic()

    def update(done: int, total: int) -> None:
        if not bar.live.is_started and time.monotonic() - start > 1:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield update
    finally:
        bar.stop()


def fail(
    message: str,
    hint: str | None = None,
    code: int = ExitCode.USAGE,
    where: tuple[str, ...] = (),
) -> NoReturn:
    """Print the `error:` line, the `hint:` line where there is one, where it is, and leave.

    Who asked for JSON reads the same as an object on stdout.
    """
    talk(f"error: {message}")
    if hint:
        talk(f"hint: {hint}")
    for line in where:
        talk(line)
    if _json_asked(sys.argv[1:]) and sys.stdout is not None:
        import json

        answer = {"schema": SCHEMA, "error": message, "hint": hint, "warnings": list(_warned)}
        with suppress(OSError, ValueError):  # nobody reads it; the exit code still tells
            write(json.dumps(answer, indent=2))
    _warned.clear()
    sys.exit(code)


def _json_asked(line: list[str]) -> bool:
    """Whether a command line asks for JSON, be it understood or not."""
    stated = [after for word, after in pairwise([*line, ""]) if word == "--format"]
    stated += [word.partition("=")[2] for word in line if word.startswith("--format=")]
    return "json" in stated


def silence_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush has nothing to complain of."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _width() -> int | None:
    """Return the columns that COLUMNS states, else those of the terminal, None without either."""
    stated = os.environ.get("COLUMNS", "").lstrip("0")
    if stated.isascii() and stated.isdecimal():
        return int(stated[:_DIGITS])
    if not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns or None


def _color(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _truecolor() -> bool:
    """Whether the terminal says that it shows any colour, or FORCE_COLOR does."""
    stated = os.environ.get("COLORTERM", "").lower()
    return stated in ("truecolor", "24bit") or os.environ.get("FORCE_COLOR") == "3"


def _unicode(stream: TextIO) -> bool:
    """Whether the stream and whoever shows what it carries know box characters."""
    return not _c_locale() and _encodes(stream)


def _c_locale() -> bool:
    """Whether the locale is C, which knows ASCII alone; Python then writes UTF-8 all the same.

    Python itself may have set LC_CTYPE to C.UTF-8. Who states an encoding for Python means it.
    """
    if os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8") == "1":
        return False
    coerced = os.environ.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8")
    stated = (
        os.environ.get("LC_ALL"),
        None if coerced else os.environ.get("LC_CTYPE"),
        os.environ.get("LANG"),
    )
    return next(filter(None, stated), "") in ("C", "POSIX")


def _encodes(stream: TextIO) -> bool:
    try:
        "┏━┳╇└→×·".encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
