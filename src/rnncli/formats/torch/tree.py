"""The tensors and modules below a value of a pickle that PyTorch wrote."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Record
from rnncli.formats.torch import packed
from rnncli.formats.torch.tensors import TorchTensor, not_rebuilt, tensor_of

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Module(NamedTuple):
    """A pickled module: its class, its plain attributes and whether it has modules inside."""

    class_name: str
    attributes: Mapping[str, Any] = NOTHING
    leaf: bool = True


class Script(NamedTuple):
    """What TorchScript's code says of a class: its buffers, and attributes that are constant."""

    buffers: frozenset[str]
    constants: Mapping[str, Any]


class Found(NamedTuple):
    """The tensors by their names in the order of the file, and the modules by their paths.

    `buffers` names those of the tensors that are known not to be parameters, `unread` what is not
    counted and why, `optimizer` holds the tensors of optimizers. `models` are the keys that the
    names begin with where a checkpoint holds several models.
    """

    tensors: dict[str, TorchTensor]
    modules: dict[str, Module]
    buffers: frozenset[str] = frozenset()
    details: Mapping[str, str] = NOTHING
    unread: tuple[str, ...] = ()
    optimizer: tuple[TorchTensor, ...] = ()
    models: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Steps:
    """How often values are looked at: what refers to the same ones over and over has no end."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self) -> None:
        """Count one. Raises: FileError."""
        self.taken += 1
        if self.taken > limits.PICKLE_WALK:
            raise FileError("a pickle whose values refer to each other too often")


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


def mapping(value: Any) -> dict[Any, Any] | None:
    """Return the pairs of a dict or an OrderedDict, None if it is something else."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, Record) or is_module(value):
        return None
    if value.what.endswith(("OrderedDict", "defaultdict")) and not value.pairs:
        first = value.args[0] if value.args else None
        if isinstance(first, list):  # as Python 2 writes it
            return {p[0]: p[1] for p in first if isinstance(p, list | tuple) and len(p) == 2
                    and isinstance(p[0], str)}  # fmt: skip
    return value.pairs


def is_module(value: Any) -> bool:
    """Whether a value is a module: a `torch.nn.Module` keeps its parts under these names."""
    attributes = state(value)
    if attributes is None:
        return False
    return (
        "_modules" in attributes
        or "_parameters" in attributes
        or (value.what.startswith("__torch__") and packed.parts_of(value) is None)
    )


def state(value: Any) -> dict[Any, Any] | None:
    """Return what a record's `__setstate__` would get: its attributes."""
    if not isinstance(value, Record):
        return None
    found = value.state
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], dict):
        found = found[0]
    return found if isinstance(found, dict) else None


class Collector:
    """What has been found so far below a value."""

    def __init__(self, steps: Steps, scripts: Mapping[str, Script] = NOTHING) -> None:
        self.steps, self.scripts = steps, scripts
        self.tensors: dict[str, TorchTensor] = {}
        self.modules: dict[str, Module] = {}
        self.buffers: set[str] = set()
        self.unread: list[str] = []
        self.most = limits.TENSORS

    def found(self) -> Found:
        """Return it all."""
        return Found(self.tensors, self.modules, frozenset(self.buffers), {}, tuple(self.unread))

    def add(self, value: Any, prefix: str, above: tuple[int, ...] = ()) -> None:
        """Add the tensors and modules below a value, called by the path to them."""
        self.steps.take()
        self._check(prefix, len(above))
        if len(self.tensors) >= self.most:
            return
        tensor = tensor_of(value)
        if tensor is not None:
            self.tensors[prefix or "tensor"] = tensor
            return
        rebuilt = not_rebuilt(value)
        if rebuilt is not None:
            self.unread.append(f"{prefix or 'tensor'}: {rebuilt}")
            return
        if id(value) in above:  # a cycle
            return
        parts, buffers = _parts(value, self.scripts)
        if is_module(value):
            self.modules[prefix] = self._module(value, parts)
        for name, part in parts.items():
            path = f"{prefix}.{name}" if prefix else name
            if name in buffers:
                self.buffers.add(path)
            self.add(part, path, (*above, id(value)))

    def _check(self, prefix: str, depth: int) -> None:
        limits.check("modules inside modules", depth, limits.NESTING)
        limits.check("characters in a tensor's name", len(prefix), limits.NAME_CHARACTERS)
        named = len(self.tensors) + len(self.modules)
        limits.check("characters in all names", len(prefix) * named, limits.NAMES_CHARACTERS)
        limits.check("tensors", len(self.tensors), limits.TENSORS)

    def _module(self, value: Record, parts: Mapping[str, Any]) -> Module:
        plain = {
            str(key): each
            for key, each in (state(value) or {}).items()
            if isinstance(each, str | int | float | bool | tuple) or each is None
        }
        if value.what in self.scripts:
            plain |= self.scripts[value.what].constants
        leaf = not any(is_module(part) for part in parts.values())
        return Module(value.what.rpartition(".")[2], plain, leaf)


def sample(value: Any, steps: Steps, count: int = 40) -> dict[str, TorchTensor]:
    """Return the first tensors below a value, by their names."""
    collector = Collector(steps)
    collector.most = count
    collector.add(value, "")
    return collector.tensors


def _parts(value: Any, scripts: Mapping[str, Script]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the named parts of a value, and which of them are buffers."""
    inside = packed.parts_of(value)
    if inside is not None:
        return inside, frozenset()
    if is_module(value):
        return _module_parts(value, scripts)
    pairs = mapping(value)
    if pairs is not None:
        named = {str(k): v for k, v in pairs.items() if isinstance(k, str | int) and _part(v)}
        return named, frozenset()
    if isinstance(value, list | tuple):
        return {str(i): v for i, v in enumerate(value) if _part(v)}, frozenset()
    return {}, frozenset()


def _module_parts(
    value: Record, scripts: Mapping[str, Script]
) -> tuple[dict[str, Any], frozenset[str]]:
    attributes = state(value) or {}
    if "_parameters" not in attributes and "_modules" not in attributes:  # TorchScript
        kept = {k: v for k, v in attributes.items()
                if isinstance(k, str) and k != "_flat_weights" and _part(v)}  # fmt: skip
        known = scripts.get(value.what)
        return kept, known.buffers if known else frozenset()
    groups = [mapping(attributes.get(key)) or {} for key in ("_parameters", "_buffers", "_modules")]
    parts = {str(k): v for group in groups for k, v in group.items() if v is not None}
    quantised = ".quantized." in value.what
    for key, each in attributes.items():
        if packed.parts_of(each) is not None or (quantised and tensor_of(each) is not None):
            parts[str(key)] = each
    return parts, frozenset(str(key) for key in groups[1])


def _part(value: Any) -> bool:
    return isinstance(value, Record | dict | list | tuple)
