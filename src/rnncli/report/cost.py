"""What a model takes: multiply-accumulates, and bytes of weights, states and outputs."""

from collections.abc import Iterator
from typing import Any

from rnncli.graph.sizes import sized
from rnncli.layers.onnx import open_axes, stated_batch
from rnncli.model import Layer, Model
from rnncli.report import Column, Report, Table, Total, glossary
from rnncli.report.device import NOTHING, Asked, figures
from rnncli.report.device import notes as device_notes
from rnncli.report.macs import macs_of, times, total
from rnncli.report.memory import output_bytes, peak_bytes, state_bytes
from rnncli.shapes import Dim
from rnncli.storage import ITEM_SIZE

DEFINITION = (
    "A MAC is one multiply-accumulate of a matrix product or convolution; FLOPs = 2 × MACs. "
    "Biases, gates and activations are not counted."
)
LEAST = (
    "Live activations are a lower bound: layers' inputs and outputs, each kept until its last use, "
    "without states and what a layer needs in between."
)
UNCONNECTED = (
    "The file does not say how its modules are connected: each is counted once at every step, and "
    "what is alive at once is not known."
)
_KEYS = ("macs_per_step", "macs", "weight_bytes", "state_bytes", "output_bytes")
_COLUMNS = (
    Column("name", "Layer"),
    Column("type", "Type", rank=5),
    Column("macs_per_step", "MACs per step", "count", rank=2),
    Column("macs", "MACs", "count"),
    Column("weight_bytes", "Weights", "bytes", rank=1),
    Column("state_bytes", "State", "bytes", rank=4),
    Column("output_bytes", "Outputs", "bytes", rank=3),
)


def cost(
    model: Model,
    dtype: str | None = None,
    batch: int | None = None,
    steps: int | None = None,
    asked: Asked = NOTHING,
) -> Report:
    """Return what each layer and the whole model take.

    `batch` and `steps` fill in what the model leaves open (batch: 1). `dtype` answers for weights
    and activations stored in it; None: each in its own. A figure that depends on an open dimension
    is None. `asked` adds seconds on a device and what training takes.
    """
    # Weights are counted in the model as it was read: the one of other sizes forgets their dtypes.
    graph = model.resized is not None  # it has the batch in its shapes
    batch = fixed_batch(model) or batch or 1
    filled = sized(model, batch=batch if graph else None, steps=steps)
    each = 1 if graph else batch
    own = {layer.name: layer for layer in model.layers}
    rows = [_row(layer, own[layer.name], dtype, each) for layer in filled.rows]
    totals = _totals(rows)
    totals["peak_sequence_bytes"] = times(peak_bytes(filled, dtype, streaming=False), each)
    totals["peak_streaming_bytes"] = times(peak_bytes(filled, dtype, streaming=True), each)
    by_dtype = _by_dtype(model, dtype)
    partly = {key: _known(rows, key, own) for key in _KEYS if totals[key] is None}
    if model.gaps and not model.unknown:
        partly["weight_bytes"] = (totals["weight_bytes"], 0)
    complete = model.complete and None not in (totals[key] for key in _KEYS[1:])
    more = tuple(figures(model, totals, asked, dtype))
    table = Table(
        _COLUMNS,
        tuple(tuple(row[column.key] for column in _COLUMNS) for row in rows),
        totals=(
            *_lines(totals, by_dtype, partly, model.type == "Modules"),
            *(Total(*figure[1:]) for figure in more),
        ),
    )
    data = {"dtype": dtype, "batch_size": batch, "layers": rows,
            "totals": {**totals, **{figure.key: figure.value for figure in more},
                       "complete": complete},
            "weight_bytes_by_dtype": by_dtype}  # fmt: skip
    notes = (*_notes(rows, filled), *device_notes(asked, dtype))
    return Report("cost", data, (table,), notes=notes)


def fixed_batch(model: Model) -> Dim:
    """Return the batch size that the model's inputs state, None if they leave it open."""
    if model.resized is not None:
        return stated_batch(model)
    shapes = (model.shape(ref) for ref in model.inputs)
    return next((shape[0] for shape in shapes if shape and shape[0] is not None), None)


