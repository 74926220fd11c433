"""Orders of a graph's calls and layers: one to compute in, and the one that Keras lists them in."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from typing import NamedTuple

from rnncli.errors import ShapeError
from rnncli.model import Call, Layer, Model, Ref

Node = tuple[str, int]  # a layer's name and the index of its call


class Depths(NamedTuple):
    """The depth of each call that the outputs depend on, and the layers in Keras's order."""

    nodes: dict[Node, int]
    layers: list[str]


def in_order(layers: Sequence[Layer]) -> list[tuple[Layer, int]]:
    """Return every call as `(layer, index)`, after the calls it depends on.

    Raises: ShapeError on a cycle, or on a connection to what is not there.
    """
    by_name = {layer.name: layer for layer in layers}
    dependents: dict[Node, list[Node]] = defaultdict(list)
    waiting: dict[Node, int] = {}
    for layer in layers:
        for index, call in enumerate(layer.calls):
            needed = {(ref.layer, ref.call) for ref in call.tensors()}
            for name, number in needed:
                if name not in by_name or number >= len(by_name[name].calls):
                    raise ShapeError(
                        f"layer {layer.name!r} is connected to call {number} of {name!r}, "
                        "which the model does not have"
                    )
                dependents[name, number].append((layer.name, index))
            waiting[layer.name, index] = len(needed)
    ready = deque(node for node, count in waiting.items() if not count)
    order = []
    while ready:
        node = ready.popleft()
        order.append((by_name[node[0]], node[1]))
        for other in dependents[node]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    if len(order) < len(waiting):
        stuck = next(name for (name, _), count in waiting.items() if count)
        raise ShapeError(f"the connections of layer {stuck!r} form a cycle")
    return order


def keras_depths(model: Model) -> Depths:
    """Return depths and layer order as Keras's Functional works them out from its outputs.

    A layer stands as deep as its deepest call; layers of one depth are in the order in which a
    depth-first walk from the outputs first meets them.
    """
    calls = {
        (layer.name, index): call
        for layer in model.layers
        for index, call in enumerate(layer.calls)
    }
    finished, met = _walk(calls, model.outputs)
    nodes: dict[Node, int] = {}
    depths: dict[str, int] = {}
    for node in reversed(finished):
        depth = max(nodes.get(node, 0), depths.get(node[0], 0))
        nodes[node] = depths[node[0]] = depth
        for ref in calls[node].tensors():
            before = (ref.layer, ref.call)
            nodes[before] = max(depth + 1, nodes.get(before, 0))
    for ref in model.inputs:
        if ref.layer not in depths:
            depths[ref.layer] = nodes[ref.layer, ref.call] = 0
            met[ref.layer] = -1
    return Depths(nodes, sorted(depths, key=lambda name: (-depths[name], met[name])))


def _walk(calls: dict[Node, Call], outputs: Sequence[Ref]) -> tuple[list[Node], dict[str, int]]:
    """Return the calls as a depth-first walk finishes them, and when each layer is met."""
    finished: dict[Node, None] = {}
    met: dict[str, int] = {}
    for output in outputs:
        stack = [((output.layer, output.call), False)]
        while stack:
            node, done = stack.pop()
            if done:
                finished[node] = None
                continue
            if node in finished or node not in calls:
                continue
            met.setdefault(node[0], len(met))
            stack.append((node, True))
            refs = calls[node].tensors()
            stack += [((ref.layer, ref.call), False) for ref in reversed(refs)]
    return list(finished), met


def is_chain(model: Model, depths: Depths) -> bool:
    """Whether Keras prints the graph without its connections: no branch and no shared layer."""
    nodes = depths.nodes
    if any(count > 1 for count in Counter(nodes.values()).values()):
        return False
    called = [model.layer(name).calls[index : index + 1] for name, index in nodes]
    if any(len(call.tensors()) > 1 for calls in called for call in calls):
        return False
    return all(count == 1 for count in Counter(name for name, _ in nodes).values())
