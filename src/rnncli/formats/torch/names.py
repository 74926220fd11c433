"""From the tensors of a file to the parameters of its modules.

A parameter may be stored in other forms than its own: packed by quantisation, as the parts of a
normalised or parametrised weight, under the name that a wrapper gives it.
"""

import re
from collections.abc import Mapping
from math import prod
from typing import NamedTuple

from rnncli.formats.torch.packed import is_inner, plain_names
from rnncli.formats.torch.tensors import TorchTensor
from rnncli.formats.torch.tree import Found
from rnncli.storage import ITEM_SIZE

RECURRENT = re.compile(r"(weight|bias)_(ih|hh|hr)(_l(\d+))?(_reverse)?")
# What modules keep that is not trained, by PyTorch's own names and by customary ones.
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_BUFFER = re.compile(
    r"running_(mean|var)|num_batches_tracked|inv_freq|position_ids|token_type_ids|masked_bias|"
    r"(.*_)?mask|(cos|sin)_cached|pe|_float_tensor|zero_point"
)
_WHOLE = ("int64", "int32", "int16", "int8", "uint8", "bool")
_KERNELS = re.compile(r"(.*_)?q?weight(_.*)?")
_PARAMETRIZED = re.compile(r"(?:(.*)\.)?parametrizations\.([^.]+)\.(original\d?|\d+\.(_u|_v|base))")


class Parameter(NamedTuple):
    """A parameter of a module: its shape, and the tensors of the file that it is made from."""

    shape: tuple[int, ...]
    tensors: tuple[str, ...]
    tensor: TorchTensor
    layout: str = "keras"
    extra: tuple[str, ...] = ()  # parts that are counted beside it, by their names in the module
    again: str = ""  # the tensor that it is another view of


class Group(NamedTuple):
    """The parameters of a module by their names, and its buffers."""

    parameters: dict[str, Parameter]
    buffers: dict[str, Parameter]


def groups_of(found: Found, again: Mapping[str, str]) -> dict[str, Group]:
    """Return the parameters and buffers of each module, by its path, in the order of the file.

    `again` names the tensors that are views of others.
    """
    groups: dict[str, Group] = {path: Group({}, {}) for path in found.modules if not is_inner(path)}
    plain = plain_names({name: tensor.shape for name, tensor in found.tensors.items()})
    for full, tensor in found.tensors.items():
        name = plain.get(full, full)
        module, _, last = name.rpartition(".")
        mark = _PARAMETRIZED.fullmatch(name)
        if mark:
            module, last = mark[1] or "", _part(mark[2], mark[3])
        group = groups.setdefault(module, Group({}, {}))
        computed = mark is not None and mark[3] == "original"
        layout = "computed" if computed else "keras"
        if full in plain:
            tensor = tensor._replace(trainable=False)
        kept = Parameter(tensor.shape, (full,), tensor, layout, again=again.get(full, ""))
        if full in found.buffers or (mark and mark[4]) or _is_buffer(last, tensor, full != name):
            group.buffers[last] = kept
        else:
            group.parameters[last] = kept
    for group in groups.values():
        _rejoin(group)
    return _unwrapped(groups)


def repeated(tensors: Mapping[str, TorchTensor]) -> dict[str, str]:
    """Return the tensors whose values all lie in another one's, and that one's name."""
    stored: dict[str, list[tuple[int, int, int, str]]] = {}
    for index, (name, tensor) in enumerate(tensors.items()):
        if tensor.storage and 0 not in tensor.shape:
            spans = zip(tensor.shape, tensor.strides, strict=True)
            item = ITEM_SIZE.get(tensor.dtype, 1)
            end = tensor.offset + sum((size - 1) * stride for size, stride in spans) + 1
            place = (tensor.offset * item, -end * item, index, name)
            stored.setdefault(tensor.storage, []).append(place)
    found = {}
    for places in stored.values():
        last, covering = 0, ""
        for start, end, _, name in sorted(places):
            if covering and -end <= last:
                found[name] = covering
            elif prod(tensors[name].shape) * ITEM_SIZE.get(tensors[name].dtype, 1) >= -end - start:
                last, covering = -end, name
    return found


def _part(weight: str, part: str) -> str:
    """Return the name in the older form of what a parametrization keeps for a weight."""
    return weight + {"original0": "_g", "original1": "_v", "original": ""}.get(part, f"_{part}")


def _is_buffer(last: str, tensor: TorchTensor, packed: bool) -> bool:
    """Whether a tensor is not a parameter; of state dicts its name and dtype tell."""
    if tensor.parameter is not None or packed:
        return tensor.parameter is False
    whole = tensor.dtype in _WHOLE and not tensor.why.startswith("quantised")
    return bool(_BUFFER.fullmatch(last)) or (whole and not _KERNELS.fullmatch(last))


def _rejoin(group: Group) -> None:
    """Make one parameter of those that a weight is computed from.

    Source: `torch.nn.utils.weight_norm` (`_g`, `_v`), `spectral_norm` (`_orig`, `_u`, `_v`) and
    `prune` (`_orig`, `_mask`).
    """
    own = group.parameters
    if "zero_point" in group.buffers and "scale" in own:  # of a quantised module's output
        group.buffers["scale"] = own.pop("scale")
    for name in list(own):
        stem, _, end = name.rpartition("_")
        if not stem or stem in own:
            continue
        if end == "g" and f"{stem}_v" in own:
            _replace(own, f"{stem}_v", stem, "weight_norm", name)
        elif end == "orig" and f"{stem}_mask" in group.buffers:
            mask = group.buffers[f"{stem}_mask"].tensors
            _replace(own, name, stem, "pruned", more=mask)
        elif end == "orig":
            for part in ("_u", "_v"):
                if f"{stem}{part}" in own:
                    group.buffers[f"{stem}{part}"] = own.pop(f"{stem}{part}")
            _replace(own, name, stem, "computed")


def _replace(
    own: dict[str, Parameter], name: str, stem: str, layout: str, extra: str = "",
    more: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Call a part of a weight by the weight's own name, in its place."""
    part = own[name]
    beside = own[extra].tensors if extra else more
    whole = part._replace(tensors=(*part.tensors, *beside), layout=layout,
                          extra=(extra,) if extra else ())  # fmt: skip
    items = [(stem, whole) if key == name else (key, each) for key, each in own.items()]
    own.clear()
    own.update(items)


def _unwrapped(groups: dict[str, Group]) -> dict[str, Group]:
    """Put weights that dropout is applied to (`weight_hh_l0_raw`) back into their module.

    Source: AWD-LSTM's `WeightDrop` and fastai's `WeightDropout`, whose module is `module`.
    """
    for path, group in groups.items():
        own = group.parameters
        raw = [name for name in own if RECURRENT.fullmatch(name.removesuffix("_raw"))
               and name.endswith("_raw")]  # fmt: skip
        inner = f"{path}.module" if path else "module"
        home = groups.get(inner, group).parameters if raw else own
        for name in raw:
            last = name.removesuffix("_raw")
            part = own.pop(name)
            home[last] = part  # a copy that it was computed to may stand there
    return groups
