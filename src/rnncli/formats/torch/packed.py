"""What quantised modules keep their weights in: objects of PyTorch's own, packed for its kernels.

Source: `torch.ao.nn.quantized` and the `__getstate__` of `LinearPackedParamsBase` and
`CellParamsBase` (ATen/native/quantized).
"""

import re
from collections.abc import Mapping
from typing import Any

from rnncli.formats.containers.pickle_machine import Record
from rnncli.formats.torch.tensors import tensor_of

_CLASSES = "__torch__.torch.classes."
_SCRIPTED = "__torch__.torch.ao.nn."
_SCRIPT = "torch.ScriptObject"
_TAGGED = ("restore_type_tag", "build_tensorlist")
_CELL = ("bias_ih", "bias_hh", "weight_ih", "weight_hh")

# What the parts of packed modules are called when they are not packed.
_STACKED = re.compile(r"(?:(.*)\.)?_all_weight_values\.(\d+)(?:\.param)?\.(weight|bias)_(ih|hh)")
_PARTS = re.compile(
    r"(?:(.*?)\.)?_packed_params(?:\._packed_params|\._packed_weight)?(?:\.(0|1|weight|bias))?"
)
_OF_CELL = re.compile(r"(?:(.*)\.)?_packed_weight_(ih|hh)\.(weight|bias)")
_INNER = re.compile(r"(^|\.)(_all_weight_values(\.\d+)?|_packed_params)$")


def parts_of(value: Any) -> dict[str, Any] | None:
    """Return the tensors in a packed object by their names, None if it is no such object."""
    if not isinstance(value, Record):
        return None
    kind, state = value.what, value.state
    if kind == _SCRIPT and isinstance(state, tuple) and len(state) == 2:
        state, kind = state
    elif kind.startswith(_SCRIPTED) and isinstance(state, tuple):  # it has a __getstate__
        return dict(zip(("weight", "bias"), filter(tensor_of, state), strict=False))
    elif not kind.startswith(_CLASSES):
        return None
    kind = str(kind).rpartition(".")[2]
    if kind == "CellParamsBase":
        return _cell(state)
    if kind == "LinearPackedParamsBase" and isinstance(state, tuple):
        return {k: v for k, v in zip(("weight", "bias"), state, strict=False) if v is not None}
    return {str(index): each for index, each in enumerate(_listed(state))}


def _cell(state: Any) -> dict[str, Any]:
    """Return both products of a cell: `(kind, biases, …, …, packed products)`."""
    parts = _listed(state)
    packed = [parts_of(each) or {} for each in _listed(parts[-1])] if parts else []
    found: dict[str, Any] = {}
    for each, name in zip(packed, ("ih", "hh"), strict=False):
        found |= {f"{what}_{name}": value for what, value in each.items()}
    return {name: found[name] for name in _CELL if name in found} if found else {}


def _listed(value: Any) -> list[Any]:
    if isinstance(value, Record) and value.what.rpartition(".")[2] in _TAGGED and value.args:
        value = value.args[0]
    return list(value) if isinstance(value, list | tuple) else []


def is_inner(path: str) -> bool:
    """Whether a module is one that a quantised module keeps its packed weights in."""
    return bool(_INNER.search(path))


def plain_names(names: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return what tensors of packed modules are called where they are not packed, by their names.

    `names` has the shapes: they tell whether a second cell is a second layer or a direction.
    """
    found = {}
    stacks: dict[str, dict[int, list[tuple[str, str]]]] = {}
    for name in names:
        if mark := _STACKED.fullmatch(name):
            cells = stacks.setdefault(mark[1] or "", {})
            cells.setdefault(int(mark[2]), []).append((name, f"{mark[3]}_{mark[4]}"))
        elif mark := _OF_CELL.fullmatch(name):
            found[name] = _joined(mark[1], f"{mark[3]}_{mark[2]}")
        elif mark := _PARTS.fullmatch(name):
            last = {"0": "weight", "1": "bias", None: "weight"}.get(mark[2], mark[2])
            found[name] = _joined(mark[1], str(last))
    for module, stack in stacks.items():
        ways = 2 if _two_ways(stack, names) else 1
        for number, tensors in stack.items():
            end = f"_l{number // ways}{'_reverse' if number % ways else ''}"
            found |= {name: _joined(module, f"{last}{end}") for name, last in tensors}
    return found


def _joined(module: str | None, last: str) -> str:
    return f"{module}.{last}" if module else last


def _two_ways(
    stack: Mapping[int, list[tuple[str, str]]], names: Mapping[str, tuple[int, ...]]
) -> bool:
    """Whether the cells of a stack are pairs of directions: both read what the first one reads."""
    sizes = [{last: names[name] for name, last in stack[number]} for number in sorted(stack)]
    kernels = [each.get("weight_ih", ()) for each in sizes]
    if len(kernels) % 2 or any(len(shape) != 2 for shape in kernels):
        return False
    recurrent = sizes[0].get("weight_hh", ())
    if len(kernels) > 2 and len(recurrent) == 2:
        return kernels[2][1] == 2 * recurrent[1]
    return kernels[0][1] == kernels[1][1] and kernels[1][1:] != recurrent[-1:]
