"""Tables about the cells of one layer: what each reads, what makes its count, one step of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rnncli.layers import cells_of, structure_of
from rnncli.layers.rnn.structure import CellNode, Chain, Pair, walk
from rnncli.layers.rnn.weight_layouts import LAYOUTS
from rnncli.model import Layer
from rnncli.notation import PROJECTION, Notation
from rnncli.report import Column, Table, Total
from rnncli.report.params import cell_formula

TRACED = 8  # units whose values are printed

_CELLS = (Column("cell", "Cell"), Column("reads", "Reads", rank=1),
          Column("direction", "Direction", rank=2), Column("inputs", "Inputs", "count"),
          Column("units", "Units", "count"))  # fmt: skip
_PRODUCTS = (Column("symbols", "Weights"), Column("product", "Product"),
             Column("params", "Param #", "count"))  # fmt: skip
_BOTH = ("from the first step", "from the last step")


class Traced(NamedTuple):
    """One step of a cell: its input, the states before, the gates, the states after, by name."""

    x: Sequence[float]
    before: Mapping[str, Sequence[float]]
    gates: Mapping[str, Sequence[float]]
    after: Mapping[str, Sequence[float]]
    reverse: bool
    weights: str


def cells(layer: Layer) -> Table:
    """Return the cells of a layer of several, with what each of them reads."""
    structure = structure_of(layer)
    assert structure is not None
    part = structure.part
    levels = part.parts if isinstance(part, Chain) else (part,)
    rows: list[tuple[Any, ...]] = []
    before = "x"
    for level in levels:
        found = list(walk(level))
        names = [_name(node, len(rows) + index) for index, (node, _) in enumerate(found)]
        beside = isinstance(level, Pair)
        for index, ((node, reverse), name) in enumerate(zip(found, names, strict=True)):
            chained = not beside and index
            reads = names[index - 1] if chained else before
            rows.append((name, reads, _BOTH[reverse], node.inputs, node.units))
        before = " and ".join(names) if beside else names[-1]
    return Table(_CELLS, tuple(rows))


def _name(node: CellNode, index: int) -> str:
    return "/".join(filter(None, (node.direction, node.label))) or f"cell {index + 1}"


def products(layer: Layer, node: CellNode, style: Notation) -> Table:
    """Return a row per kind of weight: what its sizes multiply to, and the layer's count."""
    cell, units = node.cell, node.units
    rows: list[tuple[str, str, int]] = []
    for term in cell.weights:
        gates = [gate for gate in cell.order(style.framework) if gate in term.gates]
        names = ", ".join(style.weights(term.letter, gate) for gate in gates)
        size = {"inputs": node.inputs, "units": node.outputs, "each": 1}[term.reads]
        rows.append((names, *_product(len(gates), size, units)))
    for row in range(node.bias_rows):
        names = ", ".join(style.bias(row, gate) for gate in cell.order(style.framework))
        rows.append((names, *_product(len(cell.gates), 1, units)))
    if node.projected:
        rows.append((PROJECTION, *_product(1, units, node.outputs)))
    count = len(cells_of(layer))
    label = "Params of all cells" if count > 1 else "Params"
    totals = (Total("Formula", "text", formula(layer, node)),
              Total(label, "count", layer.params))  # fmt: skip
    return Table(_PRODUCTS, tuple(rows), totals=totals)


def _product(gates: int, rows: int, columns: int) -> tuple[str, int]:
    sizes = [size for size in (gates, rows) if size > 1] + [columns]
    return " × ".join(map(str, sizes)), gates * rows * columns


def formula(layer: Layer, node: CellNode) -> str:
    """Return `4 × units × (inputs + units + 1) = 4 × 64 × (32 + 64 + 1) = 24,832`, of one cell."""
    layout = LAYOUTS[layer.dialect]
    words, numbers = (cell_formula(node, layout, each) for each in (False, True))
    count = node.bias_rows * len(node.cell.gates) * node.units + node.macs_per_step
    count += sum(len(term.gates) * node.units for term in node.cell.weights if term.reads == "each")
    return f"{words} = {numbers} = {count:,}"


def step(traced: Traced, style: Notation) -> Table:
    """Return a row per unit of one step: its gates, then its states."""
    order = [gate for gate in style.cell.order(style.framework) if gate in traced.gates]
    gates = {f"{style.gate(gate)}_1": traced.gates[gate] for gate in order}
    states = {f"{state}_1": values for state, values in traced.after.items()}
    shown = gates | states if len(gates) > 1 else states
    columns = (Column("unit", "Unit"), *(Column(key, key, "number") for key in shown))
    units = min(TRACED, *map(len, shown.values()))
    rows = tuple(
        (f"unit {unit + 1}", *(values[unit] for values in shown.values())) for unit in range(units)
    )
    features = ", ".join(f"{value:.4g}" for value in traced.x[:TRACED])
    more = ", …" if len(traced.x) > TRACED else ""
    start = ", ".join(f"{state}_0 = {_before(values)}" for state, values in traced.before.items())
    totals = [
        Total("Weights", "text", traced.weights),
        Total("x_1", "text", f"({features}{more})"),
        Total("Start", "text", start),
    ]
    if any(len(values) > units for values in shown.values()):
        size = max(map(len, shown.values()))
        totals.append(Total("Units", "text", f"the first {units} of {size:,}"))
    title = "Step 1, which reads the end of the sequence" if traced.reverse else "Step 1"
    return Table(columns, rows, title, tuple(totals))


def _before(values: Sequence[float]) -> str:
    if not any(values):
        return "0"
    shown = ", ".join(f"{value:.4g}" for value in values[:TRACED])
    return f"({shown}{', …' if len(values) > TRACED else ''})"
