"""Recurrent layers: the cells, `RNN` over cells, and `Bidirectional`."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from rnncli.cells import Cell, cell_for
from rnncli.errors import UnsupportedError
from rnncli.layers.layer_type import REQUIRED, LayerType, last_dim, rank, trained
from rnncli.layers.lazy import function_of
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes

AXES = "(batch, time, inputs)"


def cells_of(class_name: str, config: Config) -> Iterator[tuple[str, Cell, Config]]:
    """Yield `(path, cell, config)` for each cell that a recurrent layer's config holds.

    `path` is the cell's part of its variables' paths in Keras 3: `lstm_cell`.
    """
    if class_name == "RNN":
        inner = config["cell"]
        if inner["class_name"] == "StackedRNNCells":
            stack = inner["config"].get("name") or "stacked_rnn_cells"
            for cell in inner["config"]["cells"]:
                for path, found, cell_config in _named_cell(cell):
                    yield f"{stack}/{path}", found, cell_config
        else:
            yield from _named_cell(inner)
        return
    cell = cell_for(class_name, config.get("reset_after", True))
    yield f"{_snake(class_name)}_cell", cell, config


def _named_cell(node: Config) -> Iterator[tuple[str, Cell, Config]]:
    name, config = node["class_name"], node["config"]
    if name not in ("SimpleRNNCell", "LSTMCell", "GRUCell"):
        raise UnsupportedError(f"RNN over {name} is not known")
    yield (
        config.get("name") or _snake(name),
        cell_for(name, config.get("reset_after", True)),
        config,
    )


def _snake(name: str) -> str:
    return {"SimpleRNN": "simple_rnn", "SimpleRNNCell": "simple_rnn_cell"}.get(
        name, name.lower().replace("cell", "_cell")
    )


def cell_weights(cell: Cell, config: Config, inputs: int, path: str) -> tuple[Weight, ...]:
    """Return kernel `(inputs, gates*units)`, recurrent_kernel and, unless switched off, bias."""
    units, gates = config["units"], cell.gates
    times = "" if len(gates) == 1 else f"{len(gates)} × "
    weights = [
        Weight("kernel", cell.kernel_shape(inputs, units), f"{times}inputs × units", gates,
               initializer="glorot_uniform"),
        Weight("recurrent_kernel", cell.recurrent_kernel_shape(units), f"{times}units × units",
               gates, initializer="orthogonal"),
    ]  # fmt: skip
    if config.get("use_bias", True):
        rows = f"{cell.bias_rows} × " if cell.bias_rows > 1 else ""
        forget = "f" in gates and config.get("unit_forget_bias", True)
        weights.append(
            Weight("bias", cell.bias_shape(units), f"{rows}{times}units", gates,
                   initializer="unit_forget" if forget else "zeros")
        )  # fmt: skip
    return tuple(weight._replace(path=f"{path}/{weight.name}") for weight in weights)


def _weights(class_name: str, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    size = last_dim(rank(inputs[0], 3, class_name, AXES), class_name)
    found: list[Weight] = []
    for path, cell, cell_config in cells_of(class_name, config):
        found += trained("", cell_config, cell_weights(cell, cell_config, size, path))
        size = cell_config["units"]
    return tuple(found)


def _outputs(class_name: str, config: Config, inputs: Shapes) -> Shapes:
    batch, steps, _ = rank(inputs[0], 3, class_name, AXES)
    if config.get("time_major"):  # of tf.keras: (time, batch, inputs)
        batch, steps = steps, batch
    cells = list(cells_of(class_name, config))
    units = cells[-1][2]["units"]
    output: Shape = (batch, steps, units) if config.get("return_sequences") else (batch, units)
    if config.get("time_major") and len(output) == 3:
        output = (steps, batch, units)
    if not config.get("return_state"):
        return (output,)
    states = ((batch, c["units"]) for _, cell, c in cells for _ in cell.states)
    return (output, *states)


def _macs(class_name: str, config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    batch, steps, size = inputs[0]
    steps = batch if config.get("time_major") else steps
    if steps is None or size is None:
        return None
    total = 0
    for _, cell, cell_config in cells_of(class_name, config):
        total += cell.macs_per_step(size, cell_config["units"])
        size = cell_config["units"]
    return steps * total


def streams(config: Config, rank: int) -> bool:
    """Whether steps can be taken as they come; read backwards, only the last output can."""
    backwards = config.get("go_backwards") and config.get("return_sequences")
    return rank == 3 and not backwards and not config.get("time_major")


def _bidirectional_streams(config: Config, rank: int) -> bool:
    """Whether the last outputs can be had from two passes over the steps."""
    return rank == 3 and not config["layer"]["config"].get("return_sequences")


def directions(config: Config) -> tuple[tuple[str, str, Config], tuple[str, str, Config]]:
    """Return `(name, class_name, config)` of a Bidirectional's forward and backward layer."""
    layer, backward = config["layer"], config.get("backward_layer")
    inner = dict(layer["config"])
    name = inner.get("name") or _snake(layer["class_name"])
    one = f"forward_{name.removeprefix('forward_')}"
    two = f"backward_{name.removeprefix('backward_')}"
    forward = (one, layer["class_name"], inner)
    if backward:
        return forward, (
            backward["config"].get("name") or two, backward["class_name"], backward["config"]
        )  # fmt: skip
    return forward, (
        two,
        layer["class_name"],
        {**inner, "go_backwards": not inner.get("go_backwards")},
    )


