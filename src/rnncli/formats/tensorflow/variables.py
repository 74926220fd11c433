"""The variables of a checkpoint by the modules they are in, those of the optimizer apart."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from rnncli.formats import limits
from rnncli.formats.containers.hdf5 import Entry
from rnncli.formats.tensorflow.bundle import OBJECT_GRAPH, Bundle, Node
from rnncli.model import Weight

# Names in an object that lead to what is not the model's own, or to what stands elsewhere, too.
_NOT_MODULES = (
    "optimizer", "signatures", "keras_api", "variables", "trainable_variables",
    "non_trainable_variables", "_variables", "_trainable_variables", "_non_trainable_variables",
    "save_counter", "regularization_losses", "_metrics", "_tracked",
)  # fmt: skip
_MARK = "/.ATTRIBUTES/VARIABLE_VALUE"


class _Part(NamedTuple):
    module: str
    entry: Entry

    @property
    def name(self) -> str:
        return self.entry.name


def by_module(bundle: Bundle, objects: list[Node]) -> dict[str, list[Entry]]:
    """Return the tensors of the model by the name of what they are in, in a stable order."""
    named, aside = _named(objects), _optimizer_keys(objects)
    parts = []
    for key in _in_order(bundle, objects):
        name = named.get(key) or key.removesuffix(_MARK)
        if bundle.places[key].dtype == "string" or key in aside or _is_aside(key, name):
            continue
        module, _, last = name.rpartition("/")
        parts.append(_Part(module, bundle.entry(key)._replace(name=last)))
    modules = {part.module for part in parts}
    groups: dict[str, list[_Part]] = {}
    for part in parts:
        groups.setdefault(_layer_of(part.module, modules) or "root", []).append(part)
    return {name: held for place, group in groups.items() for name, held in _layers(place, group)}


def _in_order(bundle: Bundle, objects: list[Node]) -> list[str]:
    """Return the keys, first those that the model lists as its variables, in its order."""
    listed = objects[0].children.get("variables") if objects else None
    children = objects[listed].children if listed is not None else {}
    numbers = sorted((name for name in children if name.isdecimal()), key=int)
    first = [str(objects[children[name]].key) for name in numbers]
    return list(dict.fromkeys([*(key for key in first if key in bundle.places), *bundle.places]))


def _layer_of(module: str, modules: set[str]) -> str:
    """Return the layer that a module is in: a cell and a direction are parts of one."""
    for part in (_CELL, _DIRECTION):
        above, _, last = module.rpartition("/")
        if above and above not in modules and part.fullmatch(last):
            module = above
    return module


def _layers(place: str, group: list[_Part]) -> Iterator[tuple[str, list[Entry]]]:
    """Yield the layers at a place with their tensors; a name that comes again begins another."""
    if len({(part.module, part.name) for part in group}) == len(group):
        order = list(dict.fromkeys(part.module for part in group))
        order.sort(key=lambda module: "backward" in module)
        group = sorted(group, key=lambda part: (order.index(part.module), _order(part.entry)))
        yield place, [part.entry for part in group]
        return
    runs: list[list[Entry]] = []
    for _, entry in group:
        again = runs and entry.name in {each.name for each in runs[-1]}
        if not runs or again or entry.name in _FIRST:
            runs.append([])
        runs[-1].append(entry)
    yield from ((f"{place}/{number}", held) for number, held in enumerate(runs))


_CELL = re.compile(r"(\w+_)?cell(_\d+)?")
_DIRECTION = re.compile(r"(forward|backward)(_\w+)?")
_FIRST = ("kernel", "depthwise_kernel", "embeddings", "gamma")
_NAMES = (*_FIRST, "recurrent_kernel", "beta", "bias", "moving_mean", "moving_variance")


def _order(each: Entry) -> tuple[bool, int]:
    """Return where a weight stands among those of its layer in Keras."""
    known = each.name in _NAMES
    return not known, _NAMES.index(each.name) if known else 0


def _is_aside(key: str, name: str) -> bool:
    """Whether a key says of itself that it is no weight of the model."""
    first = key.partition("/")[0]
    return (
        ".OPTIMIZER_SLOT" in key
        or name.endswith("seed_generator_state")
        or first in ("optimizer", "save_counter", OBJECT_GRAPH, "global_step")
        or key.startswith(("keras_api/metrics", "_all_variables/"))
        or "/keras_api/states/" in key  # what a stateful layer remembers
    )


def _named(objects: list[Node]) -> dict[str, str]:
    """Return the name of each variable by its key: the path of objects that leads to it."""
    found: dict[str, str] = {}
    seen, queue = {0}, [(0, "")]
    for index, path in queue:
        limits.check("objects", len(queue), limits.TENSORS)
        if not objects:
            break
        for name, child in objects[index].children.items():
            if name in _NOT_MODULES or name.startswith(("__call__", "call_and_return", "_default")):
                continue
            node, below = objects[child], f"{path}/{name}".lstrip("/")
            limits.check("characters in a tensor's name", len(below), limits.NAME_CHARACTERS)
            if node.key is not None:
                found.setdefault(node.key, below)
            elif child not in seen:
                seen.add(child)
                queue.append((child, below))
    for node in objects:
        if node.key is not None and node.full_name:
            found.setdefault(node.key, node.full_name)
    return found


def _optimizer_keys(objects: list[Node]) -> set[str]:
    """Return the keys of all that is kept for an optimizer: its slots, and what is below it."""
    slots = {slot for node in objects for slot in node.slots}
    queue = list(slots)
    if objects and "optimizer" in objects[0].children:
        queue.append(objects[0].children["optimizer"])
    seen = set(queue)
    for index in queue:
        for child in objects[index].children.values():
            if child not in seen:
                seen.add(child)
                queue.append(child)
    return {str(objects[index].key) for index in seen if objects[index].key is not None}


def optimizer_weights(bundle: Bundle, objects: list[Node]) -> tuple[Weight, ...] | None:
    """Return the variables of the optimizer, None if the checkpoint has none."""
    keys = _optimizer_keys(objects)
    keys |= {key for key in bundle.places if key.startswith("optimizer/")}
    found = [bundle.entry(key) for key in bundle.places if key in keys]
    return tuple(each.weight for each in found if each.dtype != "string") or None
