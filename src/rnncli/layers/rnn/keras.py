"""Keras's recurrent layers: those of one cell, `RNN` over cells, `Bidirectional`, and cuDNN's."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.cell import Cell
from rnncli.cells import cell_for, cells_in, names, snake_case
from rnncli.errors import UnsupportedError
from rnncli.layers.layer_type import (
    REQUIRED,
    LayerType,
    last_dim,
    rank,
    trains,
    variable_dtype,
)
from rnncli.layers.lazy import function_of
from rnncli.layers.rnn.structure import Backwards, CellNode, Chain, Pair, Part, Structure
from rnncli.layers.rnn.weight_layouts import placed_weights
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes

if TYPE_CHECKING:
    from rnncli.layers.op import Op, OpContext

AXES = "(batch, time, inputs)"
_TWO_ROWS = {"keras": None, "cudnn": 2}  # CuDNN always keeps two bias values per unit and gate


def structure(class_name: str, config: Config, size: int) -> Structure:
    """Return what a layer is made of, given its full config and the features of its input.

    Raises: UnsupportedError for cells that rnncli does not know.
    """
    part, inner = _Builder(size).layer(class_name, config)
    return Structure(
        part,
        bool(inner.get("return_sequences")),
        bool(inner.get("return_state")),
        bool(inner.get("time_major")),  # of tf.keras
    )


class _Builder(NamedTuple):
    """Makes the tree of a layer that reads `size` features, maybe as a direction of another."""

    size: int
    direction: str = ""
    prefix: str = ""  # of the names of final states
    zeros: bool = False  # a direction that gives zeros at masked steps if it gives sequences
    trainable: bool = True

    def layer(self, class_name: str, config: Config) -> tuple[Part, Config]:
        """Return the tree, and the config that says what the layer returns."""
        if class_name == "Bidirectional":
            return self._pair(config), config["layer"]["config"]
        zeros = bool(config.get("zero_output_for_mask"))
        if self.zeros:
            zeros = bool(config.get("return_sequences"))
        zeroed = zeros and bool(config.get("unroll")) and bool(config.get("go_backwards"))
        nodes = list(self._nodes(class_name, config, zeros and not zeroed))
        part: Part = nodes[0] if len(nodes) == 1 else Chain(tuple(nodes))
        return Backwards(part, zeroed) if config.get("go_backwards") else part, config

    def _pair(self, config: Config) -> Pair:
        """Return both directions; a backward layer that is not given is the layer turned round."""
        # Keras 3 and tf.keras give zeros at masked steps; readers of older files say otherwise.
        zeros = config.get("zero_output_for_mask", True)
        parts = []
        for prefix, (name, class_name, inner) in zip(
            ("forward_", "backward_"), directions(config), strict=True
        ):
            own = _Builder(self.size, name, prefix, zeros, trains(class_name, inner))
            parts.append(own.layer(class_name, inner)[0])
        return Pair(parts[0], parts[1], config["merge_mode"])

    def _nodes(self, class_name: str, config: Config, zeros: bool) -> Iterator[CellNode]:
        """Yield the cells, each on the outputs of the one before."""
        size, found = self.size, list(cells_of(class_name, config))
        for path, cell, layout, own in found:
            label = path.rpartition("/")[2] if len(found) > 1 else ""
            yield CellNode(
                cell, size, own["units"], own["units"],
                "/".join(filter(None, (self.direction, path))), layout,
                *_activations(own, layout),
                bias_rows=_bias_rows(cell, own, layout),
                zeros=zeros,
                trainable=self.trainable and trains("", own),
                dtype=variable_dtype(own),
                unit_forget_bias=cell.unit_forget_bias and own.get("unit_forget_bias", True),
                direction=self.direction, label=label,
                state=f"{self.prefix}{label}/{{}}" if label else f"{self.prefix}{{}}",
            )  # fmt: skip
            size = own["units"]


def _activations(config: Config, layout: str) -> tuple[str | None, str | None, str | None]:
    if layout == "cudnn":
        return "tanh", "sigmoid", "tanh"
    inner = config.get("activation", "tanh")
    return inner, config.get("recurrent_activation", "sigmoid"), inner


def _bias_rows(cell: Cell, config: Config, layout: str) -> int:
    return (_TWO_ROWS[layout] or cell.bias_rows) if config.get("use_bias", True) else 0


def cells_of(class_name: str, config: Config) -> Iterator[tuple[str, Cell, str, Config]]:
    """Yield the path, the cell, the layout of its weights and the config of each cell of a layer.

    The path is the cell's part of its variables' paths in Keras 3: `lstm_cell`.
    """
    if class_name in CUDNN_CELLS:
        yield "", CUDNN_CELLS[class_name], "cudnn", config
    elif class_name != "RNN":
        yield f"{snake_case(class_name)}_cell", _cell(class_name, config, ""), "keras", config
    elif config["cell"]["class_name"] == "StackedRNNCells":
        inner = config["cell"]["config"]
        stack = inner.get("name") or "stacked_rnn_cells"
        for cell in inner["cells"]:
            path, found, layout, own = _named_cell(cell)
            yield f"{stack}/{path}", found, layout, own
    else:
        yield _named_cell(config["cell"])


def _named_cell(node: Config) -> tuple[str, Cell, str, Config]:
    name, config = node["class_name"], node["config"]
    return config.get("name") or snake_case(name), _cell(name, config, "RNN over "), "keras", config


def _cell(name: str, config: Config, of: str) -> Cell:
    try:
        return cell_for(name, config)
    except KeyError:
        raise UnsupportedError(f"{of}{name} is not known as recurrent") from None


CUDNN_CELLS = cells_in("cudnn")


def directions(config: Config) -> tuple[tuple[str, str, Config], tuple[str, str, Config]]:
    """Return `(name, class_name, config)` of a Bidirectional's forward and backward layer."""
    layer, backward = config["layer"], config.get("backward_layer")
    inner = dict(layer["config"])
    name = str(inner.get("name") or snake_case(layer["class_name"]))
    one = f"forward_{name.removeprefix('forward_')}"
    two = f"backward_{name.removeprefix('backward_')}"
    forward = (one, layer["class_name"], inner)
    if backward:
        return forward, (
            str(backward["config"].get("name") or two),
            backward["class_name"],
            backward["config"],
        )  # fmt: skip
    return forward, (
        two,
        layer["class_name"],
        {**inner, "go_backwards": not inner.get("go_backwards")},
    )


