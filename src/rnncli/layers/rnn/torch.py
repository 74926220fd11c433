"""PyTorch's recurrent modules, as files hold them.

Source: the documentation of `torch.nn.RNN`, `LSTM`, `GRU` and their cells. Sizes are those of
`batch_first=True`: `(batch, time, inputs)`.
"""

from collections.abc import Iterator
from functools import partial

from rnncli.cells import cells_in
from rnncli.layers.layer_type import REQUIRED, LayerType, rank
from rnncli.layers.lazy import function_of
from rnncli.layers.rnn.structure import Backwards, CellNode, Chain, Pair, Part, Structure
from rnncli.layers.rnn.weight_layouts import placed_weights
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes

_CELLS = cells_in("torch")


def structure(class_name: str, config: Config, size: int = 0) -> Structure:
    """Return the stacked layers of a module, each in one or in both directions."""
    return Structure(Chain(tuple(_layers(class_name, config))), return_sequences=True)


def _layers(class_name: str, config: Config) -> Iterator[Part]:
    size, both = config["input_size"], config["bidirectional"]
    for index in range(config["num_layers"]):
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
    inner = "tanh" if cell.gated else str(config["nonlinearity"] or "tanh")
    return CellNode(
        cell, size, units, config["proj_size"] or units, path, "torch", inner, "sigmoid", inner,
        bias_rows=2 if config["bias"] else 0, direction=path.removeprefix("_"), state=f"{{}}{path}",
    )  # fmt: skip


def _weights(class_name: str, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    cells = structure(class_name, config).cells
    return tuple(weight for node in cells for weight in placed_weights(node))


def _outputs(class_name: str, config: Config, inputs: Shapes) -> Shapes:
    shape = rank(inputs[0], 3, class_name, "(batch, time, inputs)")
    return structure(class_name, config).outputs(shape)


def _macs(class_name: str, config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    return structure(class_name, config).macs(inputs[0])


def _streams(class_name: str, config: Config, rank: int) -> bool:
    return rank == 3 and structure(class_name, config).streams()


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
        streams=partial(_streams, name),
        run=function_of("layers.rnn.run", "Recurrent"),
        structure=partial(structure, name),
    )
    for cell in _CELLS
    for name in (cell, f"{cell}Cell")
}
