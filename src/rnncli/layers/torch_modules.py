"""Modules of PyTorch's files, of which no file says what they are called on: their work at a step.

A file has no graph. Each module is taken to be called once at each step of a sequence.
"""

import re
from collections.abc import Mapping
from math import prod
from typing import NamedTuple

from rnncli.model import Layer
from rnncli.shapes import Dim

_NORMS = re.compile(r"(Layer|RMS|Group|(Lazy)?(Batch|Instance|SyncBatch))Norm(\dd)?")
_FREE = re.compile(
    r"\w*Dropout\w*|Identity|Flatten|Unflatten|\w*(ReLU|LU|Tanh|tanh|Sigmoid|sigmoid)\d?|SiLU|Mish|"
    r"\w*Softmax\w*|Soft\w+|Hard\w+|\w*Pool\dd|\w*[sS]hrink|Threshold|\w*Loss|Upsample"
)


class AtStep(NamedTuple):
    """Multiply-accumulates and values of the output at one step; None: not known."""

    macs: Dim
    outputs: Dim


def at_step(layer: Layer) -> AtStep | None:
    """Return what a module does at a step, None if its kind is not known."""
    shapes = {weight.name: weight.shape for weight in layer.weights or ()}
    kernel = shapes.get("weight") or shapes.get("in_proj_weight") or ()
    kind = layer.type
    if kind.endswith("Linear") and len(kernel) == 2:
        return AtStep(prod(kernel), kernel[0])
    if kind in ("Embedding", "EmbeddingBag") and len(kernel) == 2:
        return AtStep(0, kernel[1])
    if kind in ("Conv1d", "ConvTranspose1d") and len(kernel) == 3:
        return AtStep(prod(kernel), _filters(kind, shapes))
    if kind == "Bilinear" and len(kernel) == 3:
        return AtStep(prod(kernel), kernel[0])
    if kind == "MultiheadAttention" and len(kernel) == 2:  # its products of steps are not a step's
        return AtStep(None, kernel[1])
    if _NORMS.fullmatch(kind):
        return AtStep(0, prod(kernel) if kernel else None)
    return AtStep(0, None) if _FREE.fullmatch(kind) else None


def _filters(kind: str, shapes: Mapping[str, tuple[int, ...]]) -> int:
    if kind == "Conv1d":
        return shapes["weight"][0]
    return shapes["bias"][0] if "bias" in shapes else shapes["weight"][1]


def steps_of(layer: Layer) -> Dim:
    """Return the steps that a module is taken to be called on, None if they are open."""
    shapes = layer.build_shapes
    return shapes[0][1] if shapes and len(shapes[0]) > 1 else None


def macs_of(layer: Layer) -> tuple[Dim, Dim]:
    """Return a module's multiply-accumulates per step and per sequence, None where unknown.

    Those of self-attention grow with the square of the steps: scores and their use take
    `steps * steps * width` each.
    """
    found, steps = at_step(layer), steps_of(layer)
    if found is None:
        return None, None
    if layer.type == "MultiheadAttention" and found.macs is None:
        width = found.outputs
        if steps is None or width is None:
            return None, None
        return None, steps * 3 * width * width + 2 * steps * steps * width
    if found.macs == 0:
        return 0, 0
    return found.macs, None if steps is None or found.macs is None else steps * found.macs
