"""Quantized models whose configs do not say all of it."""

from collections.abc import Iterable

from rnncli.layers import TABLE
from rnncli.layers.quantization import policy_of
from rnncli.model import Layer


def hides_quantized(layers: Iterable[Layer]) -> bool:
    """Whether some layers are quantized, and others may be of which Keras 3.15 does not say so.

    `Model.quantize` reaches the projections inside attention, whose configs nothing holds.
    """
    found = list(_all(layers))
    return any(TABLE.get(each.kind or "") == "multi_head_attention" for each in found) and any(
        policy_of(each.config) for each in found
    )


def _all(layers: Iterable[Layer]) -> Iterable[Layer]:
    for layer in layers:
        yield layer
        yield from _all(layer.model.layers if layer.model is not None else ())
