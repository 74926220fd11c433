"""One input: read or parsed, summed up and rendered, within its bounds."""

import faulthandler
import gc
import json
import resource
import signal
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rnncli.errors import RnncliError
from rnncli.formats import read
from rnncli.graph.infer import infer
from rnncli.model import Model, Source, sequential
from rnncli.render import Target, render

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
    try:
        if reader == "layer":
            model = _stack(data)
        else:
            path.write_bytes(data)
            model = read(str(path), optimizer=number % 3 == 0)
        _show(model, number)
        if number % 4 == 0:
            _values(model)
    except RnncliError as error:
        if not error.message or "MemoryError" in error.message:
            raise Wrong(f"refused with {error.message!r}") from error
        return False
    return True


def _stack(data: bytes) -> Model:
    from rnncli.graph.expressions import parse_stack

    texts = data.decode("utf-8", "surrogatepass").split("\n")
    return infer(sequential(parse_stack(texts), source=Source("layers")))


def _show(model: Model, number: int) -> None:
    """Render what commands print of a model."""
    from rnncli.report.summary import classic_names, summarize

    nested, trainable = number % 2 == 0, number % 5 == 0
    reports = [summarize(model, expand_nested=nested, show_trainable=trainable, optimizer=True)]
    if number % 4 == 1:
        reports += _others(model)
    more = number % 4 == 2
    for report in reports:
        for format in ("table", "json", "csv", "markdown")[: 4 if more else 2]:
            _check_text(render(report, format, Target(unicode=number % 7 > 0)), format)
    if more:
        report = summarize(classic_names(model), expand_nested=nested)
        _check_text(render(report, "classic", Target()), "classic")


def _others(model: Model) -> Iterator[Any]:
    from rnncli.cli.models import pick
    from rnncli.report.cost import cost
    from rnncli.report.params import params
    from rnncli.report.shapes import shapes

    yield cost(model)
    layers = pick(model, None)
    yield params(layers, "keras", True)
    yield shapes(layers)


def _check_text(text: str, format: str) -> None:
    if format == "json":
        json.loads(text, parse_constant=_no_constant)
    steering = next((c for c in text if c != "\n" and not c.isprintable() and c != "\r"), None)
    if steering:
        raise Wrong(f"{format} holds {steering!r}")


def _no_constant(name: str) -> None:
    raise Wrong(f"JSON holds {name}")


def _values(model: Model) -> None:
    """Read the smaller weights, as a run would."""
    from rnncli.formats import located

    if model.store is None or model.source.path is None:
        return
    model = located(model)
    with model.store() as store:
        for layer in model.layers[:20]:
            for weight in layer.all_weights():
                if weight.stored is not None and weight.params < 100_000:
                    for key in weight.stored.tensors:
                        store.read(key)


def _failure(error: BaseException) -> Failure:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "rnncli" in f.filename and "/fuzz/" not in f.filename] or frames
    cause = f"-{str(error)[:40]}" if isinstance(error, Wrong) else ""
    where = f"{Path(ours[-1].filename).stem}:{ours[-1].lineno}" if ours else "?"
    story = "".join(traceback.format_exception(error, limit=-12))
    return Failure(f"{type(error).__name__}{cause} at {where}", story)


@contextmanager
def _limited() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    faulthandler.dump_traceback_later(12 * SECONDS, file=_where.file)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()


def prepare(stuck: Path) -> None:
    """Load what any input may need, then bound the memory of this process.

    `stuck` is where to write what hung.
    """
    _where.file = stuck.open("w")
    for module in ("h5py", "onnx", "safetensors.numpy", "numpy", "onnx.shape_inference"):
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
