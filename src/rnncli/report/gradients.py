"""How far gradients reach back: rows, sentences, and curves over the steps."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import exp, log
from typing import Any

from rnncli.report import Chart, Column, Table

Layers = Sequence[Mapping[str, Any]]

_COLUMNS = (
    Column("name", "Layer", "group"),
    Column("of", "Derivative"),
    Column("back", "Steps back", "count"),
    Column("norm", "Norm", "number"),
)
_FLOW = {
    "vanishes": "{}: the gradient vanishes, below 0.001 after {} steps: what came before them "
    "hardly changes the last state.",
    "explodes": "{}: the gradient explodes, above 1,000 after {} steps.",
    "holds": "{}: the gradient holds over {} steps, between 0.001 and 1,000.",
}


def table(layers: Layers) -> Table | None:
    """Return a row per layer, state and number of steps; None without any."""
    rows = tuple(_rows(layers))
    return Table(_COLUMNS, rows) if rows else None


def _rows(layers: Layers) -> Iterable[tuple[Any, ...]]:
    for layer in layers:
        for row in layer["gradient"]:
            for state in [key for key in row if key not in ("step", "back")]:
                where = "1" if row["step"] == 1 else f"T−{row['back']}"
                yield layer["name"], f"∂h_T/∂{state}_t, t = {where}", row["back"], row[state]


def sentences(layers: Layers) -> Iterable[str]:
    """Yield a sentence per layer on how far its gradient reaches back, and what the norm is."""
    for layer in layers:
        found = layer["gradient_flow"]
        if found is not None:
            steps = f"{'' if found['exact'] else 'at most '}{found['steps']:,}"
            yield _FLOW[found["verdict"]].format(layer["name"], steps)
        if layer["gradient_lacks"]:
            yield f"{layer['name']}: the norm is not computed further: {layer['gradient_lacks']}."
    if any(layer["gradient"] for layer in layers):
        yield ("The norm of a derivative says how much, at most, a small change of the state at "
               "step t has grown at the last step T, in the first sequence.")  # fmt: skip


def charts(layers: Layers, columns: int) -> tuple[Chart, ...]:
    """Return a curve per layer whose gradient is known, of so many columns at most."""
    return tuple(_chart(layer, columns) for layer in layers if layer["gradient_series"])


def _chart(layer: Mapping[str, Any], columns: int) -> Chart:
    """Return the norm by `h` over the steps, 1 at the last of them, with the steps in the order of
    the sequence."""
    series = layer["gradient_series"]
    last = series[-1]["step"] + series[-1]["back"]
    points = [(row["step"], row["h"]) for row in series] + [(last, 1.0)]
    count = min(last, columns)
    starts = [index * last // count + 1 for index in range(count + 1)]
    values = [_value(points, *ends) for ends in pairwise(starts)]
    back = ", read from the end" if layer["reverse"] else ""
    return Chart(
        f"{layer['name']}: norm of ∂h_T/∂h_t at step t{back}",
        tuple(values[::-1] if layer["reverse"] else values),
        last,
    )


def _value(points: Sequence[tuple[int, float]], first: int, end: int) -> float | None:
    """Return the largest value of the steps from `first` to before `end`; between points that of
    the line, on a log scale, None before the first of them."""
    inside = [value for step, value in points if first <= step < end]
    if inside:
        return max(inside)
    before = [point for point in points if point[0] < first]
    after = [point for point in points if point[0] >= end]
    if not before or not after:
        return None
    (start, low), (stop, high) = before[-1], after[0]
    if not low or not high:
        return min(low, high)
    share = (first - start) / (stop - start)
    return exp(log(low) + share * (log(high) - log(low)))
