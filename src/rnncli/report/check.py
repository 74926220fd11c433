"""Does it hold: a model's figures against limits."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from rnncli.graph.sizes import sized
from rnncli.model import Model
from rnncli.report import AtLeast, Column, Report, Table
from rnncli.report.macs import model_macs
from rnncli.shapes import Shapes, show
from rnncli.storage import ITEM_SIZE

_COLUMNS = (
    Column("model", "Model"),
    Column("name", "Check"),
    Column("limit", "Limit", "any", rank=1),
    Column("actual", "Actual", "any"),
    Column("ok", "OK", "held"),
)


class Limits(NamedTuple):
    """What is asked of a model; None: not asked. `output_shapes` has one shape per output."""

    params: int | None = None
    max_params: int | None = None
    max_bytes: int | None = None
    max_macs: int | None = None
    output_shapes: Shapes | None = None
    no_nan: bool = False


class Subject(NamedTuple):
    """A model to check: how it is called, and how many of its weights' values are not finite.

    `read` of `total` weights were looked at for that. `error` says why it could not be read, where
    there is no model. `limits` are its own, None where those of all hold.
    """

    label: str
    model: Model | None
    not_finite: int | None = None
    read: int = 0
    total: int = 0
    error: str = ""
    limits: Limits | None = None


def check(subjects: Iterable[Subject], limits: Limits, steps: int | None = None) -> Report:
    """Return a row per model and limit; `ok` is False if any does not hold.

    A row's own is None where what it asks for is not known, which holds no limit. `steps`
    fills in the length that a model leaves open.
    """
    subjects = list(subjects)
    checks = [
        {"model": subject.label, "name": name, "limit": limit, "actual": actual, "ok": held,
         **({"at_least": least} if actual is None and least is not None else {})}
        for subject in subjects
        for name, limit, actual, held in _checks(subject, subject.limits or limits, steps)
        for least in [_least(subject.model, name)]
    ]  # fmt: skip
    lacks = {subject.label: subject.model.lacks or 0 for subject in subjects if subject.model}
    failed = frozenset(index for index, each in enumerate(checks) if not each["ok"])
    table = Table(
        _COLUMNS,
        tuple(_row(each, lacks.get(each["model"], 0)) for each in checks),
        title=_verdict(len(checks), len(failed)),
        marked=failed,
    )
    notes = tuple(_looked(subject) for subject in subjects if subject.total)
    return Report("check", {"ok": not failed, "checks": checks}, (table,), notes=notes,
                  ok=not failed)  # fmt: skip


def _row(check: dict[str, Any], lacks: int) -> tuple[Any, ...]:
    least = check.get("at_least")
    shown = check if least is None else {**check, "actual": AtLeast(least, lacks)}
    return tuple(shown[column.key] for column in _COLUMNS)


def _least(model: Model | None, name: str) -> int | None:
    """Return what is known of a count that is not known whole, None where nothing is."""
    if model is None or model.complete:
        return None
    return {"params": model.params, "max_params": model.params, "max_bytes": model.bytes}.get(name)


def _looked(subject: Subject) -> str:
    """Return how much of a file --no-nan has looked at."""
    return f"{subject.label}: {subject.read:,} of {subject.total:,} weights read."


def failures(report: Report) -> list[str]:
    """Return a sentence for each check of a model that does not hold."""
    checks = report.tables[0].records()
    return [_sentence(each) for each in checks if not each["ok"] and each["name"] != "read"]


def sentence(check: dict[str, Any]) -> str | None:
    """Return what is wrong with a check, the record of a row; None if it holds."""
    if check["ok"]:
        return None
    return str(check["actual"]) if check["name"] == "read" else _sentence(check)


def _checks(
    subject: Subject, limits: Limits, steps: int | None
) -> Iterator[tuple[str, Any, Any, bool | None]]:
    model = subject.model
    if model is None:
        yield "read", None, subject.error, False
        return
    filled = sized(model, steps=steps)
    params = model.params if model.complete else None
    if limits.params is not None:
        yield "params", limits.params, params, _held(params, params == limits.params)
    most = {
        "max_params": (limits.max_params, params),
        "max_bytes": (limits.max_bytes, _bytes(model)),
        "max_macs": (limits.max_macs, model_macs(filled)),
    }
    for name, (limit, actual) in most.items():
        if limit is not None:
            yield name, limit, actual, None if actual is None else actual <= limit
    if limits.output_shapes is not None:
        shapes = output_shapes(filled)
        held = _held(shapes, shapes == limits.output_shapes)
        yield "output_shape", _plain(limits.output_shapes), _plain(shapes), held
    if limits.no_nan:
        bad, whole = subject.not_finite, model.complete and subject.read == subject.total
        yield "no_nan", 0, bad, None if not bad and not whole else bad == 0


def _bytes(model: Model) -> int | None:
    """Return the bytes of all weights, None if some are unknown or of a type of unknown size."""
    weights = [weight for layer in model.layers for weight in layer.all_weights()]
    known = model.complete and all(weight.dtype in ITEM_SIZE for weight in weights)
    return model.bytes if known else None


def _held(actual: Any, holds: bool) -> bool | None:
    return None if actual is None else holds


def output_shapes(model: Model) -> Shapes | None:
    """Return the shape of each output of the model, None if one is unknown."""
    shapes = [model.shape(ref) for ref in model.outputs]
    known = tuple(shape for shape in shapes if shape is not None)
    return known if known and len(known) == len(shapes) else None


def _plain(shapes: Shapes | None) -> Any:
    """Return the only shape, or all of them."""
    return shapes[0] if shapes is not None and len(shapes) == 1 else shapes


def _verdict(count: int, failed: int) -> str:
    what = "1 check" if count == 1 else f"{count:,} checks"
    return f"{failed:,} of {what} failed" if failed else f"{what} passed"


def _sentence(check: dict[str, Any]) -> str:
    model, name, actual = check["model"], check["name"], check["actual"]
    if name == "no_nan" and check["ok"] is None:
        return f"{model}: no_nan: unknown, for not all of its weights could be read"
    if name == "no_nan":
        return f"{model}: no_nan: {actual:,} values of its weights are NaN or infinite"
    word = "at most" if name.startswith("max_") else "exactly"
    if isinstance(actual, AtLeast):
        found = f"unknown (at least {actual.value:,})"
    else:
        found = "unknown" if actual is None else _text(actual)
    return f"{model}: {name}: {found}, but {word} {_text(check['limit'])} is asked for"


def _text(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(map(show, value)) if value and isinstance(value[0], tuple) else show(value)
