"""How many parameters, and why: a row per weight with its formula in words."""

from collections.abc import Iterator

from rnncli.layers.rnn.uses import CellUse, cell_uses
from rnncli.layers.rnn.weight_layouts import LAYOUTS, Layout, cell_weights
from rnncli.model import Layer, Weight, unknown_in
from rnncli.report import Column, Report, Table, Total

_COLUMNS = (
    Column("layer", "Layer (type)", "group"),
    Column("weight", "Weight"),
    Column("shape", "Shape", "shape", rank=1),
    Column("formula", "Formula", rank=2),
    Column("params", "Param #", "count"),
)
_UNKNOWN = (None, None, None, None)  # a row of what is left out


def params(
    layers: tuple[Layer, ...], convention: str = "keras", gates: bool = False, gaps: bool = False
) -> Report:
    """Return the weights of each layer in a framework's convention, split per gate with `gates`.

    `gaps` says that the file holds more than its layers, as warnings tell.
    """
    layout = LAYOUTS[convention]
    entries, rows = [], []
    for layer in layers:
        weights = weights_in(layer, layout)
        entries.append(_entry(layer, layout, weights))
        rows += [(f"{layer.name} ({layer.type})", *row) for row in _rows(weights, layout, gates)]
        if not layer.built:
            rows.append((f"{layer.name} ({layer.type})", *_UNKNOWN))
    total = sum(weight.params for layer in layers for weight in weights_in(layer, layout))
    unknown = unknown_in(layers)
    complete = not unknown and not gaps
    totals = {"params": total, "complete": complete}
    data = {"convention": convention, "layers": entries, "totals": totals}
    shown = Total("Total params", "count", total, None if complete else unknown)
    table = Table(_COLUMNS, tuple(rows), totals=(shown,))
    return Report("params", data, (table,), notes=tuple(_notes(layers, layout, total)))


def weights_in(layer: Layer, layout: Layout) -> tuple[Weight, ...]:
    """Return a layer's weights as `layout` stores them; only cells are stored differently."""
    uses = cell_uses(layer)
    if layout is LAYOUTS[layer.dialect] or not uses or layer.config.get("proj_size"):
        return _distinct_names(_own_weights(layer))
    found: list[Weight] = []
    for index, use in enumerate(uses):
        suffix = _suffix(layer, index) if layout is LAYOUTS["torch"] else ""
        prefix = f"{use.path.lstrip('_')}/" if len(uses) > 1 and not suffix else ""
        found += [
            weight._replace(name=f"{prefix}{weight.name}{suffix}")
            for weight in cell_weights(layout, use.cell, use.inputs, use.units, use.use_bias)
        ]
    return tuple(found)


def _own_weights(layer: Layer) -> tuple[Weight, ...]:
    """Return a layer's weights; those of a nested model under the names of the layers inside."""
    if layer.model is None:
        return layer.weights or ()
    return tuple(
        weight._replace(name=f"{inner.name}/{weight.name}")
        for inner in layer.model.layers
        for weight in _distinct_names(_own_weights(inner))
    )


def _suffix(layer: Layer, index: int) -> str:
    """Return PyTorch's suffix of the cell: `_l1` for the second layer, `_reverse` for backward."""
    if layer.dialect == "torch":
        return cell_uses(layer)[index].path
    if layer.kind == "Bidirectional":
        return "_l0_reverse" if index else "_l0"
    return f"_l{index}"


def _distinct_names(weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    """Return the weights under their paths where the bare names would be ambiguous."""
    if len({weight.name for weight in weights}) == len(weights):
        return weights
    return tuple(weight._replace(name=weight.path or weight.name) for weight in weights)


def _entry(layer: Layer, layout: Layout, weights: tuple[Weight, ...]) -> dict[str, object]:
    return {
        "name": layer.name,
        "type": layer.type,
        "formula": formula(layer, layout, weights),
        "params": sum(weight.params for weight in weights) if layer.built else None,
        "weights": [
            {
                "name": weight.name,
                "shape": weight.shape,
                "params": weight.params,
                "gates": {gate: weight.params // len(weight.gates) for gate in weight.gates},
            }
            for weight in weights
        ],
    }


def formula(layer: Layer, layout: Layout, weights: tuple[Weight, ...]) -> str:
    """Return the layer's formula in words: `units × (inputs + units + 1)`."""
    uses = cell_uses(layer)
    if uses:
        words = list(dict.fromkeys(_cell_formula(use, layout) for use in uses))
        if len(words) == 1:
            return words[0] if len(uses) == 1 else f"{len(uses)} × {words[0]}"
        return " + ".join(words)
    return " + ".join(weight.formula for weight in weights if weight.formula)


def _cell_formula(use: CellUse, layout: Layout, numbers: bool = False) -> str:
    gates = len(use.cell.gates)
    terms = layout.rows(use.cell) if use.use_bias else 0
    units, inputs = (str(use.units), str(use.inputs)) if numbers else ("units", "inputs")
    inner = f"{inputs} + {units} + {terms}" if terms else f"{inputs} + {units}"
    return f"{f'{gates} × ' if gates > 1 else ''}{units} × ({inner})"


def _rows(weights: tuple[Weight, ...], layout: Layout, gates: bool) -> Iterator[tuple[object, ...]]:
    for weight in weights:
        if not gates or len(weight.gates) < 2:
            yield weight.name, weight.shape, weight.formula, weight.params
            continue
        count = len(weight.gates)
        one = weight.formula.replace(f"{count} × ", "", 1)
        for gate in weight.gates:
            yield f"{weight.name}[{gate}]", _gate_shape(weight, layout), one, weight.params // count


def _gate_shape(weight: Weight, layout: Layout) -> tuple[int, ...]:
    """Return the shape of one gate's share: the axis that holds the gates, divided."""
    shape = list(weight.shape)
    axis = -2 if layout.gates_first and len(shape) > 1 + layout.directions_axis else -1
    shape[axis] //= len(weight.gates)
    return tuple(shape)


def _notes(layers: tuple[Layer, ...], layout: Layout, total: int) -> Iterator[str]:
    for layer in layers:
        uses = cell_uses(layer)
        if len(uses) == 1:
            words, numbers = (_cell_formula(uses[0], layout, each) for each in (False, True))
            count = sum(weight.params for weight in weights_in(layer, layout))
            yield f"{layer.name}: {words} = {numbers} = {count:,}"
    keras = sum(w.params for each in layers for w in weights_in(each, LAYOUTS["keras"]))
    if total != keras:
        yield (
            f"{layout.framework} keeps {layout.bias_rows} bias values per unit and gate, one for "
            f"the input and one for the state; Keras counts {keras:,} for the same layers."
        )
    elif layout is not LAYOUTS["keras"]:
        yield f"{layout.framework} stores as many values as Keras for these layers."
    forms = {
        use.cell.bias_rows for each in layers for use in cell_uses(each) if use.cell.name == "GRU"
    }
    if layout is LAYOUTS["torch"] and 1 in forms:
        yield "PyTorch's GRU resets after the product; it has no form of reset_after=False."
