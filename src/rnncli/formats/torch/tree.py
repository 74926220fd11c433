"""The tensors and modules inside what `torch.save` has written."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Record
from rnncli.formats.torch.tensors import TorchTensor, tensor_of

# Where checkpoints keep the state dict, the likeliest first.
_HOMES = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module",
          "weights", "params")  # fmt: skip
_NOT_WEIGHTS = ("optim", "scheduler", "amp", "scaler", "rng")


class Module(NamedTuple):
    """A pickled module: its class, its plain attributes and whether it has modules inside."""

    class_name: str
    attributes: Mapping[str, Any]
    leaf: bool


class Found(NamedTuple):
    """The tensors by their names in the order of the file, buffers apart, and the modules."""

    tensors: dict[str, TorchTensor]
    modules: dict[str, Module]
    buffers: frozenset[str] = frozenset()
    details: Mapping[str, str] = {}


def tensors_in(root: Any) -> Found:
    """Return the tensors of the model that an object is, or holds."""
    found = Found({}, {})
    buffers: set[str] = set()
    steps = _Steps()
    home = _home(root, steps)
    _collect(home, "", found, buffers, [], steps)
    limits.check("tensors", len(found.tensors), limits.TENSORS)
    return found._replace(buffers=frozenset(buffers), details=_details(root, home))


def _details(root: Any, home: Any) -> dict[str, str]:
    """Return the plain facts that a checkpoint keeps beside its model."""
    if root is home or not isinstance(root, Mapping):
        return {}
    return {
        str(key)[:40]: str(value)[:60]
        for key, value in root.items()
        if isinstance(value, str | int | float) and not isinstance(key, Record)
    }


class _Steps:
    """How often values are looked at: what refers to the same ones over and over has no end."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self) -> None:
        """Count one. Raises: FileError."""
        self.taken += 1
        if self.taken > limits.PICKLE_WALK:
            raise FileError("a pickle whose values refer to each other too often")


def _home(root: Any, steps: _Steps) -> Any:
    """Return the part of a checkpoint that is the model: what a well-known key holds, say."""
    for _ in range(limits.MODEL_NESTING):
        pairs = _mapping(root)
        if pairs is None or (isinstance(root, Record) and _is_module(root)):
            return root
        known = {str(key): value for key, value in pairs.items()}
        homes = [known[name] for name in _HOMES if name in known and _holds(known[name], steps)]
        others = [
            value
            for key, value in known.items()
            if not any(word in key.lower() for word in _NOT_WEIGHTS)
            and tensor_of(value) is None
            and _holds(value, steps)
        ]
        direct = any(tensor_of(value) is not None for value in pairs.values())
        if homes:
            root = homes[0]
        elif len(others) == 1 and not direct:
            root = others[0]
        else:
            return {k: v for k, v in known.items() if tensor_of(v) is not None or v in others}
    return root


def _mapping(value: Any) -> dict[Any, Any] | None:
    """Return the pairs of a dict or an OrderedDict, None if it is something else."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, Record) or _is_module(value):
        return None
    if value.what.endswith(("OrderedDict", "defaultdict")) and not value.pairs:
        first = value.args[0] if value.args else None
        if isinstance(first, list):  # as Python 2 writes it
            return {p[0]: p[1] for p in first if isinstance(p, list | tuple) and len(p) == 2
                    and isinstance(p[0], str)}  # fmt: skip
    return value.pairs


def _is_module(value: Any) -> bool:
    """Whether a record is a module: a `torch.nn.Module` keeps its parts under these names."""
    state = _state(value)
    if state is None:
        return False
    return "_modules" in state or "_parameters" in state or value.what.startswith("__torch__")


def _state(value: Any) -> dict[Any, Any] | None:
    """Return what a record's `__setstate__` would get: its attributes."""
    if not isinstance(value, Record):
        return None
    state = value.state
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict):
        state = state[0]
    return state if isinstance(state, dict) else None


def _holds(value: Any, steps: _Steps) -> bool:
    """Whether there are tensors in a value, at whatever depth."""
    for each in walk(value):
        if isinstance(each, list | tuple | dict | Record):
            steps.take()
        if tensor_of(each) is not None:
            return True
    return False


def walk(root: Any) -> Iterator[Any]:
    """Yield every value below one, each once."""
    stack, seen = [root], set()
    while stack:
        value = stack.pop()
        if isinstance(value, list | tuple | dict | Record):
            if id(value) in seen:
                continue
            seen.add(id(value))
        yield value
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list | tuple):
            stack += value
        elif isinstance(value, Record):
            stack += [value.args, value.items, value.pairs, value.state]


def _collect(
    value: Any, prefix: str, found: Found, buffers: set[str], above: list[int], steps: _Steps
) -> None:
    """Add the tensors and modules below a value, called by the path to them."""
    steps.take()
    limits.check("modules inside modules", len(above), limits.NESTING)
    limits.check("characters in a tensor's name", len(prefix), limits.NAME_CHARACTERS)
    named = len(found.tensors) + len(found.modules)
    limits.check("characters in all names", len(prefix) * named, limits.NAMES_CHARACTERS)
    tensor = tensor_of(value)
    if tensor is not None:
        found.tensors[prefix or "tensor"] = tensor
        return
    if id(value) in above:  # a cycle
        return
    parts, own_buffers = _parts(value)
    if isinstance(value, Record) and _is_module(value):
        found.modules[prefix] = _module(value, parts)
    limits.check("tensors", len(found.tensors), limits.TENSORS)
    for name, part in parts.items():
        path = f"{prefix}.{name}" if prefix else name
        if name in own_buffers:
            buffers.add(path)
        _collect(part, path, found, buffers, [*above, id(value)], steps)


def _parts(value: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the named parts of a value, and which of them are buffers."""
    state = _state(value) if isinstance(value, Record) and _is_module(value) else None
    if state is not None:
        if "_parameters" not in state and "_modules" not in state:  # TorchScript
            kept = {k: v for k, v in state.items() if isinstance(k, str) and _part(v)}
            return kept, frozenset()
        groups = [_mapping(state.get(key)) or {} for key in ("_parameters", "_buffers", "_modules")]
        parts = {str(k): v for group in groups for k, v in group.items() if v is not None}
        return parts, frozenset(str(key) for key in groups[1])
    pairs = _mapping(value)
    if pairs is not None:
        return {
            str(k): v for k, v in pairs.items() if isinstance(k, str | int) and _part(v)
        }, frozenset()
    if isinstance(value, list | tuple):
        return {str(i): v for i, v in enumerate(value) if _part(v)}, frozenset()
    return {}, frozenset()


def _part(value: Any) -> bool:
    return isinstance(value, Record | dict | list | tuple)


def _module(value: Record, parts: Mapping[str, Any]) -> Module:
    state = _state(value) or {}
    plain = {
        str(key): each
        for key, each in state.items()
        if isinstance(each, str | int | float | bool) or each is None
    }
    leaf = not any(_is_module(part) for part in parts.values())
    return Module(value.what.rpartition(".")[2], plain, leaf)
