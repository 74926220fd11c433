"""What fits: the largest `units` within a budget, found by an exact search."""

from collections.abc import Callable, Mapping
from typing import Any

from rnncli.model import ITEM_SIZE, Model
from rnncli.report import Column, Report, Table
from rnncli.report.cost import macs_of
from rnncli.shapes import Dim

Make = Callable[[int], Model]  # units -> the model of that size

_COLUMNS = (
    Column("cell", "Cell"),
    Column("units", "Units", "count"),
    Column("params", "Param #", "count"),
    Column("bytes", "Bytes", "bytes"),
    Column("macs", "MACs", "count"),
    Column("next_params", "One more unit", "count"),
)


def fit(candidates: Mapping[str, Make], limits: Mapping[str, int], dtype: str = "float32") -> Report:
    """Return the largest units of each candidate; `ok` is False if not even one unit fits in any.

    `limits` maps `max_params`, `max_bytes`, `max_macs` to amounts; bytes are those of weights
    stored in `dtype`.
    """
    rows = [_row(name, make, limits, dtype) for name, make in candidates.items()]
    table = Table(_COLUMNS, tuple(
        (row["cell"], row["units"], row["params"], row["bytes"], row["macs"], row["next"]["params"])
        for row in rows
    ))  # fmt: skip
    notes = [_too_small(row, limits) for row in rows if row["units"] == 0]
    data = {"limit": dict(limits), "dtype": dtype, "rows": rows}
    return Report("fit", data, (table,), notes=tuple(notes), ok=any(row["units"] for row in rows))


def amounts(model: Model, dtype: str) -> dict[str, Dim]:
    """Return the amounts that a budget can limit."""
    counts = [macs_of(layer)[1] for layer in model.layers]
    macs = None if None in counts else sum(count for count in counts if count is not None)
    return {"params": model.params, "bytes": model.params * ITEM_SIZE[dtype], "macs": macs}


def _row(name: str, make: Make, limits: Mapping[str, int], dtype: str) -> dict[str, Any]:
    units = _largest(lambda size: _fits(amounts(make(size), dtype), limits))
    now: Mapping[str, Dim] = amounts(make(units), dtype) if units else dict.fromkeys(
        ("params", "bytes", "macs")
    )  # fmt: skip
    more = amounts(make(units + 1), dtype)
    return {"cell": name, "units": units, **now,
            "next": {"units": units + 1, "params": more["params"], "bytes": more["bytes"],
                     "macs": more["macs"]}}  # fmt: skip


def _fits(found: Mapping[str, Dim], limits: Mapping[str, int]) -> bool:
    actual = {name: found[name.removeprefix("max_")] for name in limits}
    return all(value is not None and value <= limits[name] for name, value in actual.items())


def _largest(fits: Callable[[int], bool]) -> int:
    """Return the largest size that fits, 0 if 1 does not; counts only grow with size."""
    if not fits(1):
        return 0
    low, high = 1, 2
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _too_small(row: Mapping[str, Any], limits: Mapping[str, int]) -> str:
    """Return the sentence that says why not even one unit fits."""
    for name, limit in limits.items():
        needed = row["next"][name.removeprefix("max_")]
        if needed is None or needed > limit:
            what = name.removeprefix("max_")
            return f"{row['cell']}: one unit already takes {needed:,} {what}, more than {limit:,}."
    raise AssertionError("a size that exceeds no limit fits")
