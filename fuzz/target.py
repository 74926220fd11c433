"""One input: read or parsed, summed up and rendered, within its bounds."""

import faulthandler
import gc
import resource
import signal
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rnncli.formats import read
from rnncli.graph.infer import infer
from rnncli.model import Model, Source, sequential

SECONDS = 5  # of the processor
BYTES = 512 << 20  # above what the process has when it is idle


class _Where:
    """Where to write what hung."""

    file: Any = None


_where = _Where()


class TooSlow(BaseException):
    """No `except Exception` takes it."""


class Failure(NamedTuple):
    """What must not happen: where, and the whole story."""

    signature: str
    story: str


class Wrong(Exception):
    """A rule that an answer breaks."""


def check(reader: str, path: Path, data: bytes, number: int) -> tuple[bool, Failure | None]:
    """Return whether the input was taken, and its failure if it has one."""
    try:
        with _limited(), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", message="'click")  # of the lowest Typer's own
            taken = _taken(reader, path, data, number)
        if warned:
            raise Wrong(f"a warning: {warned[0].message}")
    except (Exception, TooSlow) as error:
        return False, _failure(error)
    return taken, None


def _taken(reader: str, path: Path, data: bytes, number: int) -> bool:
    """Whether the input is a model; else it was refused, in one line."""
    import commands

    if reader == "layer":
        return commands.run(lambda: _stack(data), None, number)
    path.write_bytes(data)
    if reader == "arrays":
        return commands.run_on(str(path), number)
    if reader == "budget":
        return commands.run_budget(str(path), number)
    return commands.run(lambda: read(str(path), number % 3 == 0), str(path), number)


def _stack(data: bytes) -> Model:
    from rnncli.graph.expressions import parse_stack

    texts = data.decode("utf-8", "surrogatepass").split("\n")
    return infer(sequential(parse_stack(texts), source=Source("layers")))


def _failure(error: BaseException) -> Failure:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "rnncli" in f.filename and "/fuzz/" not in f.filename] or frames
    cause = f"-{str(error)[:40]}" if isinstance(error, Wrong | AssertionError) else ""
    where = f"{Path(ours[-1].filename).stem}:{ours[-1].lineno}" if ours else "?"
    story = "".join(traceback.format_exception(error, limit=-12))
    return Failure(f"{type(error).__name__}{cause} at {where}", story)


@contextmanager
def _limited() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def prepare(stuck: Path) -> None:
    """Load what any input may need, then bound the memory of this process.

    `stuck` is where to write what hung, at the signal SIGUSR1.
    """
    _where.file = stuck.open("w")
    faulthandler.register(signal.SIGUSR1, file=_where.file)
    for module in ("h5py", "onnx", "tflite", "numpy", "onnx.shape_inference"):
        __import__(module)

    def stop(number: int, frame: Any) -> None:
        raise TooSlow(f"over {SECONDS} s")

    signal.signal(signal.SIGPROF, stop)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()


def folder() -> Path:
    """Return a folder for the file under test, in memory where there is such a place."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="rnncli-fuzz-", dir=memory if memory.is_dir() else None))
