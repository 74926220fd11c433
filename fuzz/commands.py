"""One model: what the commands answer, run in this process as the command line runs them.

Only what rnncli refuses in one line may be raised: all else would be exit code 70.
"""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer import Exit

from rnncli.cli import (
    check,
    convert,
    cost,
    diff,
    explain,
    forward,
    models,
    params,
    shapes,
    summary,
    weights,
)
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
STEPS = 5_000  # of a sequence, each of which `--stats` looks at
VALUES = 2_000_000  # of weights and of any tensor of a run
FORMATS = ("table", "json", "csv", "markdown", "latex")
OTHERS = (cost, params, shapes, explain, weights, diff, convert)
GOLDENS = Path(__file__).parents[1] / "tests" / "goldens"
COMPARED = ("torch/state.safetensors", "keras/k3/lstm_stack.keras", "onnx/lstm_forward.onnx")


def run(read: Callable[[], Model], path: str | None, number: int) -> bool:
    """Return whether there is a model, once all commands have answered or refused it.

    `path` is its file, None for a stack of layers.
    """
    model: list[Model] = []

    def load(*_: Any, **__: Any) -> Model:
        if not model:
            model.append(read())
        return model[0]

    for module in {summary, check, forward, *OTHERS} - {diff}:
        module.load = load  # type: ignore[attr-defined]
    format = FORMATS[number % len(FORMATS)]
    _answer(lambda: _summary(path, number, format))
    if not model:
        return False
    _answer(lambda: _check(path, format))
    if _is_small(model[0]):
        _answer(lambda: _forward(path, number, format))
    if number % 4 == 0:
        module = OTHERS[number // 4 % len(OTHERS)]
        if module not in (weights, diff, convert) or (path and model[0].params <= VALUES):
            _answer(lambda: _other(module, path, number, format))
    return True


def run_on(path: str, number: int) -> bool:
    """Return whether a file of arrays can be run on, as an input or as weights."""
    format, taken = FORMATS[number % len(FORMATS)], False
    for run in (RunFlags(input=[path]), RunFlags(weights=path), RunFlags(input=[f"{path}={path}"])):
        flags = CellFlags(cell="lstm", input_size=3, units=2, steps="8")
        taken |= _answer(lambda run=run, flags=flags: _bare(forward)(
            model=ModelFlags(), layer=LayerFlags(), cell=flags, output=OutputFlags(format),
            inside=InsideFlags(), run=run,
        ))  # fmt: skip
    return taken


def run_budget(path: str, number: int) -> bool:
    """Return whether a file of budgets holds limits for the models beside it."""
    beside = Path(path).with_name("x.json")
    if not beside.exists():
        beside.write_bytes((GOLDENS / "keras/k3/lstm_stack.json").read_bytes())
    check.load = models.load  # type: ignore[attr-defined]
    return _answer(lambda: _bare(check)(
        stack=StackFlags(None), cell=CellFlags(), asked=LimitFlags(),
        output=CheckOutputFlags(FORMATS[number % len(FORMATS)]), budget=path,
    ))  # fmt: skip


def _summary(path: str | None, number: int, format: str) -> None:
    format = "classic" if number % 11 == 0 else format
    files = path and [path]
    if path and number % 13 == 0:  # a row per file, from its first bytes
        files = [path, path] if number % 2 else [str(Path(path).parent)]
    _bare(summary)(
        model=FilesFlags(files), cell=CellFlags(),
        output=SummaryOutputFlags(format),
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


def _other(module: Any, path: str | None, number: int, format: str) -> None:
    more: dict[str, Any] = {} if module in (cost, diff) else {"layer": LayerFlags()}
    if module is diff:
        other = [path, *(str(GOLDENS / each) for each in COMPARED)][number // 28 % 4]
        _bare(diff)(a=path, b=other, output=OutputFlags(format), values=True, gates=number % 3 == 0)
        return
    if module is params:
        more |= {"gates": True, "convention": "torch"}
    elif module is weights:
        more["gates"] = number % 3 == 0
    elif module is convert:
        to = ("keras", "torch", "onnx")[number // 28 % 3]
        more |= {"to": to, "save": f"{path}.{('npz', 'safetensors')[number // 84 % 2]}"}
    _bare(module)(model=ModelFlags(path), cell=CellFlags(), output=OutputFlags(format), **more)


def _bare(module: Any) -> Callable[..., None]:
    """Return a command without Typer, which takes its groups of options as they are."""
    return module.command.__wrapped__  # type: ignore[no-any-return]


def _answer(command: Callable[[], None]) -> bool:
    """Return whether a command answers; look at what it prints."""
    refused = False
    with _streams() as (out, err):
        try:
            command()
        except (RnncliError, OSError) as error:
            text = error.message if isinstance(error, RnncliError) else error.strerror
            if not text or "MemoryError" in text:
                raise AssertionError(f"refused with {error!r}") from error
            refused = True
        except Exit:
            pass
    for data in (out.getvalue(), err.getvalue()):
        _check_text(data.decode())
    return not refused


def _check_text(text: str) -> None:
    if text.startswith("{"):  # one object, or one per line
        for each in [text] if text.startswith("{\n") else text.splitlines():
            json.loads(each, parse_constant=_no_constant)
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
    longest = max((shape[1] or 0 for shape in shapes if len(shape) > 2), default=0)
    small = max(largest, model.params) <= VALUES and longest <= STEPS
    return small and (model_macs(model) or 0) <= WORK


def _values(shape: tuple[int | None, ...]) -> int:
    total = 1
    for size in shape:
        total *= 1 if size is None else size
    return total
