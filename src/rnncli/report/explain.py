"""How a cell works: its equations, with the shape of every symbol in this layer."""

from collections.abc import Iterator

from rnncli.equations import bias_name, equations
from rnncli.errors import UsageError
from rnncli.layers.rnn.uses import CellUse, cell_uses
from rnncli.model import Layer
from rnncli.report import Column, Report, Table
from rnncli.shapes import Dim, Shape

_MEANINGS = {
    "i": "input gate",
    "f": "forget gate",
    "c": "candidate",
    "o": "output gate",
    "z": "update gate",
    "r": "reset gate",
    "h": "candidate",
}
_STATES = {"h": "hidden state, the output", "c": "cell state"}

Row = tuple[str, str, Shape]


def explain(layers: tuple[Layer, ...]) -> Report:
    """Return the equations of the first recurrent layer among `layers`.

    Raises: UsageError if there is none.
    """
    recurrent = [layer for layer in layers if cell_uses(layer)]
    if not recurrent:
        raise UsageError(
            "there is no recurrent layer to explain", "rnncli summary lists the layers"
        )
    layer = recurrent[0]
    uses = cell_uses(layer)
    use = uses[0]
    lines = equations(
        use.cell,
        use.config.get("activation") or "linear",
        use.config.get("recurrent_activation") or "linear",
        use.bias_terms,
    )
    batch: Dim = layer.calls[0].input_shapes[0][0] if layer.calls[0].input_shapes else None
    rows = tuple(_symbols(use, batch))
    data = {
        "cell": use.cell.name,
        "equations": list(lines),
        "symbols": [{"symbol": s, "meaning": m, "shape": shape} for s, m, shape in rows],
    }
    columns = (Column("symbol", "Symbol"), Column("meaning", "Meaning"),
               Column("shape", "Shape", "shape"))  # fmt: skip
    return Report("explain", data, (Table(columns, rows),), lines, _notes(layer, uses, recurrent))


def _symbols(use: CellUse, batch: Dim) -> Iterator[Row]:
    cell, units = use.cell, use.units
    yield "x_t", "input of step t", (batch, use.inputs)
    for state in cell.states:
        yield f"{state}_t", _STATES[state], (batch, units)
        yield (
            f"{state}_{{t-1}}",
            f"{_STATES[state].split(',')[0]} of the step before",
            (batch, units),
        )
    if len(cell.gates) > 1:
        for gate in cell.gates:
            candidate = gate in cell.states
            yield f"{gate}'_t" if candidate else f"{gate}_t", _MEANINGS[gate], (batch, units)
    for gate in cell.gates:
        of = f" of the {_MEANINGS[gate]}" if len(cell.gates) > 1 else ""
        yield f"W_{gate}", f"kernel{of}", (use.inputs, units)
        yield f"U_{gate}", f"recurrent kernel{of}", (units, units)
        for row in range(use.bias_terms):
            which = "bias" if use.bias_terms == 1 else ("input bias", "recurrent bias")[row]
            yield bias_name(gate, row, use.bias_terms), f"{which}{of}", (units,)


def _notes(layer: Layer, uses: tuple[CellUse, ...], recurrent: list[Layer]) -> tuple[str, ...]:
    notes = ["* is element by element, @ the matrix product; weights are slices of the layer's "
             "kernel, recurrent_kernel and bias."]  # fmt: skip
    if layer.kind == "Bidirectional":
        mode = layer.config["merge_mode"]
        merged = f"merged by {mode}" if mode else "returned side by side"
        notes.append(f"{layer.name} runs two such cells, the second from the last step to the "
                     f"first; their outputs are {merged}.")  # fmt: skip
    elif len(uses) > 1:
        notes.append(
            f"{layer.name} stacks {len(uses)} cells: each reads the state of the one before."
        )
    if len(recurrent) > 1:
        others = ", ".join(each.name for each in recurrent[:10])
        notes.append(f"This is {layer.name}; --layer-name picks another of {others}.")
    return tuple(notes)
