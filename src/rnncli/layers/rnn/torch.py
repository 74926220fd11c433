"""PyTorch's recurrent modules, of files and as its constructors take them.

Source: the documentation of `torch.nn.RNN`, `LSTM`, `GRU` and their cells. Sizes are those of
`batch_first=True`: `(batch, time, inputs)`.
"""

from collections.abc import Iterator
from functools import partial

from rnncli.cells import cells_in
from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, rank, signature
from rnncli.layers.lazy import function_of
from rnncli.layers.rnn.structure import Backwards, CellNode, Chain, Pair, Part, Structure
from rnncli.layers.rnn.weight_layouts import placed_weights
from rnncli.layers.torch import expect, uniform
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes

_CELLS = cells_in("torch")


def structure(class_name: str, config: Config, size: int = 0) -> Structure:
    """Return the stacked layers of a module, each in one or in both directions."""
    return Structure(Chain(tuple(_layers(class_name, config))), return_sequences=True)


def _layers(class_name: str, config: Config) -> Iterator[Part]:
    size, both = config["input_size"], config.get("bidirectional", False)
    for index in range(config.get("num_layers", 1)):
        end = "" if class_name.endswith("Cell") else f"_l{index}"
        forward = _node(class_name, config, size, end)
        if both:
            yield Pair(forward, Backwards(_node(class_name, config, size, f"{end}_reverse")))
        else:
            yield forward
        size = forward.outputs * (2 if both else 1)


def _node(class_name: str, config: Config, size: int, path: str) -> CellNode:
    """Return one cell; its tensors' names end with `path`."""
    cell, units = _CELLS[class_name.removesuffix("Cell")], config["hidden_size"]
    inner = "tanh" if cell.gated else str(config.get("nonlinearity") or "tanh")
    return CellNode(
        cell, size, units, config.get("proj_size") or units, path, "torch", inner, "sigmoid", inner,
        bias_rows=2 if config["bias"] else 0, direction=path.removeprefix("_"), state=f"{{}}{path}",
    )  # fmt: skip


def _weights(class_name: str, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    cells = structure(class_name, config).cells
    start = uniform(config["hidden_size"])
    return tuple(weight._replace(initializer=start)
                 for node in cells for weight in placed_weights(node))  # fmt: skip


def _outputs(class_name: str, config: Config, inputs: Shapes) -> Shapes:
    expect(inputs[0][-1], config["input_size"], f"{class_name} has input_size", inputs[0])
    if class_name.endswith("Cell") and len(inputs[0]) == 2:  # one step
        return ((inputs[0][0], config["hidden_size"]),)
    shape = rank(inputs[0], 3, class_name, "(batch, time, inputs)")
    projected = config.get("proj_size", 0)
    if not 0 <= projected < config["hidden_size"]:
        raise ShapeError(f"{class_name} has proj_size={projected}, which must be less than "
                         f"hidden_size={config['hidden_size']}")  # fmt: skip
    return structure(class_name, config).outputs(shape)


def _macs(class_name: str, config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    shape = inputs[0] if len(inputs[0]) == 3 else (inputs[0][0], 1, inputs[0][-1])
    return structure(class_name, config).macs(shape)


def _streams(class_name: str, config: Config, rank: int) -> bool:
    return rank == 3 and structure(class_name, config).streams()


_STACKED = "batch_first=False, dropout=0.0, bidirectional=False"
_SIGNATURES = {
    "RNN": f"num_layers=1, nonlinearity='tanh', bias=True, {_STACKED}",
    "LSTM": f"num_layers=1, bias=True, {_STACKED}, proj_size=0",
    "GRU": f"num_layers=1, bias=True, {_STACKED}",
    "RNNCell": "bias=True, nonlinearity='tanh'",
    "LSTMCell": "bias=True",
    "GRUCell": "bias=True",
}

TYPES = {
    f"torch.{name}": LayerType(
        signature(f"input_size, hidden_size, {_SIGNATURES[name]}"),
        partial(_outputs, name),
        partial(_weights, name),
        partial(_macs, name),
        streams=partial(_streams, name),
        run=function_of("layers.rnn.run_torch", "Module"),
        structure=partial(structure, name),
    )
    for cell in _CELLS
    for name in (cell, f"{cell}Cell")
}
