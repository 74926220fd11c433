"""What a module may be, by what its tensors are called and by their shapes.

A state dict names no classes. Where shapes leave more than one class, the likeliest by the
module's name comes first and the others are told.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

Shape = tuple[int, ...]

_EMBEDDING = re.compile(
    r"(^|[._])(\w*emb(ed(ding)?s?)?|wte|wpe|tok(en)?s?|lookup|vocab\w*)(_?\d+)?$", re.IGNORECASE
)
_HEAD = re.compile(r"head|fc|dec|proj|out|linear|dense|query|key|value|attn|[qkvo]$", re.IGNORECASE)
_NORMS = {
    "GroupNorm": re.compile(r"group|(^|[._])gn", re.IGNORECASE),
    "RMSNorm": re.compile(r"rms", re.IGNORECASE),
    "PReLU": re.compile(r"act|relu", re.IGNORECASE),
    "BatchNorm1d": re.compile(r"batch|(^|[._])bn", re.IGNORECASE),
    "InstanceNorm1d": re.compile(r"instance|(^|[._])in\d*$", re.IGNORECASE),
    "LayerNorm": re.compile(r"layer|(^|[._])ln|norm", re.IGNORECASE),
}
_TRANSPOSED = re.compile(r"trans|deconv|up|dec", re.IGNORECASE)
_CONVOLUTION = re.compile(r"conv|cnn", re.IGNORECASE)


class Guess(NamedTuple):
    """The likeliest class, and the others that it may be."""

    name: str
    others: tuple[str, ...] = ()


UNKNOWN = Guess("?")


def guess(path: str, shapes: Mapping[str, Shape], statistics: Shape | None, planes: int) -> Guess:
    """Return what a module with these parameters is.

    `statistics` is the shape of the running ones that it keeps, None if it keeps none; `planes` the
    axes that the last convolution before it works along, 0 if there is none.
    """
    if statistics is not None:
        kinds = [f"BatchNorm{axes}d" for axes in (1, 2, 3)]
        first = kinds[max(planes, 1) - 1]
        others = [kind for kind in kinds if kind != first]
        return Guess(first, (*others, "InstanceNorm"))
    if "in_proj_weight" in shapes or {"q_proj_weight", "k_proj_weight"} <= set(shapes):
        return Guess("MultiheadAttention")
    weight, bias = shapes.get("weight"), shapes.get("bias")
    if weight is None or not set(shapes) <= {"weight", "bias"}:
        return UNKNOWN
    if len(weight) == 1:
        return _scales(path, weight, bias)
    if bias == weight and len(weight) > 1:
        return Guess("LayerNorm")
    if len(weight) == 2:
        return _matrix(path, weight, bias)
    return _window(path, weight, bias) if 3 <= len(weight) <= 5 else UNKNOWN


def _scales(path: str, weight: Shape, bias: Shape | None) -> Guess:
    """Return what a module is that has a value for each channel."""
    if bias is None:
        kinds = ["PReLU", "RMSNorm", "LayerNorm"] if weight == (1,) else ["RMSNorm", "PReLU",
                                                                         "LayerNorm"]  # fmt: skip
    elif bias == weight:
        kinds = ["LayerNorm", "GroupNorm", "BatchNorm1d", "InstanceNorm1d"]
    else:
        return UNKNOWN
    last = path.rpartition(".")[2]
    named = [kind for kind in kinds if _NORMS[kind].search(last)]
    first = named[0] if named else kinds[0]
    return Guess(first, tuple(kind for kind in kinds if kind != first))


def _matrix(path: str, weight: Shape, bias: Shape | None) -> Guess:
    if bias is not None:
        return Guess("Linear") if bias == weight[:1] else UNKNOWN
    words = weight[0] > 2 * weight[1] and not _HEAD.search(path.rpartition(".")[2])
    if _EMBEDDING.search(path) or words:
        return Guess("Embedding", ("Linear",))
    return Guess("Linear", ("Embedding",))


def _window(path: str, weight: Shape, bias: Shape | None) -> Guess:
    """Return which convolution: `(outputs, inputs, *window)`, transposed `(inputs, outputs, …)`."""
    axes = len(weight) - 2
    plain, turned = f"Conv{axes}d", f"ConvTranspose{axes}d"
    if bias is not None and len(bias) != 1:
        return UNKNOWN
    straight = bias is None or bias[0] == weight[0]
    back = bias is None or (weight[1] > 0 and bias[0] % weight[1] == 0 and bias[0] >= weight[1])
    if not straight:
        return Guess(turned) if back else UNKNOWN
    others: tuple[str, ...] = (turned,) if back and weight[0] != 1 else ()
    if axes == 1 and not _CONVOLUTION.search(path):
        others += ("Bilinear",)
    if others and _TRANSPOSED.search(path.rpartition(".")[2]) and turned in others:
        return Guess(turned, (plain, *others[1:]))
    return Guess(plain, others)
