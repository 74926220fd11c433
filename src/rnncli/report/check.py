"""Does it hold: a model's figures against limits."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from rnncli.model import Model
from rnncli.report import Column, Report, Table
from rnncli.report.macs import model_macs
from rnncli.shapes import Shape, Shapes, show

_COLUMNS = (
    Column("model", "Model"),
    Column("name", "Check"),
    Column("limit", "Limit", "any"),
    Column("actual", "Actual", "any"),
    Column("ok", "OK", "flag"),
)


class Limits(NamedTuple):
    """What is asked of a model; None: not asked."""

    params: int | None = None
    max_params: int | None = None
    max_bytes: int | None = None
    max_macs: int | None = None
    output_shape: Shape | None = None
    no_nan: bool = False


def check(models: Iterable[tuple[str, Model, int]], limits: Limits) -> Report:
    """Return a row per model and limit; `ok` is False if any does not hold.

    A model comes as `(label, model, bad)`, `bad` being how many of its weights are NaN or infinite.
    """
    checks = [
        {"model": label, "name": name, "limit": limit, "actual": actual, "ok": held}
        for label, model, bad in models
        for name, limit, actual, held in _checks(model, bad, limits)
    ]
    ok = all(each["ok"] for each in checks)
    rows = tuple(tuple(each[column.key] for column in _COLUMNS) for each in checks)
    failed = tuple(
        f"{each['model']}: {each['name']} fails: {_text(each['actual'])}, "
        f"the limit is {_text(each['limit'])}"
        for each in checks
        if not each["ok"]
    )
    return Report("check", {"ok": ok, "checks": checks}, (Table(_COLUMNS, rows),), notes=failed, ok=ok)


def _checks(model: Model, bad: int, limits: Limits) -> Iterable[tuple[str, Any, Any, bool]]:
    if limits.params is not None:
        yield "params", limits.params, model.params, model.params == limits.params
    if limits.max_params is not None:
        yield "max_params", limits.max_params, model.params, model.params <= limits.max_params
    if limits.max_bytes is not None:
        yield "max_bytes", limits.max_bytes, model.bytes, model.bytes <= limits.max_bytes
    if limits.max_macs is not None:
        macs = model_macs(model)
        yield "max_macs", limits.max_macs, macs, macs is not None and macs <= limits.max_macs
    if limits.output_shape is not None:
        shapes = output_shapes(model)
        yield "output_shape", limits.output_shape, shapes, shapes == (limits.output_shape,)
    if limits.no_nan:
        yield "no_nan", 0, bad, bad == 0


def output_shapes(model: Model) -> Shapes | None:
    """Return the shape of each output of the model, None if one is unknown."""
    shapes = []
    for ref in model.outputs:
        found = model.layer(ref.layer).calls[ref.call].output_shapes
        if found is None:
            return None
        shapes.append(found[ref.tensor])
    return tuple(shapes) or None


def _text(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if value is None:
        return "unknown"
    return show(value) if value and not isinstance(value[0], tuple) else ", ".join(map(show, value))
