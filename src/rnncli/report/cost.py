"""What a model takes: multiply-accumulates, and bytes of weights, states and outputs."""

from collections.abc import Iterable
from typing import Any

from rnncli.layers import kind
from rnncli.layers.uses import cell_uses
from rnncli.model import ITEM_SIZE, Layer, Model, Ref
from rnncli.report import Column, Report, Table
from rnncli.shapes import Dim, Shape, Shapes, product
from rnncli.topology import in_order

DEFINITION = (
    "A MAC is one multiply-accumulate of a matrix product or convolution; FLOPs are 2 × MACs. "
    "Biases, gates and activations are not counted."
)
_KEYS = ("macs_per_step", "macs", "weight_bytes", "state_bytes", "output_bytes")
_COLUMNS = (
    Column("name", "Layer"),
    Column("type", "Type"),
    Column("macs_per_step", "MACs per step", "count"),
    Column("macs", "MACs", "count"),
    Column("weight_bytes", "Weights", "bytes"),
    Column("state_bytes", "State", "bytes"),
    Column("output_bytes", "Outputs", "bytes"),
)


def cost(model: Model, dtype: str | None = None, batch: int = 1) -> Report:
    """Return what each layer and the whole model take, for `batch` sequences.

    `dtype` answers for weights and activations stored in it; None: each weight's own, float32 for
    activations. A figure that depends on an open dimension is None.
    """
    item = ITEM_SIZE[dtype or "float32"]
    rows = [_row(layer, dtype, item, batch) for layer in model.rows]
    totals: dict[str, Dim] = {key: _sum(row[key] for row in rows) for key in _KEYS}
    totals["macs_per_step"] = _sum((row["macs_per_step"] for row in rows), skip=True)
    totals["peak_sequence_bytes"] = _times(_peak(model, streaming=False), item * batch)
    totals["peak_streaming_bytes"] = _times(_peak(model, streaming=True), item * batch)
    table = Table(
        _COLUMNS,
        tuple(tuple(row[column.key] for column in _COLUMNS) for row in rows),
        totals=(
            ("MACs per step", "count", totals["macs_per_step"]),
            ("MACs", "count", totals["macs"]),
            ("Weights", "bytes", totals["weight_bytes"]),
            ("State", "bytes", totals["state_bytes"]),
            ("Live activations, whole sequences, at least", "bytes", totals["peak_sequence_bytes"]),
            ("Live activations, step by step, at least", "bytes", totals["peak_streaming_bytes"]),
        ),
    )
    data = {"dtype": dtype, "batch_size": batch, "layers": rows, "totals": totals}
    open_sizes = any(row["macs"] is None for row in rows)
    notes = (DEFINITION, "--steps fills in the length that the model leaves open.")
    return Report("cost", data, (table,), notes=notes if open_sizes else notes[:1])


def _row(layer: Layer, dtype: str | None, item: int, batch: int) -> dict[str, Any]:
    per_step, macs = macs_of(layer)
    weights = layer.params * item if dtype else layer.bytes
    return {
        "name": layer.name,
        "type": layer.type,
        "macs_per_step": _times(per_step, batch),
        "macs": _times(macs, batch),
        "weight_bytes": weights if layer.built else None,
        "state_bytes": _state_size(layer) * item * batch,
        "output_bytes": _times(_size(layer.output_shapes or (None,)), item * batch),
    }


def macs_of(layer: Layer) -> tuple[Dim, Dim]:
    """Return a layer's MACs per step and per sequence, over all its calls.

    The first is None for a layer that does not work step by step.
    """
    if layer.model is not None:
        parts = [macs_of(each) for each in layer.model.layers]
        total = _times(_sum(macs for _, macs in parts), len(layer.calls))
        return _sum((per_step for per_step, _ in parts), skip=True), total
    if layer.kind is None:
        return None, (0 if not layer.weights else None)
    pairs = [(call.input_shapes, call.output_shapes) for call in layer.calls]
    known = [(ins, outs) for ins, outs in pairs if ins is not None and outs is not None]
    if layer.kind == "InputLayer" or not known:
        return None, 0 if layer.kind == "InputLayer" else None
    count = kind(layer.kind).macs
    macs = _sum(count(layer.config, ins, outs) for ins, outs in known)
    per_step = None
    if _steps_through(layer):
        ones = [(_one_step(ins), _one_step(outs)) for ins, outs in known]
        per_step = _sum(count(layer.config, ins, outs) for ins, outs in ones)
    return per_step, macs


def _steps_through(layer: Layer) -> bool:
    """Whether the layer does the same work at each step of a sequence."""
    if cell_uses(layer):
        return True
    shapes = layer.calls[0].input_shapes
    sequence = bool(shapes) and len(shapes[0]) >= 3 if shapes else False
    return sequence and layer.kind in ("Dense", "TimeDistributed", "TimeDistributedDense")


def _one_step(shapes: Shapes) -> Shapes:
    return tuple((shape[0], 1, *shape[2:]) if len(shape) >= 3 else shape for shape in shapes)


def _state_size(layer: Layer) -> int:
    """Return the scalars that a layer carries from step to step, for one sequence."""
    if layer.model is not None:
        return sum(_state_size(each) for each in layer.model.layers)
    return sum(len(use.cell.states) * use.units for use in cell_uses(layer))


def _size(shapes: tuple[Shape | None, ...]) -> Dim:
    """Return the scalars of one sample of these shapes."""
    return _sum(None if shape is None else product(shape[1:]) for shape in shapes)


def _peak(model: Model, streaming: bool) -> Dim:
    """Return the most scalars alive at once for one sample, each layer's outputs kept until used.

    Streaming keeps one step of each sequence, and every layer's state.
    """
    last: dict[Ref, int] = {}
    calls = [(layer, index, layer.calls[index]) for layer, index in in_order(model.layers)]
    for position, (_, _, call) in enumerate(calls):
        last |= dict.fromkeys(call.tensors(), position)
    last |= dict.fromkeys(model.outputs, len(calls))
    alive: dict[Ref, int] = {}
    peak = 0
    for position, (layer, index, call) in enumerate(calls):
        for tensor, shape in enumerate(call.output_shapes or (None,)):
            size = None if shape is None else _size(_one_step((shape,)) if streaming else (shape,))
            if size is None:
                return None
            alive[Ref(layer.name, index, tensor)] = size
        peak = max(peak, sum(alive.values()))
        alive = {ref: size for ref, size in alive.items() if last.get(ref, -1) > position}
    return peak + (sum(map(_state_size, model.layers)) if streaming else 0)


def _times(count: Dim, factor: int) -> Dim:
    return None if count is None else count * factor


def _sum(counts: Iterable[Dim], skip: bool = False) -> Dim:
    """Return the sum; None if a part is unknown, unless those are to be skipped."""
    parts = list(counts)
    known = [part for part in parts if part is not None]
    return sum(known) if skip or len(known) == len(parts) else None
