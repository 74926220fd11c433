"""What a run computed: shapes, final states and statistics of the output."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rnncli.report import Chart, Column, Picture, Report, Table, Total, glossary, gradients
from rnncli.shapes import Shape, Shapes

MUCH = 0.5  # of the activations saturated: worth a sentence


class Run(NamedTuple):
    """What there is to report: `outputs` are `(name, return_sequences or None, shape)`, `states`
    `(layer, state, shape)`, `stats` the contract's figures, `weights` and `input` say where these
    come from: `source`, `path`, `init` and `seed`; `lacks` is what `params` leaves out."""

    input_shapes: Shapes
    dtype: str
    seed: int
    outputs: Sequence[tuple[str, bool | None, Shape]]
    states: Sequence[tuple[str, str, Shape]]
    stats: Mapping[str, Any]
    params: int
    saved: str | None
    weights: Mapping[str, Any]
    input: Mapping[str, Any]
    lacks: int | None = None


_COLUMNS = (Column("what", "What"), Column("shape", "Shape", "shape"))
_FIGURES = (("min", "number"), ("max", "number"), ("mean", "number"), ("std", "number"),
            ("saturated", "share"), ("nan", "count"))  # fmt: skip
_GATE_COLUMNS = (
    Column("name", "Layer", "group"),
    Column("gate", "Gate"),
    Column("saturated", "Saturated", "share"),
    Column("spectral_radius", "Spectral radius", "number"),
)
_LAYER_COLUMNS = (
    Column("name", "Layer"),
    Column("mean_abs_state", "Mean |h|", "number"),
    Column("first_bad_step", "First NaN or Inf"),
)


def forward(
    run: Run,
    layers: Sequence[Mapping[str, Any]] | None = None,
    picture: Picture | None = None,
    charts: tuple[Chart, ...] = (),
) -> Report:
    """Return the shapes of what went in and came out, and the output's statistics.

    `layers` adds the inside of each recurrent layer, `picture` and `charts` are drawings.
    """
    data = {
        "input_shape": run.input_shapes[0] if len(run.input_shapes) == 1 else run.input_shapes,
        "dtype": run.dtype,
        "seed": run.seed,
        "outputs": [
            {"name": name, "return_sequences": sequences, "shape": shape}
            for name, sequences, shape in run.outputs
        ],
        "states": [{"layer": layer, "name": name, "shape": shape}
                   for layer, name, shape in run.states],
        "stats": dict(run.stats),
        "params": run.params,
        "complete": run.lacks is None,
        "saved": run.saved,
        "weights": dict(run.weights),
        "input": {key: run.input[key] for key in ("source", "path", "seed")},
        **({"layers": list(layers)} if layers is not None else {}),
    }  # fmt: skip
    totals = [
        Total("Weights", "text", origin(run.weights)),
        Total("Input", "text", origin(run.input)),
        *(Total(f"Output {key}", kind, run.stats[key]) for key, kind in _FIGURES),
    ]
    tables = [Table(_COLUMNS, tuple(_rows(run)),
                    totals=(Total("Params", "count", run.params, run.lacks), *totals))]  # fmt: skip
    if layers:
        tables.append(Table(_GATE_COLUMNS, tuple(_gate_rows(layers))))
        tables.append(Table(_LAYER_COLUMNS, tuple(map(_layer_row, layers))))
        found = gradients.table(layers)
        tables += [found] if found else []
    return Report(
        "forward", data, tuple(tables), notes=tuple(_notes(run, layers)), picture=picture,
        charts=charts,
    )  # fmt: skip


def origin(found: Mapping[str, Any]) -> str:
    """Return `file model.keras`, `random (keras, seed 0)`, or the file that was given."""
    if found["source"] == "random":
        init = f"{found['init']}, " if found.get("init") else ""
        return f"random ({init}seed {found['seed']})"
    if found["source"] == "none":
        return "none"
    paths = [found["path"]] if isinstance(found["path"], str) else found["path"]
    shown = ", ".join(map(str, paths))
    return f"file {shown}" if found["source"] == "file" else shown


def _rows(run: Run) -> Iterable[tuple[str, Shape]]:
    for index, shape in enumerate(run.input_shapes):
        yield "input" if len(run.input_shapes) == 1 else f"input {index + 1}", shape
    for name, sequences, shape in run.outputs:
        yield name if sequences is None else f"{name}, return_sequences={sequences}", shape
    for layer, name, shape in run.states:
        yield f"{layer}, final state {name}", shape


def _gate_rows(layers: Sequence[Mapping[str, Any]]) -> Iterable[tuple[Any, ...]]:
    for layer in layers:
        for gate, share in layer["saturated"].items():
            yield layer["name"], gate, share, layer["spectral_radius"].get(gate)


def _layer_row(layer: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(layer[column.key] for column in _LAYER_COLUMNS)


def _notes(run: Run, layers: Sequence[Mapping[str, Any]] | None) -> Iterable[str]:
    share = run.stats["saturated"]
    if share is not None and share >= MUCH:
        yield (f"{share:.1%} of the activations lie within a thousandth of a bound: "
               "the layer hardly tells inputs apart.")  # fmt: skip
    if layers:
        yield from _layer_notes(layers)
    elif layers is not None:
        yield "The model has no recurrent layer that --stats can look into."
    if run.saved:
        yield f"Saved to {run.saved}"


def _layer_notes(layers: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    bad = [(each["name"], each["first_bad_step"]) for each in layers if each["first_bad_step"]]
    if bad:
        yield "NaN or Inf first appears in {} at step {:,}, counted from 1.".format(*bad[0])
    if layers:
        yield "Saturated is the share of a gate's values within a thousandth of a bound."
        yield from gradients.sentences(layers)
        yield glossary("saturated", "spectral radius", "norm")
