"""Recurrent modules told by the names and shapes of their parameters."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from rnncli.cells import cells_in
from rnncli.formats.torch.names import RECURRENT, Parameter
from rnncli.formats.torch.tree import Module
from rnncli.layers import key, layer_type

_KINDS = {len(cell.gates): name for name, cell in cells_in("torch").items()}
# What a module of a user's own keeps beside the weights of a cell: states to begin with.
_STATE = re.compile(
    r"(init(ial)?_?)?(h|c|hx|cx|hidden|cell|state)_?(0|x|init|state)?", re.IGNORECASE
)


class Recurrent(NamedTuple):
    """The arguments of a recurrent module, and the parameters that it has beside its weights."""

    kind: str
    config: dict[str, Any]
    others: tuple[str, ...] = ()


def recurrent(parameters: Mapping[str, Parameter], module: Module | None) -> Recurrent | None:
    """Return the recurrent module that has these parameters, None if there is none."""
    extra = {name for each in parameters.values() for name in each.extra}
    marks = {name: RECURRENT.fullmatch(name) for name in parameters}
    found = [mark for mark in marks.values() if mark is not None]
    others = tuple(n for n, mark in marks.items() if mark is None and n not in extra)
    layered = any(mark[3] for mark in found)
    if not found or (others and not layered and not all(map(_STATE.fullmatch, others))):
        return None
    shapes = {name: parameters[name].shape for name, mark in marks.items() if mark is not None}
    config = _config(shapes, layered, module)
    if config is None:
        return None
    kind = config.pop("class_name")
    first = next(iter(shapes))
    config["dtype"] = parameters[first].tensor.dtype
    return Recurrent(kind, config, (*others, *extra)) if _agrees(kind, config, shapes) else None


def _config(
    shapes: Mapping[str, tuple[int, ...]], layered: bool, module: Module | None
) -> dict[str, Any] | None:
    first = "_l0" if layered else ""
    kernel, hidden = shapes.get(f"weight_ih{first}", ()), shapes.get(f"weight_hh{first}", ())
    projection = shapes.get(f"weight_hr{first}", ())
    if len(kernel) != 2 or len(hidden) != 2 or len(projection) not in (0, 2):
        return None
    units = projection[1] if projection else hidden[1]
    gates = kernel[0] // units if units and kernel[0] % units == 0 else 0
    marks = [mark for name in shapes if (mark := RECURRENT.fullmatch(name)) is not None]
    layers = 1 + max(int(mark[4] or 0) for mark in marks)
    if gates not in _KINDS or layers > len(shapes):
        return None
    return {
        "class_name": _KINDS[gates] + ("" if layered else "Cell"),
        "input_size": kernel[1],
        "hidden_size": units,
        "num_layers": layers,
        "bias": any(mark[1] == "bias" for mark in marks),
        "bidirectional": any(mark[5] for mark in marks),
        "proj_size": projection[0] if projection else 0,
        "nonlinearity": _nonlinearity(module.attributes if module is not None else {}),
    }


def _nonlinearity(attributes: Mapping[str, Any]) -> str | None:
    """Return the activation of an `nn.RNN`, None where the file does not say it."""
    stated = attributes.get("nonlinearity") or attributes.get("mode")
    return None if stated is None else "relu" if str(stated).lower().endswith("relu") else "tanh"


def _agrees(kind: str, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether these arguments give just these shapes."""
    inputs = ((None, None, config["input_size"]),)
    expected = layer_type(key("torch", kind)).weights(config, inputs)
    return {weight.name: weight.shape for weight in expected} == dict(shapes)
