"""What is said of a stack that does not fit: where, what is missing, and what to write."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from rnncli.errors import RnncliError, ShapeError, UsageError
from rnncli.layers import TABLE, layer_type
from rnncli.model import Config, Layer
from rnncli.shapes import Shape, Shapes, show

_SHOWN = 8  # layers before the one that does not fit
# Families of layers that take a list of tensors; others take one from the layer before.
_MERGING = ("merging", "attention", "multi_head_attention")


class Placed(NamedTuple):
    """A layer of a stack with its full config and its shapes, None where they are not known."""

    layer: Layer
    config: Config
    inputs: Shapes | None
    outputs: Shapes | None


def check_single(layer: Layer, inputs: Sequence[Shape]) -> None:
    """Check that a layer can take all tensors that the one before gives. Raises: ShapeError."""
    family = TABLE.get(layer.kind or "", "merging")
    if len(inputs) < 2 or layer.model is not None or family in _MERGING:
        return
    if not layer_type(layer.kind or "").lists:
        shapes = ", ".join(map(show, inputs))
        raise ShapeError(f'Layer "{layer.name}" expects 1 input(s), but it received {len(inputs)} '
                         f"input tensors: {shapes}")  # fmt: skip


def misfit(before: Sequence[Placed], layer: Layer, error: Exception) -> RnncliError:
    """Return the error of a layer: the reason, a hint of what to write, and the stack up to it."""
    reason = error.message if isinstance(error, RnncliError) else f"cannot be built: {error}"
    hint = error.hint if isinstance(error, RnncliError) else None
    if not before or isinstance(error, UsageError):
        return ShapeError(f"{layer.name}: {reason}", hint)
    last = before[-1]
    message = f"{layer.name} does not fit on {last.layer.name}: {reason}"
    fix = hint or _torch_size(last, layer, reason) or _fix(before, layer)
    return ShapeError(message, fix, tuple(_drawn(before, layer)))


def _torch_size(last: Placed, layer: Layer, reason: str) -> str | None:
    """Return the argument that says how many features a PyTorch module reads."""
    argument = re.search(r" has (\w+)=\d+, but it gets", reason)
    if layer.dialect != "torch" or argument is None or not last.outputs:
        return None
    return f"write {argument[1]}={last.outputs[0][-1]} in {layer.name!r}"


def _drawn(before: Sequence[Placed], layer: Layer) -> list[str]:
    """Return a line per layer up to the one that does not fit, which an arrow marks."""
    shown = before[-_SHOWN:]
    names = [f"{each.layer.name} ({each.layer.type or each.layer.kind})" for each in shown]
    names.append(f"{layer.name} ({layer.type or layer.kind})")
    widest = max(map(len, names))
    lines = [
        f"    {name:<{widest}}  {', '.join(map(show, each.outputs)) if each.outputs else '?'}"
        for name, each in zip(names, shown, strict=False)
    ]
    left = len(before) - len(shown)
    more = [f"    {left:,} layers before"] if left else []
    return [*more, *lines, f"  → {names[-1]:<{widest}}  does not fit"]


def _fix(before: Sequence[Placed], layer: Layer) -> str | None:
    """Return what to write so that the layer fits, None where that is not known."""
    last = before[-1]
    outputs = last.outputs or ((),)
    if len(outputs) > 1:
        return _one_output(last)
    rank, kind = len(outputs[0]), layer.kind or ""
    if kind.endswith("2D"):
        return _to_images(outputs[0], kind) if rank == 3 else None
    if rank == 2:
        return _keep_time(before)
    if rank == 1:
        return 'write the input as --layer "Input((100, 32))": 100 steps of 32 features'
    if rank > 3:
        return _to_steps(outputs[0])
    if outputs[0][-1] is None:
        return f"give the last axis of {last.layer.name!r} a size; only the steps may be open"
    return None


def _one_output(last: Placed) -> str:
    name = last.layer.name
    if last.layer.kind == "Bidirectional" and last.config.get("merge_mode") is None:
        return f"give {name!r} merge_mode='concat'"
    return f"give {name!r} return_state=False"


def _keep_time(before: Sequence[Placed]) -> str | None:
    """Return how to keep the axis of steps, by the layer that took it away."""
    for place in reversed(before):
        name, config = place.layer.name, place.config
        inner = config.get("layer") or {}
        if not config.get("return_sequences", inner.get("config", {}).get("return_sequences", 1)):
            return f"give {name!r} return_sequences=True"
        if place.layer.kind == "InputLayer":
            size = (place.outputs or ((None, None),))[0][-1]
            if size is None:
                return 'write the input as --layer "Input((None, 32))": any steps of 32 features'
            return (f'write --layer "Input(({size}, 1))" for {size:,} steps of one feature, or '
                    f'"Input((1, {size}))" for one step of {size:,}')  # fmt: skip
        if place.inputs and len(place.inputs[0]) > 2:
            return f"leave {name!r} out: it takes away the axis of steps"
    return None


def _to_images(shape: Shape, kind: str) -> str:
    sizes = ", ".join(map(str, (*shape[1:], 1)))
    if None in shape[1:]:
        return f"use {kind.replace('2D', '1D')} for sequences"
    same = f"use {kind.replace('2D', '1D')} for sequences"
    return f'{same}, or put --layer "Reshape(({sizes}))" before it'


def _to_steps(shape: Shape) -> str:
    _, steps, *rest = shape
    size = 1
    for dim in rest:
        if dim is None or steps is None:
            return 'put --layer "TimeDistributed(Flatten())" before it'
        size *= dim
    return f'put --layer "Reshape(({steps}, {size}))" before it'
