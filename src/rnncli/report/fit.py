"""What fits: the largest `units` within a budget, found by an exact search."""

from collections.abc import Callable, Mapping
from functools import cache
from math import isqrt
from typing import Any

from rnncli.errors import UsageError
from rnncli.model import Model
from rnncli.report import Column, Report, Table
from rnncli.report.macs import model_macs
from rnncli.shapes import LARGEST, Dim
from rnncli.storage import ITEM_SIZE

Make = Callable[[int], Model]  # units -> the model of that size
Amounts = Mapping[str, Dim]  # params, bytes and macs

_COLUMNS = (
    Column("cell", "Cell"),
    Column("units", "Units", "count"),
    Column("params", "Param #", "count"),
    Column("bytes", "Bytes", "bytes", rank=1),
    Column("macs", "MACs", "count", rank=2),
    Column("next_params", "Next param #", "count", rank=3),
    Column("reason", "Why not"),
)

ENDLESS = LARGEST // 2  # more than any budget that limits something holds


def fit(
    candidates: Mapping[str, Make], limits: Mapping[str, int], dtype: str | None = None
) -> Report:
    """Return the largest units of each candidate; `ok` is False if not even one unit fits in any.

    `limits` maps `max_params`, `max_bytes`, `max_macs` to amounts; bytes are those of weights
    stored in `dtype` (None: each in its own). Raises: UsageError if the budget limits nothing.
    """
    rows = [_row(name, make, limits, dtype) for name, make in candidates.items()]
    columns = _COLUMNS[: None if any(row["reason"] for row in rows) else -1]
    cells = tuple(
        tuple((row | {"next_params": row["next"]["params"]})[column.key] for column in columns)
        for row in rows
    )
    data = {"limit": dict(limits), "dtype": dtype, "rows": rows}
    return Report("fit", data, (Table(columns, cells),), ok=any(row["units"] for row in rows))


def amounts(model: Model, dtype: str | None) -> Amounts:
    """Return the amounts that a budget can limit; None is not known."""
    if not all(layer.built for layer in model.layers):
        return {"params": None, "bytes": None, "macs": model_macs(model)}
    size = model.params * ITEM_SIZE[dtype] if dtype else model.bytes
    return {"params": model.params, "bytes": size, "macs": model_macs(model)}


def _row(name: str, make: Make, limits: Mapping[str, int], dtype: str | None) -> dict[str, Any]:
    @cache
    def at(units: int) -> Amounts:
        return amounts(make(units), dtype)

    _check_known(name, at(1), limits)
    units = _largest(name, at, limits)
    now: Amounts = at(units) if units else dict.fromkeys(("params", "bytes", "macs"))
    return {
        "cell": name,
        "units": units,
        **now,
        "next": {"units": units + 1, **at(units + 1)},
        "reason": None if units else _too_small(at(1), limits),
    }


def _check_known(name: str, one: Amounts, limits: Mapping[str, int]) -> None:
    """Raises: UsageError if the model leaves open what the budget limits."""
    for limit in limits:
        if one[_what(limit)] is None and limit == "max_macs":
            raise UsageError(f"{name}: the MACs of a sequence of any length are not known",
                             "say how long it is: --steps 100")  # fmt: skip
        if one[_what(limit)] is None:
            raise UsageError(f"{name}: its weights are not known without the shape of its input",
                             'begin the stack with one: --layer "Input((100, 32))"')  # fmt: skip


def _largest(name: str, at: Callable[[int], Amounts], limits: Mapping[str, int]) -> int:
    """Return the largest size that fits, 0 if 1 does not; amounts only grow with size."""
    if not _fits(at(1), limits):
        return 0
    guess = min(_estimate(at, limit, amount) for limit, amount in limits.items())
    low, high = (guess, guess + 1) if _fits(at(guess), limits) else (1, guess)
    while _fits(at(high), limits):
        if high > ENDLESS:
            flags = " and ".join(f"--{limit.replace('_', '-')}" for limit in limits)
            raise UsageError(f"{name}: any size fits: it is not what {flags} limits")
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(at(middle), limits) else (low, middle)
    return low


def _estimate(at: Callable[[int], Amounts], limit: str, amount: int) -> int:
    """Return the largest size within one limit if the amount is a polynomial of degree 2 in it.

    It is one for the weights and products of a layer and of those around it; where it is not, the
    search begins a little off.
    """
    one, two, three = (at(units)[_what(limit)] or 0 for units in (1, 2, 3))
    first, second = two - one, three - 2 * two + one
    # amount(1 + n) = one + first·n + second·n·(n − 1)/2, Newton's forward differences
    room, slope = amount - one, 2 * first - second
    if second > 0:
        return 1 + (isqrt(slope * slope + 8 * second * room) - slope) // (2 * second)
    return 1 + room // first if first > 0 else 1


def _fits(found: Amounts, limits: Mapping[str, int]) -> bool:
    actual = ((found[_what(limit)], amount) for limit, amount in limits.items())
    return all(value is not None and value <= amount for value, amount in actual)


def _too_small(one: Amounts, limits: Mapping[str, int]) -> str:
    """Return why not even one unit fits."""
    over = (
        f"one unit takes {needed:,} {_what(limit)}, more than {amount:,}"
        for limit, amount in limits.items()
        if (needed := one[_what(limit)]) is not None and needed > amount
    )
    return ", and ".join(over)


def _what(limit: str) -> str:
    return limit.removeprefix("max_")
