"""How many parameters, and why: a row per weight with its formula in words."""

from collections.abc import Iterator

from rnncli.cells import GRU_RESET_BEFORE
from rnncli.layers import cells_of, structure_of
from rnncli.layers.rnn.structure import CellNode, walk
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
    nodes = cells_of(layer)
    if layout is LAYOUTS[layer.dialect] or not nodes or any(node.projected for node in nodes):
        return _distinct_names(_with_formulas(layer, nodes, _own_weights(layer)))
    found: list[Weight] = []
    for node, suffix in zip(nodes, _suffixes(layer), strict=True):
        path = suffix if layout.suffixed else node.path.lstrip("_") * (len(nodes) > 1)
        found += [
            weight._replace(name=layout.path(path, weight.name))
            for weight in cell_weights(layout, node)
        ]
    return tuple(found)


def _with_formulas(
    layer: Layer, nodes: tuple[CellNode, ...], weights: tuple[Weight, ...]
) -> tuple[Weight, ...]:
    """Return the weights with the formulas of an ONNX node's, which its file does not say."""
    if layer.dialect != "onnx" or not nodes:
        return weights
    ways = f"{len(nodes)} × " if len(nodes) > 1 else ""
    known = {(each.name, len(nodes) * each.params): f"{ways}{each.formula}"
             for each in cell_weights(_counted(layer, LAYOUTS["onnx"]), nodes[0])}  # fmt: skip
    return tuple(
        weight._replace(formula=known.get((weight.name, weight.params), "")) for weight in weights
    )


def _counted(layer: Layer, layout: Layout) -> Layout:
    """Return a layout with one bias per unit and gate where an ONNX file's others are zeros."""
    rows = (each.stored.layout for each in layer.weights or () if each.stored is not None)
    return layout._replace(bias_rows=1) if layout.key == "onnx" and "onnx_row" in rows else layout


def _own_weights(layer: Layer) -> tuple[Weight, ...]:
    """Return a layer's weights; those of a nested model under the names of the layers inside."""
    if layer.model is None:
        return layer.weights or ()
    return tuple(
        weight._replace(name=f"{inner.name}/{weight.name}")
        for inner in layer.model.layers
        for weight in _distinct_names(_own_weights(inner))
    )


def _suffixes(layer: Layer) -> Iterator[str]:
    """Yield PyTorch's suffix of each cell: `_l1` for the second layer, `_reverse` for backward."""
    structure = structure_of(layer)
    for part, end in zip(structure.directions if structure else (), ("", "_reverse"), strict=False):
        for level, (node, _) in enumerate(walk(part)):
            yield node.path if node.layout == "torch" else f"_l{level}{end}"


def _distinct_names(weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    """Return the weights under their paths where the bare names would be ambiguous."""
    if len({weight.name for weight in weights}) == len(weights):
        return weights
    return tuple(weight._replace(name=weight.key) for weight in weights)


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
    nodes = cells_of(layer)
    if nodes:
        stored = _counted(layer, layout)
        words = list(dict.fromkeys(cell_formula(node, stored) for node in nodes))
        if len(words) == 1:
            return words[0] if len(nodes) == 1 else f"{len(nodes)} × {words[0]}"
        return " + ".join(words)
    return " + ".join(weight.formula for weight in weights if weight.formula)


def cell_formula(node: CellNode, layout: Layout, numbers: bool = False) -> str:
    """Return `4 × units × (inputs + units + 1)`: what each unit of each gate has, by the gates."""
    sizes = {"inputs": node.inputs, "units": node.outputs, "each": 1}
    words = {"inputs": "inputs", "units": "outputs" if node.projected else "units", "each": "1"}
    units = str(node.units) if numbers else "units"
    by_gates: dict[int, list[str]] = {}
    for term in node.cell.weights:
        size = str(sizes[term.reads]) if numbers else words[term.reads]
        by_gates.setdefault(len(term.gates), []).append(size)
    if node.bias_rows and (rows := layout.rows(node.cell)):
        by_gates.setdefault(len(node.cell.gates), []).append(str(rows))
    groups = [_group(count, units, found) for count, found in by_gates.items()]
    if node.projected:
        groups.append(f"{node.outputs} × {units}" if numbers else "outputs × units")
    return " + ".join(groups)


def _group(gates: int, units: str, sizes: list[str]) -> str:
    inner = f"({' + '.join(sizes)})" if len(sizes) > 1 else sizes[0]
    return " × ".join([str(gates)] * (gates > 1) + [units] + [inner] * (inner != "1"))


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
        nodes = cells_of(layer)
        if len(nodes) == 1:
            stored = _counted(layer, layout)
            words, numbers = (cell_formula(nodes[0], stored, each) for each in (False, True))
            own = (weight for weight in weights_in(layer, layout) if weight.formula)
            count = sum(weight.params for weight in own)
            yield f"{layer.name}: {words} = {numbers} = {count:,}"
    if layout is LAYOUTS["tflite"]:
        yield "The converter to TensorFlow Lite leaves out biases that are zero."
        return
    keras = sum(w.params for each in layers for w in weights_in(each, LAYOUTS["keras"]))
    if total != keras:
        yield (
            f"{layout.framework} keeps {layout.bias_rows} bias values per unit and gate, one for "
            f"the input and one for the state; Keras counts {keras:,} for the same layers."
        )
    elif layout is not LAYOUTS["keras"]:
        yield f"{layout.framework} stores as many values as Keras for these layers."
    cells = [node.cell for layer in layers for node in cells_of(layer)]
    if layout is LAYOUTS["torch"] and GRU_RESET_BEFORE in cells:
        yield "PyTorch's GRU resets after the product; it has no form of reset_after=False."
    foreign = (cell.name for cell in cells if layout.key not in ("keras", *cell.forms))
    for name in dict.fromkeys(foreign):
        yield f"{layout.framework} has no {name}: its gates stand in Keras's order."
