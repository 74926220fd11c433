"""What comes out: the grid of a recurrent layer's switches, or each layer's input and output."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from rnncli.layers import complete, layer_type
from rnncli.layers.rnn.structure import MERGE_MODES
from rnncli.model import Layer
from rnncli.report import Column, Report, Table
from rnncli.shapes import Shapes

_COLUMNS = (
    Column("layer", "Layer"),
    Column("return_sequences", "return_sequences", "flag"),
    Column("return_state", "return_state", "flag"),
    Column("merge_mode", "merge_mode"),
    Column("input_shapes", "Input", "shapes", rank=1),
    Column("output_shapes", "Output", "shapes"),
)


def shapes(layers: tuple[Layer, ...]) -> Report:
    """Return the grid of switches where there is one recurrent layer, else a row per layer."""
    if len(layers) == 1 and _switches(layers[0]) is not None and layers[0].calls:
        rows = list(_grid(layers[0]))
    else:
        rows = [_row(layer) for layer in layers]
    bidirectional = any(layer.kind == "Bidirectional" for layer in layers)
    columns = [c for c in _COLUMNS if c.key != "merge_mode" or bidirectional]
    if all(row["return_sequences"] is None for row in rows):
        columns = [c for c in columns if not c.key.startswith("return_")]
    marked = {i for i, row in enumerate(rows) if row["selected"]} if len(rows) > len(layers) else ()
    table = Table(
        tuple(columns),
        tuple(tuple(_cell(row, column.key) for column in columns) for row in rows),
        marked=frozenset(marked),
    )
    keys = ("layer", "return_sequences", "return_state", "merge_mode", "input_shapes",
            "output_shapes", "selected")  # fmt: skip
    data = {"rows": [{key: row[key] for key in keys} for row in rows]}
    return Report("shapes", data, (table,))


def _cell(row: Mapping[str, Any], key: str) -> Any:
    if key == "merge_mode" and row["return_sequences"] is not None and row[key] is None:
        return "None" if row["merges"] else None
    return row[key]


def _switches(layer: Layer) -> dict[str, Any] | None:
    """Return the settings that decide a recurrent layer's outputs; None for any other layer."""
    config = layer.config
    if layer.kind == "Bidirectional":
        inner = config["layer"]["config"]
        return {**_own(inner), "merge_mode": config["merge_mode"], "merges": True}
    if layer.kind is not None and "return_sequences" in config:
        return {**_own(config), "merge_mode": None, "merges": False}
    return None


def _own(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: bool(config.get(key)) for key in ("return_sequences", "return_state")}


def _grid(layer: Layer) -> Iterator[dict[str, Any]]:
    chosen = _switches(layer)
    inputs = layer.calls[0].input_shapes
    if chosen is None or inputs is None:
        return
    modes = MERGE_MODES if chosen["merges"] else (None,)
    for sequences, state, mode in product((False, True), (False, True), modes):
        row = {"return_sequences": sequences, "return_state": state, "merge_mode": mode,
               "merges": chosen["merges"]}  # fmt: skip
        yield {
            "layer": layer.name,
            **row,
            "input_shapes": inputs,
            "output_shapes": _outputs(layer, row, inputs),
            "selected": row == chosen,
        }


def _outputs(layer: Layer, row: Mapping[str, Any], inputs: Shapes) -> Shapes:
    switches = {key: row[key] for key in ("return_sequences", "return_state")}
    config = {**layer.config, **switches}
    if layer.kind == "Bidirectional":
        inner = layer.config["layer"]
        inner = {**inner, "config": {**inner["config"], **switches}}
        config = {**layer.config, "layer": inner, "merge_mode": row["merge_mode"]}
    name = layer.kind or ""
    return layer_type(name).outputs(complete(name, config), inputs)


def _row(layer: Layer) -> dict[str, Any]:
    chosen = _switches(layer) or dict.fromkeys(
        ("return_sequences", "return_state", "merge_mode", "merges")
    )
    return {
        "layer": layer.name,
        **chosen,
        "input_shapes": layer.calls[-1].input_shapes if layer.calls else None,
        "output_shapes": layer.output_shapes,
        "selected": True,
    }