def _checked(class_name: str, config: Config, inputs: Shapes) -> Shape:
    """Return the shape of the input. Raises: ShapeError that names the layer which reads it."""
    inner = config["layer"]["class_name"] if class_name == "Bidirectional" else class_name
    return rank(inputs[0], 3, inner, AXES)


def _weights(class_name: str, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    size = last_dim(_checked(class_name, config, inputs), class_name)
    cells = structure(class_name, config, size).cells
    return tuple(weight for node in cells for weight in placed_weights(node))


def _outputs(class_name: str, config: Config, inputs: Shapes) -> Shapes:
    shape = _checked(class_name, config, inputs)
    return structure(class_name, config, shape[-1] or 0).outputs(shape)


def _macs(class_name: str, config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    size = inputs[0][-1]
    return None if size is None else structure(class_name, config, size).macs(inputs[0])


def _streams(class_name: str, config: Config, rank: int) -> bool:
    return rank == 3 and structure(class_name, config, 0).streams()


_INITIALIZERS = {
    "kernel_initializer": "glorot_uniform",
    "recurrent_initializer": "orthogonal",
    "bias_initializer": "zeros",
}
_PENALTIES = ("kernel_regularizer", "recurrent_regularizer", "bias_regularizer")
_CONSTRAINTS = ("kernel_constraint", "recurrent_constraint", "bias_constraint")
_SEQUENCE = {
    "return_sequences": False,
    "return_state": False,
    "go_backwards": False,
    "stateful": False,
    "unroll": False,
}


def arguments_of(cell: Cell, layer: bool) -> dict[str, Any]:
    """Return the constructor arguments of a cell or of its layer, in Keras's order."""
    sequence = dict(_SEQUENCE) if layer else {}
    seed_first = layer and cell.gated  # LSTM and GRU take the seed before return_sequences
    return {
        "units": REQUIRED,
        "activation": "tanh",
        **({"recurrent_activation": "sigmoid"} if cell.gated else {}),
        "use_bias": True,
        **_INITIALIZERS,
        **({"unit_forget_bias": True} if cell.unit_forget_bias else {}),
        **dict.fromkeys(_PENALTIES),
        **({"activity_regularizer": None} if layer else {}),
        **dict.fromkeys(_CONSTRAINTS),
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
        **({"seed": None} if seed_first else {}),
        **sequence,
        **cell.chosen_by,
        **({} if seed_first else {"seed": None}),
        **({"use_cudnn": "auto"} if layer and cell.gated else {}),
        **({"zero_output_for_mask": False} if layer else {}),
    }


def _type(name: str, arguments: Mapping[str, Any]) -> LayerType:
    return LayerType(
        arguments,
        partial(_outputs, name),
        partial(_weights, name),
        partial(_macs, name),
        streams=partial(_streams, name),
        run=function_of("layers.rnn.run", "Recurrent"),
        structure=partial(structure, name),
    )


_PAIR = "Bidirectional"


def _of_images(config: Config) -> bool:
    """Whether the layers of a Bidirectional multiply by convolutions."""
    return str(config["layer"]["class_name"]).startswith("ConvLSTM")


def _of_pair(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of a Bidirectional's config, in `conv_lstm_pair` called `name`."""
    images = function_of("layers.rnn.conv_lstm_pair", name)
    return lambda config, *rest: (
        images(config, *rest) if _of_images(config) else function(_PAIR, config, *rest)
    )


def _run_pair(setup: "OpContext") -> "Op":
    where = ("conv_lstm_pair", "ConvLSTMPair") if _of_images(setup.config) else ("run", "Recurrent")
    made: Op = function_of(f"layers.rnn.{where[0]}", where[1])(setup)
    return made


_CUDNN = {"units": REQUIRED, **_SEQUENCE}
del _CUDNN["unroll"]

TYPES = {
    **{name: _type(name, arguments_of(cell_for(name), layer=True)) for name in names()},
    "RNN": _type("RNN", {"cell": REQUIRED, **_SEQUENCE, "zero_output_for_mask": False}),
    "Bidirectional": LayerType(
        {"layer": REQUIRED, "merge_mode": "concat", "weights": None, "backward_layer": None},
        _of_pair("outputs", _outputs),
        _of_pair("weights", _weights),
        _of_pair("macs", _macs),
        streams=lambda config, rank: not _of_images(config) and _streams(_PAIR, config, rank),
        run=_run_pair,
        structure=lambda config, size: (
            None if _of_images(config) else structure(_PAIR, config, size)
        ),
    ),
    **{name: _type(name, _CUDNN) for name in CUDNN_CELLS},
}
