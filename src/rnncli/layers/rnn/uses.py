"""The cells that a layer runs, with their sizes: what counts, equations and cost all start from."""

from collections.abc import Iterator
from typing import NamedTuple

from rnncli.cells import LSTM, Cell, cell_for
from rnncli.layers import TABLE, bare
from rnncli.layers.onnx import RECURRENT
from rnncli.layers.rnn.keras import cells_of, directions
from rnncli.model import Config, Layer

# CuDNN always keeps two bias values per unit and gate.
_CUDNN = {"CuDNNLSTM": LSTM._replace(bias_rows=2), "CuDNNGRU": cell_for("GRU", True)}


class CellUse(NamedTuple):
    """One cell of a layer; `path` leads to its variables, `""` where the layer is the cell."""

    path: str
    cell: Cell
    inputs: int
    config: Config

    @property
    def units(self) -> int:
        """The size of the state."""
        return int(self.config["units"])

    @property
    def use_bias(self) -> bool:
        """Whether the cell has a bias."""
        return bool(self.config.get("use_bias", True))

    @property
    def bias_terms(self) -> int:
        """How many bias values each unit of each gate has: 0, 1 or 2."""
        return self.cell.bias_rows if self.use_bias else 0


def cell_uses(layer: Layer) -> tuple[CellUse, ...]:
    """Return the cells of a recurrent layer, forward ones first; () for any other layer."""
    if not layer.calls:
        return ()
    shapes = layer.calls[0].input_shapes
    if shapes and not shapes[0]:
        return ()
    size = shapes[0][-1] if shapes else None
    if size is None and layer.dialect == "keras":  # the others' configs and weights say it
        return ()
    return tuple(_uses(layer.kind, layer.config, size or 0))


def _torch_uses(class_name: str, config: Config) -> Iterator[CellUse]:
    from rnncli.layers.rnn.torch import activation, parts

    for part in parts(class_name, config):
        own = {
            "units": config["hidden_size"],
            "use_bias": config["bias"],
            "activation": activation(class_name, config),
            "recurrent_activation": "sigmoid",
        }
        yield CellUse(part.suffix, part.cell, part.inputs, own)


def _onnx_uses(class_name: str, config: Config) -> Iterator[CellUse]:
    attributes = config["attributes"]
    shapes = {weight.name: weight.shape for weight in config["weights"]}
    kernel, recurrent = shapes.get("W", ()), shapes.get("R", ())
    if len(kernel) != 3 or len(recurrent) != 3 or kernel[0] not in (1, 2):
        return
    cell = cell_for(RECURRENT[class_name], bool(attributes.get("linear_before_reset")))
    names = [name.lower() for name in attributes.get("activations", ())]
    gated = len(cell.gates) > 1
    own = {
        "units": recurrent[2],
        "use_bias": "B" in shapes,
        "activation": names[1] if gated and len(names) > 1 else names[0] if names else "tanh",
        "recurrent_activation": names[0] if gated and names else "sigmoid",
    }
    for direction in range(kernel[0]):
        yield CellUse(("forward", "backward")[direction % 2], cell, kernel[2], own)


def _uses(kind: str | None, config: Config, size: int) -> Iterator[CellUse]:
    if kind == "Bidirectional":
        for name, class_name, inner in directions(config):
            for use in _uses(class_name, inner, size):
                yield CellUse(f"{name}/{use.path}", use.cell, use.inputs, use.config)
    elif kind is not None and TABLE.get(kind) == "rnn.torch":
        yield from _torch_uses(bare(kind), config)
    elif kind in RECURRENT:
        yield from _onnx_uses(kind, config)
    elif kind in _CUDNN:
        fixed = {"activation": "tanh", "recurrent_activation": "sigmoid"}
        yield CellUse("", _CUDNN[kind], size, {**config, **fixed})
    elif kind in ("SimpleRNN", "LSTM", "GRU", "RNN"):
        for path, cell, cell_config in cells_of(kind, config):
            yield CellUse(path, cell, size, cell_config)
            size = cell_config["units"]