def _inner(class_name: str) -> LayerType:
    """Return the kind of a layer that can be read in both directions. Raises: KeyError."""
    if class_name in TYPES:
        return TYPES[class_name]
    from rnncli.layers.legacy import CUDNN

    return CUDNN[class_name]


def _bidirectional_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    return tuple(
        weight._replace(path=f"{name}/{weight.path}")
        for name, class_name, inner in directions(config)
        for weight in trained(class_name, inner, _inner(class_name).weights(inner, inputs))
    )


def _bidirectional_outputs(config: Config, inputs: Shapes) -> Shapes:
    (_, class_name, inner), _ = directions(config)
    output, *states = _inner(class_name).outputs(inner, inputs)
    mode = config["merge_mode"]
    if mode == "concat":
        merged: Shapes = ((*output[:-1], 2 * output[-1]),)  # type: ignore[operator]
    else:
        merged = (output, output) if mode is None else (output,)
    return (*merged, *states, *states)


def _bidirectional_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    counts = [_inner(name).macs(inner, inputs, outputs) for _, name, inner in directions(config)]
    return None if None in counts else sum(count for count in counts if count is not None)


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


def _arguments(class_name: str, layer: bool) -> dict[str, Any]:
    """Return the constructor arguments of a cell class or its layer, in Keras's order."""
    gated, gru = class_name != "SimpleRNN", class_name == "GRU"
    sequence = dict(_SEQUENCE) if layer else {}
    seed_first = layer and gated  # LSTM and GRU take the seed before return_sequences
    return {
        "units": REQUIRED,
        "activation": "tanh",
        **({"recurrent_activation": "sigmoid"} if gated else {}),
        "use_bias": True,
        **_INITIALIZERS,
        **({"unit_forget_bias": True} if class_name == "LSTM" else {}),
        **dict.fromkeys(_PENALTIES),
        **({"activity_regularizer": None} if layer else {}),
        **dict.fromkeys(_CONSTRAINTS),
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
        **({"seed": None} if seed_first else {}),
        **sequence,
        **({"reset_after": True} if gru else {}),
        **({} if seed_first else {"seed": None}),
        **({"use_cudnn": "auto"} if layer and gated else {}),
        **({"zero_output_for_mask": False} if layer else {}),
    }


TYPES = {
    **{
        name: LayerType(
            _arguments(name, layer=True),
            partial(_outputs, name),
            partial(_weights, name),
            partial(_macs, name),
            streams=streams,
            run=function_of("layers.rnn.run_keras", "Recurrent"),
        )
        for name in ("SimpleRNN", "LSTM", "GRU")
    },
    **{
        f"{name}Cell": LayerType(_arguments(name, layer=False), not_run="a cell runs within an RNN")
        for name in ("SimpleRNN", "LSTM", "GRU")
    },
    "StackedRNNCells": LayerType({"cells": REQUIRED}, not_run="cells run within an RNN"),
    "RNN": LayerType(
        {"cell": REQUIRED, **_SEQUENCE, "zero_output_for_mask": False},
        partial(_outputs, "RNN"),
        partial(_weights, "RNN"),
        partial(_macs, "RNN"),
        streams=streams,
        run=function_of("layers.rnn.run_keras", "Recurrent"),
    ),
    "Bidirectional": LayerType(
        {"layer": REQUIRED, "merge_mode": "concat", "weights": None, "backward_layer": None},
        _bidirectional_outputs,
        _bidirectional_weights,
        _bidirectional_macs,
        streams=_bidirectional_streams,
        run=function_of("layers.rnn.run_keras", "Bidirectional"),
    ),
}
