"""Local functions of an ONNX file, put in the place of their calls."""

import os
from collections.abc import Iterator
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits

# Marks a constant of a function, which counts once however often it is called. No file knows it.
MARK = f"{os.urandom(8).hex()}:"


def inlined(proto: Any) -> Any:
    """Return the model without local functions. Raises: FileError if they have no end."""
    if not proto.functions:
        return proto
    limits.check("layers in local functions", _size(proto), limits.LAYERS)
    from onnx import inliner

    for function in proto.functions:
        for node in nodes_of(function.node):
            if node.op_type == "Constant" and node.output:
                for each in node.attribute:
                    each.t.doc_string = f"{MARK}{function.domain}.{function.name}.{node.output[0]}"
    try:
        return inliner.inline_local_functions(proto)
    except Exception as error:  # whatever its C++ raises
        raise FileError(f"damaged ONNX: its local functions ({str(error)[:120]})") from None


def _size(proto: Any) -> int:
    """Return how many nodes the graph has when each call is replaced. Raises: FileError."""
    functions = {(each.domain, each.name): each for each in proto.functions}
    sizes: dict[tuple[str, str], int] = {}
    stack = [(key, False) for key in functions]
    open_calls: set[tuple[str, str]] = set()
    while stack:  # a function after those that it calls
        key, done = stack.pop()
        called = [(n.domain, n.op_type) for n in nodes_of(functions[key].node)]
        if done:
            open_calls.discard(key)
            sizes[key] = sum(sizes.get(each, 1) for each in called)
        elif key not in sizes:
            if key in open_calls:
                raise FileError(f"the local function {key[1][:60]!r} calls itself")
            open_calls.add(key)
            stack.append((key, True))
            stack += [(each, False) for each in called if each in functions]
    return sum(sizes.get((n.domain, n.op_type), 1) for n in nodes_of(proto.graph.node))


def nodes_of(nodes: Any) -> Iterator[Any]:
    """Yield the nodes in their order, each before those of the graphs inside it."""
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        yield node
        for each in node.attribute:
            for graph in graphs_in(each):
                waiting += reversed(graph.node)


def graphs_in(attribute: Any) -> tuple[Any, ...]:
    """Return the graphs that an attribute of a node holds: GRAPH and GRAPHS of AttributeType."""
    return (attribute.g, *attribute.graphs) if attribute.type in (5, 10) else ()
