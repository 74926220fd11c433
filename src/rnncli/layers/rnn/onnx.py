"""ONNX's recurrent operators: the structure of a node, from its attributes and its weights.

Source: the operators RNN, GRU and LSTM in ONNX's `docs/Operators.md`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rnncli.activation_names import ARGUMENTS, Applied
from rnncli.cell import Cell
from rnncli.cells import COUPLED_LSTM, LSTM, PEEPHOLE_LSTM, cell_for, cells_in
from rnncli.layers.rnn.structure import Activation, Backwards, CellNode, Pair, Part, Structure
from rnncli.model import Config

CELLS = cells_in("onnx")  # by operator

# ONNX's names of activations that need no arguments are the same as ours.
PLAIN = ("relu", "tanh", "sigmoid", "softsign", "softplus")
# Those with arguments that have a name of their own here.
_NAMED = {("elu", (1.0,)): "elu", ("hardsigmoid", (0.2, 0.5)): "hard_sigmoid_keras2"}


def structure(operator: str, config: Config, size: int = 0) -> Structure | None:
    """Return the structure of a layer of the table, None where its kernels are not known."""
    shapes = {weight.name: weight.shape for weight in config["weights"]}
    kernel, recurrent = shapes.get("W", ()), shapes.get("R", ())
    if len(kernel) != 3 or len(recurrent) != 3 or kernel[0] not in (1, 2):
        return None
    return node_structure(
        operator, config["attributes"], (kernel[0], kernel[2], recurrent[2]),
        bias="B" in shapes, peepholes="P" in shapes,
    )  # fmt: skip


def node_structure(
    operator: str,
    attributes: Mapping[str, Any],
    sizes: tuple[int, int, int],
    *,
    bias: bool,
    peepholes: bool,
) -> Structure:
    """Return the structure of a node; `sizes` are its directions, inputs and units."""
    ways, inputs, units = sizes
    cell = _cell(operator, attributes, peepholes)
    parts: list[Part] = []
    for way, direction in zip(range(ways), ("forward", "backward"), strict=False):
        node = CellNode(
            cell, inputs, units, units, direction, "onnx",
            *activations(operator, attributes, way),
            bias_rows=2 if bias else 0, zeros=True, direction=direction if ways > 1 else "",
        )  # fmt: skip
        reverse = way == 1 or attributes.get("direction") == "reverse"
        parts.append(Backwards(node) if reverse else node)
    return Structure(
        Pair(parts[0], parts[1], None) if ways > 1 else parts[0], return_sequences=True
    )


def _cell(operator: str, attributes: Mapping[str, Any], peepholes: bool) -> Cell:
    cell = cell_for(
        CELLS[operator].name, {"reset_after": bool(attributes.get("linear_before_reset"))}
    )
    if cell is not LSTM:
        return cell
    if attributes.get("input_forget"):
        return COUPLED_LSTM
    return PEEPHOLE_LSTM if peepholes else LSTM


def activations(
    operator: str, attributes: Mapping[str, Any], way: int = 0
) -> tuple[Activation, Activation, Activation]:
    """Return the activations of a direction: of the candidate, of the gates, of the output."""
    usual = {"RNN": ["tanh"], "GRU": ["sigmoid", "tanh"], "LSTM": ["sigmoid", "tanh", "tanh"]}
    count = len(usual[operator])
    names = [str(name).lower() for name in attributes.get("activations") or ()]
    every = list(_applied(names or usual[operator] * (way + 1), attributes))
    own = every[way * count : (way + 1) * count] or every[:count]
    if count == 1:
        return own[0], "sigmoid", own[0]
    # ONNX Runtime clips what the gates and the candidate are computed of, not the state.
    return own[1], own[0], _unclipped(own[2]) if count == 3 else own[1]


def _unclipped(activation: Activation) -> Activation:
    if not isinstance(activation, Applied):
        return activation
    return activation._replace(clip=0.0) if activation.arguments else activation.name


def _applied(names: list[str], attributes: Mapping[str, Any]) -> Iterator[Activation]:
    """Yield each activation with its arguments, which stand in lists of their own."""
    alphas = iter(attributes.get("activation_alpha") or ())
    betas = iter(attributes.get("activation_beta") or ())
    clip = float(attributes.get("clip") or 0)
    for name in names:
        usual = ARGUMENTS.get(name, ())
        own = tuple(
            float(next(given, default))
            for default, given in zip(usual, (alphas, betas), strict=False)
        )
        plain = _NAMED.get((name, tuple(round(each, 6) for each in own)))
        if plain is None and not own:
            plain = name
        if clip:
            yield Applied(plain or name, () if plain else own, clip)
        else:
            yield plain or Applied(name, own)
