"""Which tensor of a state dict is which weight of a stack of PyTorch's modules."""

from collections.abc import Iterable, Mapping

from rnncli.errors import ShapeError, UsageError, few
from rnncli.model import Layer
from rnncli.shapes import show

_COUNTERS = ("num_batches_tracked",)  # which no run needs


def matched(layers: Iterable[Layer], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the tensor's name for each weight's path, such as `lstm/weight_ih_l0`.

    Modules go by their names where the state dict has just those, else one by one in the order of
    the state dict (by number, where its modules are numbered, as `nn.Sequential` does).
    Raises: UsageError, ShapeError if they do not fit.
    """
    wanted = {layer.name: layer.weights for layer in layers if layer.weights}
    groups: dict[str, dict[str, str]] = {}
    for name in shapes:
        module, _, last = name.rpartition(".")
        if last not in _COUNTERS:
            groups.setdefault(module, {})[last] = name
    if set(groups) == set(wanted):
        pairs = [(name, name) for name in wanted]
    else:
        order = list(groups)
        if all(module.rpartition(".")[2].isdecimal() for module in order):
            order.sort(key=lambda module: int(module.rpartition(".")[2]))
        if len(order) != len(wanted):
            raise UsageError(
                f"the state dict has {len(order)} modules with weights ({few(order)}), "
                f"the stack {len(wanted)} ({few(wanted)})"
            )
        pairs = list(zip(wanted, order, strict=True))
    found: dict[str, str] = {}
    for layer, module in pairs:
        for weight in wanted[layer] or ():
            name = groups[module].get(weight.name, "")
            if not name:
                raise UsageError(f"module {module or 'the root'!r} of the state dict, for "
                                 f"{layer!r}, has no {weight.name}; it has "
                                 f"{few(groups[module])}")  # fmt: skip
            if shapes[name] != weight.shape:
                raise ShapeError(f"{name} has the shape {show(shapes[name])} in the state dict, "
                                 f"but {layer}/{weight.name} has {show(weight.shape)}")  # fmt: skip
            found[f"{layer}/{weight.path}"] = name
        more = set(groups[module]) - {weight.name for weight in wanted[layer] or ()}
        if more:
            raise UsageError(f"module {module or 'the root'!r} of the state dict holds "
                             f"{few(sorted(more))}, which {layer!r} does not have")  # fmt: skip
    return found
