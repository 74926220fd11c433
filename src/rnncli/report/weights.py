"""What is in a model's weights: figures of each weight or gate, and of each recurrent kernel."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rnncli.report import Column, Report, Table, Total, glossary
from rnncli.report.forward import origin

_COLUMNS = (
    Column("layer", "Layer", "group"),
    Column("weight", "Weight"),
    Column("shape", "Shape", "shape", rank=2),
    Column("dtype", "Dtype", rank=6),
    Column("min", "Min", "number", rank=1),
    Column("max", "Max", "number", rank=1),
    Column("mean", "Mean", "number", rank=3),
    Column("std", "Std", "number", rank=3),
    Column("norm", "Norm", "number", rank=4),
    Column("zeros", "Zeros", "count", rank=5),
    Column("nan", "NaN", "count"),
    Column("inf", "Inf", "count"),
    Column("histogram", "Min to max", "histogram", rank=7),
)
_RECURRENT = (
    Column("layer", "Layer", "group"),
    Column("weight", "Recurrent kernel", "group"),
    Column("gate", "Gate"),
    Column("spectral_radius", "Spectral radius", "number"),
    Column("largest_singular_value", "Largest singular value", "number", rank=1),
    Column("rank", "Rank", "count", rank=2),
)
_MOST_NAMED = 8  # units


def weights(
    rows: Sequence[Mapping[str, Any]],
    recurrent: Sequence[Mapping[str, Any]],
    source: Mapping[str, Any],
    warnings: Sequence[str],
    most_units: int,
) -> Report:
    """Return the rows of weights and of recurrent kernels; `source` says where values come from.

    `most_units` is the size of a kernel beyond which its eigenvalues were not computed.
    """
    data = {"rows": list(rows), "recurrent": list(recurrent), "weights": dict(source)}
    table = Table(_COLUMNS, tuple(map(_row, rows)),
                  totals=(Total("Weights", "text", origin(source)),))  # fmt: skip
    kernels = tuple(_kernel_rows(recurrent))
    tables = (table, Table(_RECURRENT, kernels)) if kernels else (table,)
    notes = tuple(_notes(rows, recurrent, most_units))
    return Report("weights", data, tables, notes=notes, warnings=tuple(warnings))


def _row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    shown = dict(row)
    if row["gate"] is not None:
        shown["weight"] = f"{row['weight']}[{row['gate']}]"
    return tuple(shown[column.key] for column in _COLUMNS)


def _kernel_rows(recurrent: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for each in recurrent:
        for gate, radius in (each["spectral_radius"] or {}).items():
            yield (each["layer"], each["weight"], gate, radius,
                   each["largest_singular_value"][gate], each["rank"][gate])  # fmt: skip


def _notes(
    rows: Sequence[Mapping[str, Any]], recurrent: Sequence[Mapping[str, Any]], most_units: int
) -> Iterator[str]:
    bad = [row for row in rows if row["nan"] or row["inf"]]
    if bad:
        yield (f"{bad[0]['layer']} {bad[0]['weight']} holds values that are not finite; "
               "the other figures leave them out.")  # fmt: skip
    for each in recurrent:
        name, units = f"{each['layer']} {each['weight']}", each["units"]
        if each["forget_bias"] is not None:
            yield f"{name}: the mean bias of the forget gate is {each['forget_bias']:.4g}."
        if units > most_units:
            yield f"{name}: not computed for its {units:,} units, which would take minutes."
        for gate, rank in (each["rank"] or {}).items():
            if rank is not None and rank < units:
                yield f"{name}[{gate}] has rank {rank:,} of {units:,}."
        if each["dead_units"]:
            yield f"{name}: {_dead(each['dead_units'], units)}"
    if any(each["spectral_radius"] for each in recurrent):
        yield "The spectral radius is the largest absolute eigenvalue of a gate's recurrent kernel."
        yield glossary("largest singular value", "rank", "gate")


def _dead(dead: Sequence[int], units: int) -> str:
    named = ", ".join(map(str, dead[:_MOST_NAMED])) + (", …" if len(dead) > _MOST_NAMED else "")
    return (f"{len(dead):,} of {units:,} units are dead ({named}, counted from 0): all weights "
            "of their candidate are 0, and their state stays 0.")  # fmt: skip
