"""What is in a model: a row per layer and the totals."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rnncli.cells import snake_case
from rnncli.graph.order import Node, is_chain, keras_depths
from rnncli.layers import cells_of
from rnncli.model import Layer, Model, Ref, Weight
from rnncli.report import UNBUILT, Column, Report, Table, Total

_COLUMNS = (
    Column("name", "Layer"),
    Column("type", "Type", rank=2),
    Column("output_shapes", "Output Shape", "shapes", rank=1),
    Column("params", "Param #", "count"),
)
_CONNECTED = Column("connected_to", "Connected to", "names", rank=5)
_TRAINABLE = Column("trainable", "Trainable", "flag", rank=4)
_RECURRENT = ("num_layers", "bidirectional", "proj_size")
_USUAL = {"num_layers": 1}  # what is not told of a row: one layer
_DEPTH = Column("depth", "Depth", "count", rank=3)


def summarize(
    model: Model,
    *,
    expand_nested: bool = False,
    show_trainable: bool = False,
    optimizer: bool = False,
) -> Report:
    """Return the layers in Keras's order, with connections unless the model is a chain.

    `params` and its parts are None where they are unknown: of a layer that rnncli does not know,
    and of one whose input is not known yet, which has `"unbuilt": true`. With `expand_nested`
    the layers of a nested model follow its row; they have a `depth` of 1 or more, and their
    connections are those inside it. With `show_trainable` each row has `trainable`, None for a
    layer without weights. With `optimizer` the optimizer's variables are counted, as Keras does.
    """
    depths = keras_depths(model)
    chain = model.type == "Sequential" or is_chain(model, depths)
    rows = list(_rows(model, depths.nodes, 0, expand_nested, show_trainable))
    extra = ((_CONNECTED, not chain), (_TRAINABLE, show_trainable), (_DEPTH, expand_nested))
    columns = (*_COLUMNS, *(column for column, shown in extra if shown))
    cells = tuple(tuple(_cell(row, column.key) for column in columns) for row in rows)
    title = f'Model: "{model.name}"'
    source = model.source
    data = {
        "model": model.name,
        "source": {"kind": source.kind, "path": source.path, "format": source.format,
                   "written_by": source.written_by, **source.details},
        "layers": rows,
        "totals": {
            "params": model.params,
            "trainable": model.trainable_params,
            "non_trainable": model.params - model.trainable_params,
            "optimizer": None if model.optimizer is None else _size(model.optimizer)[0],
            "bytes": model.bytes,
            **({"buffers": _size(model.buffers)[0]} if model.buffers else {}),
            **({"constants": _size(model.constants)[0]} if model.type == "ONNX" else {}),
            "complete": model.complete,
        },
    }  # fmt: skip
    table = Table(columns, cells, title, _totals(model, optimizer), style="keras")
    return Report("summary", data, (table,))


def _rows(
    model: Model,
    nodes: dict[Node, int],
    depth: int,
    expand_nested: bool,
    show_trainable: bool,
) -> Iterator[dict[str, Any]]:
    for layer in model.rows:
        if depth and _is_operation(layer):
            continue
        yield {
            "name": layer.name,
            "type": layer.type,
            "output_shapes": layer.output_shapes,
            "params": layer.params if layer.built else None,
            "trainable_params": layer.trainable_params if layer.built else None,
            "non_trainable_params": layer.params - layer.trainable_params if layer.built else None,
            "bytes": layer.bytes if layer.built else None,
            "connected_to": _connections(layer, nodes),
            **({"trainable": _trainable(layer)} if show_trainable else {}),
            **({"depth": depth} if depth else {}),
            **({"inferred": True} if layer.inferred else {}),
            **({"unbuilt": True} if _unbuilt(layer) else {}),
            **_recurrent(layer),
        }
        if expand_nested and layer.model is not None and layer.kind is None:  # no wrapper's
            inner = keras_depths(layer.model).nodes
            yield from _rows(layer.model, inner, depth + 1, expand_nested, show_trainable)


def _recurrent(layer: Layer) -> dict[str, Any]:
    """Return what PyTorch's recurrent modules say of how they are stacked."""
    if layer.dialect != "torch" or not cells_of(layer):
        return {}
    return {name: layer.config[name] for name in _RECURRENT if name in layer.config}


