"""The open axes of a graph's inputs: which is the batch, which the steps, and filling them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rnncli.errors import UsageError, nearest
from rnncli.formats.onnx.functions import nodes_of

BATCH, STEPS = "batch", "steps"
# What exporters and their users call these axes.
_NAMED = {
    BATCH: re.compile(r"batch|^(?:b|bs|n|bsz)$", re.IGNORECASE),
    STEPS: re.compile(r"step|seq|time|len|frame|token|^(?:t|s|l)$", re.IGNORECASE),
}


def name_open(proto: Any) -> None:
    """Give each open axis of the graph's inputs that has no name one: `x[0]`."""
    held = {each.name for each in proto.graph.initializer}
    for value in proto.graph.input:
        if value.name not in held:
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                if not dim.dim_param and not (dim.HasField("dim_value") and dim.dim_value > 0):
                    dim.dim_param = f"{value.name}[{axis}]"


def roles(proto: Any) -> dict[str, str]:
    """Return what each open axis is, by its name: `batch`, `steps`, or no entry.

    `proto` has the shapes that were inferred: where an axis ends at a recurrent node tells more
    than its name, and its name more than its place.
    """
    found = dict(_at_recurrent(proto.graph))
    held = {each.name for each in proto.graph.initializer}
    for value in proto.graph.input:
        dims = () if value.name in held else value.type.tensor_type.shape.dim
        for axis, dim in enumerate(dims):
            name = dim.dim_param
            if name and name not in found:
                known = [role for role, pattern in _NAMED.items() if pattern.search(name)]
                made_up = name == f"{value.name}[{axis}]" or re.search(r"^(?:unk_|s\d+$)", name)
                if known and not made_up:
                    found[name] = known[0]
                elif axis < 2:
                    found[name] = (BATCH, STEPS)[axis]
    return found


def _at_recurrent(graph: Any) -> Iterator[tuple[str, str]]:
    """Yield the names of axes that are the steps or the batch of a recurrent node."""
    shapes = {
        each.name: [dim.dim_param for dim in each.type.tensor_type.shape.dim]
        for each in (*graph.value_info, *graph.input)
    }
    for node in nodes_of(graph.node):
        if node.op_type not in ("RNN", "GRU", "LSTM", "DynamicQuantizeLSTM"):
            continue
        first = any(each.name == "layout" and each.i for each in node.attribute)
        axes = (BATCH, STEPS) if first else (STEPS, BATCH)
        state = (BATCH, "", "") if first else ("", BATCH, "")
        for position, meant in ((0, axes), (5, state), (6, state)):
            name = node.input[position] if len(node.input) > position else ""
            for param, role in zip(shapes.get(name, ()), meant, strict=False):
                if param and role:
                    yield param, role


def filled(proto: Any, meant: Mapping[str, str], batch: int | None, steps: int | None,
           named: Mapping[str, int]) -> Any:  # fmt: skip
    """Return the model with sizes for its open axes. Raises: UsageError for an unknown name."""
    sizes: dict[str, int] = {}
    for role, size in ((BATCH, batch), (STEPS, steps)):
        if size is not None:
            sizes |= {name: size for name, what in meant.items() if what == role}
    known = {dim.dim_param for each in proto.graph.input
             for dim in each.type.tensor_type.shape.dim if dim.dim_param}  # fmt: skip
    for name in named:
        if name not in known:
            names = ", ".join(sorted(known)[:20])
            raise UsageError(
                f"--dim: the model has no open axis called {name[:60]!r}",
                nearest(name, sorted(known)) or (f"it has: {names}" if known else None),
            )
    sizes |= named
    other = type(proto)()
    other.CopyFrom(proto)
    graph = other.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    return other