def _row(layer: Layer, own: Layer, dtype: str | None, batch: int) -> dict[str, Any]:
    per_step, macs = macs_of(layer)
    weights = own.params * ITEM_SIZE[dtype] if dtype else own.bytes
    return {
        "name": layer.name,
        "type": layer.type,
        "macs_per_step": times(per_step, batch),
        "macs": times(macs, batch),
        "weight_bytes": weights if own.built else None,
        "state_bytes": times(state_bytes(layer, dtype), batch),
        "output_bytes": times(output_bytes(layer, dtype), batch),
    }


def _totals(rows: list[dict[str, Any]]) -> dict[str, Dim]:
    """Return the sums of the columns; MACs per step are those of the layers that have steps."""
    totals = {key: total(row[key] for row in rows) for key in _KEYS}
    stepping = [row["macs_per_step"] for row in rows if not _at_once(row)]
    return totals | {"macs_per_step": total(stepping) if stepping else None}


def _known(rows: list[dict[str, Any]], key: str, own: dict[str, Layer]) -> tuple[Dim, int | None]:
    """Return the sum of a column without the layers that are unknown, and their number.

    Those are layers whose weights are not known, and modules of files that do not say how they are
    called. The sum is None where more than those is unknown.
    """
    unknown = [row for row in rows if row[key] is None]
    if not all(_is_open(own[row["name"]]) for row in unknown):
        return None, None
    return sum(row[key] for row in rows if row[key] is not None), len(unknown)


def _is_open(layer: Layer) -> bool:
    """Whether what a layer takes cannot be known: its weights are not, or how it is called."""
    return not layer.built or (layer.kind is None and layer.dialect == "torch")


def _at_once(row: dict[str, Any]) -> bool:
    """Whether a layer is known not to work step by step."""
    return row["macs_per_step"] is None and row["macs"] is not None


def _by_dtype(model: Model, dtype: str | None) -> dict[str, int]:
    """Return the bytes of the weights that are known, by what they are stored in."""
    found: dict[str, int] = {}
    for layer in model.layers:
        for weight in layer.all_weights():
            name = dtype or weight.dtype
            size = weight.params * ITEM_SIZE[dtype] if dtype else weight.bytes
            found[name] = found.get(name, 0) + size
    return found


def _lines(
    totals: dict[str, Dim],
    by_dtype: dict[str, int],
    partly: dict[str, tuple[Dim, int | None]],
    unconnected: bool,
) -> Iterator[Total]:
    """Yield the totals; `partly` has lower bounds, and what they lack, for those not known."""

    def line(label: str, kind: str, key: str) -> Total:
        return Total(label, kind, *partly.get(key, (totals[key], None)))

    yield line("MACs per step", "count", "macs_per_step")
    yield line("MACs", "count", "macs")
    if len(by_dtype) == 1:
        yield line(f"Weights in {next(iter(by_dtype))}", "bytes", "weight_bytes")
    else:
        yield line("Weights", "bytes", "weight_bytes")
        for name, size in by_dtype.items():
            yield Total(f"Weights in {name}", "bytes", size)
    yield line("State", "bytes", "state_bytes")
    yield line("Outputs", "bytes", "output_bytes")
    if totals["peak_sequence_bytes"] is None and unconnected:
        return
    yield Total(
        "Live activations, whole sequences, at least", "bytes", totals["peak_sequence_bytes"]
    )
    yield Total("Live activations, step by step, at least", "bytes", totals["peak_streaming_bytes"])


def _notes(rows: list[dict[str, Any]], model: Model) -> Iterator[str]:
    yield DEFINITION
    if model.type == "Modules":
        yield UNCONNECTED
    else:
        yield LEAST
    yield glossary("MAC", "state", "step by step")
    if any(map(_at_once, rows)):
        yield "A ? per step is a layer that does not work step by step; the total leaves it out."
    if any(row["macs"] is None and row["macs_per_step"] is not None for row in rows):
        yield "--steps fills in the length that the model leaves open."
    left = open_axes(model)
    if left and any(row["macs"] is None or row["output_bytes"] is None for row in rows):
        yield f"Axes that are open: {', '.join(left)}; --steps or --dim {left[0]}=N fills them."
    if any(row["type"] == "If" for row in rows):
        yield "An If runs one of its branches; all of them are counted."
