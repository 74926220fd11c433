"""PyTorch's recurrent modules, as files hold them.

Source: the documentation of `torch.nn.RNN`, `LSTM`, `GRU` and their cells. Sizes are those of
`batch_first=True`: `(batch, time, inputs)`.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from rnncli.cells import Cell, cell_for
from rnncli.layers.layer_type import REQUIRED, LayerType, rank
from rnncli.layers.lazy import function_of
from rnncli.layers.rnn.weight_layouts import LAYOUTS
from rnncli.layers.rnn.weight_layouts import cell_weights as stored_weights
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes

_CELLS = {"RNN": "SimpleRNN", "LSTM": "LSTM", "GRU": "GRU"}


class Part(NamedTuple):
    """One direction of one of the stacked layers; `suffix` ends its tensors' names."""

    suffix: str
    cell: Cell
    inputs: int
    reverse: bool


def output_size(config: Config) -> int:
    """Return the features of one direction's output."""
    return int(config["proj_size"] or config["hidden_size"])


def parts(class_name: str, config: Config) -> Iterator[Part]:
    """Yield the directions of the stacked layers, in the order of their tensors."""
    cell = cell_for(_CELLS[class_name.removesuffix("Cell")], True)
    size, ways = config["input_size"], (False, True) if config["bidirectional"] else (False,)
    for layer in range(config["num_layers"]):
        for reverse in ways:
            number = "" if class_name.endswith("Cell") else f"_l{layer}"
            yield Part(f"{number}{'_reverse' if reverse else ''}", cell, size, reverse)
        size = output_size(config) * len(ways)


def activation(class_name: str, config: Config) -> str:
    """Return the activation of the state."""
    return str(config["nonlinearity"] or "tanh") if class_name.startswith("RNN") else "tanh"


def _weights(class_name: str, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    found: list[Weight] = []
    units, projected = config["hidden_size"], config["proj_size"]
    for part in parts(class_name, config):
        own = stored_weights(LAYOUTS["torch"], part.cell, part.inputs, units, config["bias"])
        if projected:
            rows = len(part.cell.gates) * units
            kernel, recurrent, *biases = own
            recurrent = recurrent._replace(
                shape=(rows, projected),
                formula=recurrent.formula.replace("units ×", "outputs ×", 1),
            )
            projection = Weight("weight_hr", (projected, units), "outputs × units")
            own = (kernel, recurrent, *biases, projection)
        found += [w._replace(name=w.name + part.suffix, path=w.name + part.suffix) for w in own]
    return tuple(found)


def _outputs(class_name: str, config: Config, inputs: Shapes) -> Shapes:
    batch, steps, _ = rank(inputs[0], 3, class_name, "(batch, time, inputs)")
    return ((batch, steps, output_size(config) * (2 if config["bidirectional"] else 1)),)


def _macs(class_name: str, config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    steps, total = inputs[0][1], 0
    for weight in _weights(class_name, config, inputs):
        total += weight.params if len(weight.shape) == 2 else 0
    return None if steps is None else steps * total


_SIGNATURE = {
    "input_size": REQUIRED,
    "hidden_size": REQUIRED,
    "num_layers": 1,
    "bias": True,
    "bidirectional": False,
    "proj_size": 0,
    "nonlinearity": None,
}

TYPES = {
    f"torch.{name}": LayerType(
        _SIGNATURE,
        partial(_outputs, name),
        partial(_weights, name),
        partial(_macs, name),
        streams=lambda config, rank: rank == 3 and not config["bidirectional"],
        run=function_of("layers.rnn.run_torch", "Module"),
    )
    for cell in _CELLS
    for name in (cell, f"{cell}Cell")
}