def _is_operation(layer: Layer) -> bool:
    """Whether it is a bare operation such as `NotEqual`; a nested model does not list those."""
    bare = layer.kind is None or layer.kind.startswith("keras.")
    return bare and layer.model is None and "trainable" not in layer.config


def _unbuilt(layer: Layer) -> bool:
    known = layer.kind is not None or layer.model is not None
    return known and not layer.calls and not layer.built


def _connections(layer: Layer, nodes: Mapping[Node, int]) -> list[str]:
    return [
        f"{ref.layer}[{ref.call}][{ref.tensor}]"
        for index, call in enumerate(layer.calls)
        if (layer.name, index) in nodes
        for ref in call.tensors()
    ]


def _trainable(layer: Layer) -> bool | None:
    """Return the layer's own setting, which Keras does not restore for a Sequential."""
    if not layer.all_weights():
        return None
    sequential = layer.model is not None and layer.model.type == "Sequential"
    return sequential or bool(layer.config.get("trainable", True))


def _cell(row: dict[str, Any], key: str) -> Any:
    if key == "depth":
        return row.get("depth", 0)
    if key == "params" and row.get("unbuilt"):
        return UNBUILT
    if key == "type":
        told = [
            f"{name}={row[name]}" for name in _RECURRENT if row.get(name, 0) > _USUAL.get(name, 0)
        ]
        return ", ".join((row["type"], *told))
    return tuple(row[key]) if key == "connected_to" else row[key]


def _size(weights: Iterable[Weight]) -> tuple[int, int]:
    """Return how many scalars and how many bytes the weights are."""
    found = list(weights)
    return sum(weight.params for weight in found), sum(weight.bytes for weight in found)


def _totals(model: Model, optimizer: bool) -> tuple[Total, ...]:
    """Return Keras's lines below the table, of `(count, bytes)`."""
    weights = [weight for layer in model.layers for weight in layer.all_weights()]
    counted = [*weights, *(model.optimizer or ())] if optimizer else weights
    unknown = _unknown(model)
    lacks = unknown if unknown or model.gaps else None
    lines = [
        Total("Total params", "memory", _size(counted), lacks),
        Total("Trainable params", "memory", _size(w for w in weights if w.trainable), lacks),
        Total(
            "Non-trainable params", "memory", _size(w for w in weights if not w.trainable), lacks
        ),
    ]
    if optimizer and model.optimizer is not None:
        lines.append(Total("Optimizer params", "memory", _size(model.optimizer)))
    if model.buffers:
        lines.append(Total("Buffers, not counted", "memory", _size(model.buffers)))
    if model.constants:
        lines.append(Total("Constants, not counted", "memory", _size(model.constants)))
    return tuple(lines)


def _unknown(model: Model) -> int:
    """Return how many layers are not in the totals; Keras counts unbuilt ones as 0, as it says."""
    return sum(
        _unknown(layer.model)
        if layer.model is not None
        else not layer.built and not _unbuilt(layer)
        for layer in model.layers
    )


def classic_names(model: Model) -> Model:
    """Return a model from flags or expressions with Keras 2's names, which count from 1."""
    if model.source.kind == "file":
        return model
    names = {layer.name: _counted_from_one(layer.name, layer.type) for layer in model.layers}

    def renamed(refs: Iterable[Ref]) -> tuple[Ref, ...]:
        return tuple(ref._replace(layer=names[ref.layer]) for ref in refs)

    layers = tuple(
        layer._replace(name=names[layer.name],
                calls=tuple(call._replace(inputs=renamed(call.inputs)) for call in layer.calls))
        for layer in model.layers
    )  # fmt: skip
    return model._replace(
        name=_counted_from_one(model.name, model.type),
        layers=layers,
        inputs=renamed(model.inputs),
        outputs=renamed(model.outputs),
    )


def _counted_from_one(name: str, class_name: str) -> str:
    """Return `lstm_1` for `lstm` and `lstm_2` for `lstm_1`; a name of the user's own stays."""
    base = snake_case(class_name)
    if name == base:
        return f"{base}_1"
    stem, _, number = name.rpartition("_")
    return f"{base}_{int(number) + 1}" if stem == base and number.isdecimal() else name
