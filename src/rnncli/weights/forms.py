"""Layers without cells, as each framework names and lays out their weights."""

from collections.abc import Mapping
from typing import NamedTuple


class Form(NamedTuple):
    """How a kind of Keras is stored: `torch` is the module, `onnx` the operator.

    `names` pairs Keras's name of a weight with PyTorch's, and with the position of the operator's
    input; `turned` lists the weights whose filters stand first in PyTorch and ONNX (`onnx_turned`
    False: in PyTorch alone).
    """

    torch: str
    onnx: str
    names: Mapping[str, tuple[str, int]]
    turned: tuple[str, ...] = ()
    onnx_turned: bool = True


_KERNEL = {"kernel": ("weight", 1), "bias": ("bias", 2)}
_SCALES = {"gamma": ("weight", 1), "beta": ("bias", 2)}
_MOVING = {"moving_mean": ("running_mean", 3), "moving_variance": ("running_var", 4)}

FORMS = {
    "Dense": Form("Linear", "Gemm", _KERNEL, ("kernel",), onnx_turned=False),
    "Embedding": Form("Embedding", "Gather", {"embeddings": ("weight", 0)}),
    **{
        f"Conv{rank}D": Form(f"Conv{rank}d", "Conv", _KERNEL, ("kernel",)) for rank in (1, 2, 3)
    },
    **{
        f"Conv{rank}DTranspose": Form(f"ConvTranspose{rank}d", "ConvTranspose", _KERNEL,
                                      ("kernel",))
        for rank in (1, 2, 3)
    },
    "LayerNormalization": Form("LayerNorm", "LayerNormalization", _SCALES),
    "BatchNormalization": Form("BatchNorm", "BatchNormalization", {**_SCALES, **_MOVING}),
    "GroupNormalization": Form("GroupNorm", "GroupNormalization", _SCALES),
    "RMSNormalization": Form("RMSNorm", "RMSNormalization", {"scale": ("weight", 1)}),
}  # fmt: skip

# The kind of Keras for a module of PyTorch.
KINDS = {form.torch: kind for kind, form in FORMS.items()} | {
    f"BatchNorm{rank}d": "BatchNormalization" for rank in (1, 2, 3)
}
