"""Keras's layers without cells as pieces."""

from collections.abc import Iterator

from rnncli.model import Config, Layer
from rnncli.weights import attention
from rnncli.weights.forms import FORMS
from rnncli.weights.piece import Part, Piece


def pieces(layer: Layer) -> Iterator[Piece]:
    """Yield the layer if it is one of `FORMS`, or one of them at every step, or attention."""
    kind, config = layer.kind or "", layer.config
    if kind == attention.KIND:
        yield from attention.keras_pieces(layer)
        return
    if kind == "TimeDistributed":
        kind, config = config["layer"]["class_name"], config["layer"]["config"]
    if kind == "TimeDistributedDense" or _is_product(kind, config):  # the former is of Keras 1
        kind = "Dense"
    if kind == "PReLU" and layer.kind != "PReLU":  # at every step, which PyTorch's does not know
        return
    if kind in FORMS and layer.weights:
        parts = {each.name: Part(each.shape, (each,)) for each in layer.weights}
        yield Piece(kind, layer, "", parts, dict(config))


def _is_product(kind: str, config: Config) -> bool:
    """Whether an EinsumDense multiplies the last axis by a matrix, as a Dense does."""
    if kind != "EinsumDense":
        return False
    inputs, _, rest = str(config["equation"]).replace("...", "").partition(",")
    kernel, _, outputs = rest.partition("->")
    alike = len(kernel) == 2 and outputs == inputs[:-1] + kernel[1:] and inputs[-1:] == kernel[:1]
    return alike and config["bias_axes"] in (None, kernel[1:])
