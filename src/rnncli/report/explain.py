"""How a cell works: its equations, with the shape of every symbol in this layer."""

from collections.abc import Iterator

from rnncli.cells import Cell
from rnncli.equations import bias_name, equations
from rnncli.errors import UsageError
from rnncli.layers import cells_of, structure_of
from rnncli.layers.rnn.structure import CellNode, Pair
from rnncli.model import Layer
from rnncli.report import Column, Report, Table
from rnncli.shapes import Dim, Shape

Row = tuple[str, str, Shape]


def explain(layers: tuple[Layer, ...]) -> Report:
    """Return the equations of the first recurrent layer among `layers`.

    Raises: UsageError if there is none.
    """
    recurrent = [layer for layer in layers if cells_of(layer)]
    if not recurrent:
        raise UsageError(
            "there is no recurrent layer to explain", "rnncli summary lists the layers"
        )
    layer = recurrent[0]
    node = cells_of(layer)[0]
    names = (node.activation, node.recurrent_activation, node.output_activation)
    inner, outer, last = (str(name or "linear") for name in names)
    lines = equations(node.cell, inner, outer, node.bias_rows, last)
    batch: Dim = layer.calls[0].input_shapes[0][0] if layer.calls[0].input_shapes else None
    rows = tuple(row for row in _symbols(node, batch) if any(row[0] in line for line in lines))
    data = {
        "cell": node.cell.name,
        "equations": list(lines),
        "symbols": [{"symbol": s, "meaning": m, "shape": shape} for s, m, shape in rows],
    }
    columns = (Column("symbol", "Symbol"), Column("meaning", "Meaning"),
               Column("shape", "Shape", "shape"))  # fmt: skip
    return Report("explain", data, (Table(columns, rows),), lines, _notes(layer, recurrent))


def _symbols(node: CellNode, batch: Dim) -> Iterator[Row]:
    cell, units = node.cell, node.units
    yield "x_t", "input of step t", (batch, node.inputs)
    for state, size in zip(cell.states, node.state_sizes, strict=True):
        meaning = cell.meaning(state)
        yield f"{state}_t", meaning, (batch, size)
        yield f"{state}_{{t-1}}", f"{meaning.split(',')[0]} of the step before", (batch, size)
    if cell.gated:
        for gate in cell.gates:
            yield f"{cell.symbol(gate)}_t", _meaning(cell, gate), (batch, units)
    for gate in cell.gates:
        of = f" of the {_meaning(cell, gate)}" if cell.gated else ""
        for term in cell.weights:
            if gate in term.gates:
                shape = term._replace(gates=(gate,)).shape(node.inputs, units, node.outputs)
                yield f"{term.letter}_{gate}", f"{term.meaning}{of}", shape
        for row in range(node.bias_rows):
            which = "bias" if node.bias_rows == 1 else ("input bias", "recurrent bias")[row]
            yield bias_name(gate, row, node.bias_rows), f"{which}{of}", (units,)


def _meaning(cell: Cell, gate: str) -> str:
    return cell.meaning(cell.symbol(gate))


def _notes(layer: Layer, recurrent: list[Layer]) -> tuple[str, ...]:
    notes = ["* is element by element, @ the matrix product; weights are slices of the layer's "
             "kernel, recurrent_kernel and bias."]  # fmt: skip
    structure, nodes = structure_of(layer), cells_of(layer)
    if structure is not None and isinstance(structure.part, Pair):
        mode = structure.part.merge
        merged = f"merged by {mode}" if mode else "returned side by side"
        notes.append(f"{layer.name} runs two such cells, the second from the last step to the "
                     f"first; their outputs are {merged}.")  # fmt: skip
    elif len(nodes) > 1:
        notes.append(
            f"{layer.name} stacks {len(nodes)} cells: each reads the state of the one before."
        )
    if len(recurrent) > 1:
        others = ", ".join(each.name for each in recurrent[:10])
        notes.append(f"This is {layer.name}; --layer-name picks another of {others}.")
    return tuple(notes)
