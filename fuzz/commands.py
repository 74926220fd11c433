"""One model: what the commands answer, run in this process as the command line runs them.

Only what rnncli refuses in one line may be raised: all else would be exit code 70.
"""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from typer import Exit

from rnncli.cli import check, cost, explain, forward, params, shapes, summary
from rnncli.cli.check import LimitFlags
from rnncli.cli.forward_options import InsideFlags, RunFlags
from rnncli.cli.options import (
    CellFlags,
    CheckOutputFlags,
    FilesFlags,
    LayerFlags,
    ModelFlags,
    OutputFlags,
    StackFlags,
    SummaryOutputFlags,
)
from rnncli.errors import RnncliError
from rnncli.model import Model
from rnncli.report.macs import model_macs

WORK = 50_000_000  # multiply-accumulates of a run; what a file asks for beyond is its own affair
VALUES = 2_000_000  # of weights and of any tensor of a run
FORMATS = ("table", "json", "csv", "markdown", "latex")
OTHERS = (cost, params, shapes, explain)


def run(read: Callable[[], Model], path: str | None, number: int) -> bool:
    """Return whether there is a model, once all commands have answered or refused it.

    `path` is its file, None for a stack of layers.
    """
    model: list[Model] = []

    def load(*_: Any, **__: Any) -> Model:
        if not model:
            model.append(read())
        return model[0]

    for module in (summary, check, forward, *OTHERS):
        module.load = load  # type: ignore[attr-defined]
    format = FORMATS[number % len(FORMATS)]
    _answer(lambda: _summary(path, number, format))
    if not model:
        return False
    _answer(lambda: _check(path, format))
    if _is_small(model[0]):
        _answer(lambda: _forward(path, number, format))
    if number % 4 == 0:
        _answer(lambda: _other(OTHERS[number // 4 % len(OTHERS)], path, format))
    return True


def _summary(path: str | None, number: int, format: str) -> None:
    format = "classic" if number % 11 == 0 else format
    _bare(summary)(
        model=FilesFlags(path and [path]), cell=CellFlags(), output=SummaryOutputFlags(format),
        expand_nested=number % 2 == 0, show_trainable=number % 5 == 0,
    )  # fmt: skip


def _check(path: str | None, format: str) -> None:
    asked = LimitFlags(1, 1, 1, 1, ["2"], no_nan=path is not None)
    _bare(check)(stack=StackFlags(None if path else ["x"]), cell=CellFlags(), asked=asked,
                 output=CheckOutputFlags(format), files=path and [path])  # fmt: skip


def _forward(path: str | None, number: int, format: str) -> None:
    init = "keras" if number % 7 == 0 else None
    _bare(forward)(
        model=ModelFlags(path), layer=LayerFlags(), cell=CellFlags(), output=OutputFlags(format),
        inside=InsideFlags(stats=number % 5 == 0), run=RunFlags(init=init),
    )  # fmt: skip


def _other(module: Any, path: str | None, format: str) -> None:
    more = {} if module is cost else {"layer": LayerFlags()}
    if module is params:
        more |= {"gates": True, "convention": "torch"}
    _bare(module)(model=ModelFlags(path), cell=CellFlags(), output=OutputFlags(format), **more)


def _bare(module: Any) -> Callable[..., None]:
    """Return a command without Typer, which takes its groups of options as they are."""
    return module.command.__wrapped__  # type: ignore[no-any-return]


def _answer(command: Callable[[], None]) -> None:
    """Run a command and look at what it prints."""
    with _streams() as (out, err):
        try:
            command()
        except (RnncliError, OSError) as error:
            text = error.message if isinstance(error, RnncliError) else error.strerror
            if not text or "MemoryError" in text:
                raise AssertionError(f"refused with {error!r}") from error
        except Exit:
            pass
    for data in (out.getvalue(), err.getvalue()):
        _check_text(data.decode())


def _check_text(text: str) -> None:
    if text.startswith("{"):
        json.loads(text, parse_constant=_no_constant)
    steering = next((c for c in text if c not in "\r\n" and not c.isprintable()), None)
    if steering:
        raise AssertionError(f"an answer holds {steering!r}")


def _no_constant(name: str) -> None:
    raise AssertionError(f"JSON holds {name}")


@contextmanager
def _streams() -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Catch what a command prints."""
    kept, out, err = (sys.stdout, sys.stderr), io.BytesIO(), io.BytesIO()
    sys.stdout = io.TextIOWrapper(out, "utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(err, "utf-8", write_through=True)
    wrappers = (sys.stdout, sys.stderr)
    try:
        yield out, err
    finally:
        sys.stdout, sys.stderr = kept
        for wrapper in wrappers:
            wrapper.detach()


def _is_small(model: Model) -> bool:
    """Whether a run of the model is little work, as far as its sizes tell."""
    shapes = [shape for layer in model.layers for call in layer.calls
              for shape in (*(call.input_shapes or ()), *(call.output_shapes or ()))]  # fmt: skip
    largest = max((_values(shape) for shape in shapes), default=0)
    return max(largest, model.params) <= VALUES and (model_macs(model) or 0) <= WORK


def _values(shape: tuple[int | None, ...]) -> int:
    total = 1
    for size in shape:
        total *= 1 if size is None else size
    return total
