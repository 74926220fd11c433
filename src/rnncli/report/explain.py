"""How a cell works: its equations, with the shape of every symbol in this layer."""

from collections.abc import Iterator, Sequence
from typing import Any

from rnncli.equations import Written, equations
from rnncli.errors import UsageError
from rnncli.layers import cells_of, structure_of
from rnncli.layers.onnx import batch_of
from rnncli.layers.rnn.structure import CellNode, Chain, Pair
from rnncli.model import Layer
from rnncli.notation import PROJECTION, Notation
from rnncli.report import Column, Report, Table, glossary
from rnncli.report.cell_tables import Traced, cells, formula, products, step
from rnncli.shapes import Dim, Shape

Row = tuple[str, str, Shape]


_SYMBOLS = (Column("symbol", "Symbol"), Column("meaning", "Meaning"),
            Column("shape", "Shape", "shape"))  # fmt: skip


def chosen(layers: Sequence[Layer]) -> tuple[Layer, list[Layer]]:
    """Return the layer to explain, the first recurrent one, and all recurrent ones.

    Raises: UsageError if there is none.
    """
    recurrent = [layer for layer in layers if cells_of(layer)]
    if not recurrent:
        raise UsageError(
            "there is no recurrent layer to explain", "rnncli summary lists the layers"
        )
    return recurrent[0], recurrent


def explain(
    layers: tuple[Layer, ...], numbers: bool = False, traced: Traced | None = None
) -> Report:
    """Return the equations of the first recurrent layer among `layers`.

    `numbers` adds the products that make its count, `traced` the values of a step.
    Raises: UsageError if there is none.
    """
    layer, recurrent = chosen(layers)
    nodes = cells_of(layer)
    node = nodes[0]
    written = _written(layer, node)
    shapes = layer.calls[0].input_shapes
    batch: Dim = shapes[0][0] if shapes else None
    if layer.dialect == "onnx":  # whose batch is the second axis
        batch = batch_of(layer)
    lines = written.text()
    rows = tuple(row for row in _symbols(node, batch, written.style)
                 if any(row[0] in line for line in lines))  # fmt: skip
    data: dict[str, Any] = {
        "cell": node.cell.name,
        "equations": list(lines),
        "symbols": [{"symbol": s, "meaning": m, "shape": shape} for s, m, shape in rows],
    }
    tables = [Table(_SYMBOLS, rows)]
    if len(nodes) > 1:
        tables.append(cells(layer))
        data["cells"] = _records(tables[-1])
    if numbers:
        tables.append(products(layer, node, written.style))
        data["weights"] = _records(tables[-1])
        data["params"], data["formula"] = layer.params, formula(layer, node)
    if traced is not None:
        tables.append(step(traced, written.style))
        data["trace"] = {key: value for key, value in traced._asdict().items() if key != "weights"}
    terms = ("gate", "candidate", "kernel") if node.cell.gated else ("kernel", "hidden state")
    notes = (*_notes(layer, written.style), *_others(layer, recurrent), glossary(*terms))
    return Report("explain", data, tuple(tables), lines, notes, math=written.latex())


def _written(layer: Layer, node: CellNode) -> Written:
    names = (node.activation, node.recurrent_activation, node.output_activation)
    inner, outer, last = (str(name or "linear") for name in names)
    return equations(
        node.cell, inner, outer, node.bias_rows, last, layer.dialect, projected=node.projected
    )


def _records(table: Table) -> list[dict[str, Any]]:
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]


def _symbols(node: CellNode, batch: Dim, style: Notation) -> Iterator[Row]:
    cell, units = node.cell, node.units
    yield "x_t", "input of step t", (batch, node.inputs)
    for state, size in zip(cell.states, node.state_sizes, strict=True):
        meaning = cell.meaning(state)
        yield f"{state}_t", meaning, (batch, size)
        yield f"{state}_{{t-1}}", f"{meaning.split(',')[0]} of the step before", (batch, size)
    if cell.gated:
        for gate in cell.order(style.framework):
            yield f"{style.gate(gate)}_t", cell.meaning(cell.symbol(gate)), (batch, units)
    for gate in cell.order(style.framework):
        yield from _weights(node, gate, style)
    if node.projected:
        yield PROJECTION, "projection of the hidden state", (node.outputs, units)


def _weights(node: CellNode, gate: str, style: Notation) -> Iterator[Row]:
    """Yield the weights and biases of a gate."""
    cell, units = node.cell, node.units
    of = f" of the {cell.meaning(cell.symbol(gate))}" if cell.gated else ""
    for term in cell.weights:
        if gate in term.gates:
            shape = term._replace(gates=(gate,)).shape(node.inputs, units, node.outputs)
            placed = style.shape(*shape) if len(shape) == 2 else shape
            yield style.weights(term.letter, gate), f"{term.meaning}{of}", placed
    for row in range(node.bias_rows):
        which = "bias" if node.bias_rows == 1 else ("input bias", "recurrent bias")[row]
        yield style.bias(row, gate), f"{which}{of}", (units,)


def _notes(layer: Layer, style: Notation) -> Iterator[str]:
    node = cells_of(layer)[0]
    if style.framework == "torch":
        names = ", ".join(f"{name}{node.path}" for name in _torch_names(node))
        order = ", ".join(style.gate(gate) for gate in node.cell.order("torch"))
        gates = f", in which the gates stand in the order {order}" if node.cell.gated else ""
        yield f"* multiplies element by element. The weights are rows of {names}{gates}."
    else:
        stored = "W, R and B" if layer.dialect == "onnx" else "kernel, recurrent_kernel and bias"
        yield ("* multiplies element by element, @ is the matrix product. "
               f"The weights are slices of the layer's {stored}.")  # fmt: skip
    structure = structure_of(layer)
    part = None if structure is None else structure.part
    levels = part.parts if isinstance(part, Chain) else (part,)
    pairs = [level for level in levels if isinstance(level, Pair)]
    if pairs:
        merge = {None: "of both are returned", "concat": "are concatenated"}.get(
            pairs[0].merge, f"are merged by {pairs[0].merge}"
        )
        yield (f"{layer.name} reads its input in both directions, side by side, "
               f"each with a cell of its own; the outputs {merge}.")  # fmt: skip
    if len(levels) > 1:
        yield f"{layer.name} has {len(levels)} layers: each reads the outputs of the one below."
    elif not pairs and len(cells_of(layer)) > 1:
        count = len(cells_of(layer))
        yield f"{layer.name} has {count} cells: each reads the state of the one below."


def _torch_names(node: CellNode) -> list[str]:
    biases = ["bias_ih", "bias_hh"] if node.bias_rows else []
    return ["weight_ih", "weight_hh", *biases]


def _others(layer: Layer, recurrent: list[Layer]) -> Iterator[str]:
    if len(recurrent) > 1:
        others = ", ".join(each.name for each in recurrent[:10])
        yield f"These are the equations of {layer.name}; --layer-name picks one of {others}."
