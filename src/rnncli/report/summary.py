"""What is in a model: a row per layer and the totals."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rnncli.model import Layer, Model, Ref
from rnncli.naming import snake_case
from rnncli.report import Column, Report, Table
from rnncli.topology import is_chain, keras_depths

_COLUMNS = (
    Column("name", "Layer"),
    Column("type", "Type"),
    Column("output_shapes", "Output Shape", "shapes"),
    Column("params", "Param #", "count"),
)
_CONNECTED = Column("connected_to", "Connected to")
_TRAINABLE = Column("trainable", "Trainable")


def summarize(
    model: Model,
    *,
    expand_nested: bool = False,
    show_trainable: bool = False,
    optimizer: bool = False,
) -> Report:
    """Return the layers in Keras's order, with connections unless the model is a chain.

    With `expand_nested` the layers of nested models follow the row of their model; they have a
    `depth` of 1 or more. With `optimizer` the optimizer's variables are counted, as Keras does.
    """
    connected = model.type != "Sequential" and not is_chain(model.layers, model.inputs, model.outputs)
    rows = list(_rows(model, 0, expand_nested))
    columns = [*_COLUMNS, *([_CONNECTED] if connected else []), *([_TRAINABLE] if show_trainable else [])]
    totals = _totals(model)
    lines = _total_lines(totals, optimizer)
    title = f'Model: "{model.name}"'
    table = Table(
        tuple(columns),
        tuple(tuple(_cell(row, column.key) for column in columns) for row in rows),
        title,
        lines,
    )
    source = model.source
    data = {
        "model": model.name,
        "source": {"kind": source.kind, "path": source.path, "format": source.format,
                   "written_by": source.written_by, **source.details},
        "layers": rows,
        "totals": totals,
    }  # fmt: skip
    return Report("summary", data, (table,))


def _rows(model: Model, depth: int, expand_nested: bool) -> Iterator[dict[str, Any]]:
    nodes = set(keras_depths(model.layers, model.inputs, model.outputs).nodes)
    for layer in model.rows:
        row: dict[str, Any] = {
            "name": layer.name,
            "type": layer.type,
            "output_shapes": layer.output_shapes,
            "params": layer.params if layer.built else None,
            "trainable_params": layer.trainable_params if layer.built else None,
            "non_trainable_params": layer.params - layer.trainable_params if layer.built else None,
            "bytes": layer.bytes if layer.built else None,
            "connected_to": _connections(layer, nodes),
            "trainable": _trainable(layer),
            "unbuilt": not layer.built and layer.kind is not None and not layer.calls,
        }
        if layer.inferred:
            row["inferred"] = True
        if depth:
            row["depth"] = depth
        yield row
        if expand_nested and layer.model is not None:
            yield from _rows(layer.model, depth + 1, expand_nested)


def _connections(layer: Layer, nodes: set[tuple[str, int]]) -> list[str]:
    return [
        f"{ref.layer}[{ref.call}][{ref.tensor}]"
        for index, call in enumerate(layer.calls)
        if (layer.name, index) in nodes
        for ref in call.tensors()
    ]


def _trainable(layer: Layer) -> bool | None:
    """Return whether the layer trains; None for a layer without weights."""
    return layer.trainable if layer.all_weights() else None


def _cell(row: dict[str, Any], key: str) -> Any:
    if key == "name":
        return f"{'  ' * row.get('depth', 0)}{row['name']}"
    if key == "connected_to":
        return ", ".join(row[key]) or "-"
    if key == "trainable":
        return {True: "Y", False: "N", None: "-"}[row[key]]
    return row[key]


def _totals(model: Model) -> dict[str, Any]:
    variables = model.optimizer
    return {
        "params": model.params,
        "trainable": model.trainable_params,
        "non_trainable": model.params - model.trainable_params,
        "optimizer": sum(each.params for each in variables) if variables is not None else None,
        "bytes": model.bytes,
        "trainable_bytes": sum(w.bytes for each in model.layers for w in each.all_weights() if w.trainable),
        "optimizer_bytes": sum(each.bytes for each in variables) if variables is not None else None,
    }


def _total_lines(totals: dict[str, Any], optimizer: bool) -> tuple[tuple[str, str, Any], ...]:
    """Return Keras's lines below the table: `(label, kind, (count, bytes))`."""
    shown = optimizer and totals["optimizer"] is not None
    extra = (totals["optimizer"], totals["optimizer_bytes"]) if shown else (0, 0)
    non_trainable = (totals["non_trainable"], totals["bytes"] - totals["trainable_bytes"])
    lines = [
        ("Total params", "memory", (totals["params"] + extra[0], totals["bytes"] + extra[1])),
        ("Trainable params", "memory", (totals["trainable"], totals["trainable_bytes"])),
        ("Non-trainable params", "memory", non_trainable),
    ]
    return (*lines, *([("Optimizer params", "memory", extra)] if shown else []))


def classic_names(model: Model) -> Model:
    """Return a model from flags or expressions with Keras 2's names, which count from 1."""
    if model.source.kind == "file":
        return model
    counts: Counter[str] = Counter()
    names = {}
    for layer in model.layers:
        base = snake_case(layer.type)
        automatic = layer.name.rstrip("0123456789").rstrip("_") == base
        counts[base] += 1
        names[layer.name] = f"{base}_{counts[base]}" if automatic else layer.name

    def renamed(ref: Ref) -> Ref:
        return ref._replace(layer=names[ref.layer])

    layers = tuple(
        replace(layer, name=names[layer.name],
                calls=tuple(replace(c, inputs=tuple(map(renamed, c.inputs))) for c in layer.calls))
        for layer in model.layers
    )  # fmt: skip
    return replace(model, name=f"{model.name}_1", layers=layers,
                   inputs=tuple(map(renamed, model.inputs)),
                   outputs=tuple(map(renamed, model.outputs)))  # fmt: skip
