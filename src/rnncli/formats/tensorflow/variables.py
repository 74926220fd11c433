"""The variables of a checkpoint by the modules they are in, those of the optimizer apart."""

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


def by_module(bundle: Bundle, objects: list[Node]) -> dict[str, list[Entry]]:
    """Return the tensors of the model by the name of what they are in, in a stable order."""
    named = _named(objects)
    aside = _optimizer_keys(objects)
    found: dict[str, list[Entry]] = {}
    for key, place in bundle.places.items():
        if place.dtype == "string" or key in aside or _is_aside(key):
            continue
        name = named.get(key) or key.removesuffix(_MARK)
        module, _, last = name.rpartition("/")
        module = module.removesuffix("_cell").removesuffix("/cell") or module
        found.setdefault(module or "root", []).append(bundle.entry(key)._replace(name=last))
    for held in found.values():
        held.sort(key=_order)
    return found


_NAMES = ("kernel", "depthwise_kernel", "embeddings", "gamma", "recurrent_kernel", "beta", "bias",
          "moving_mean", "moving_variance")  # fmt: skip


def _order(each: Entry) -> tuple[bool, int]:
    """Return where a weight stands among those of its layer in Keras."""
    known = each.name in _NAMES
    return not known, _NAMES.index(each.name) if known else 0


def _is_aside(key: str) -> bool:
    """Whether a key says of itself that it is no weight of the model."""
    first = key.partition("/")[0]
    return (
        ".OPTIMIZER_SLOT" in key
        or first in ("optimizer", "save_counter", "_CHECKPOINTABLE_OBJECT_GRAPH", "global_step")
        or key.startswith("keras_api/metrics")
        or key == OBJECT_GRAPH
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
