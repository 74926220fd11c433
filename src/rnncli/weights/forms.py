"""Layers without cells, as each framework names and lays out their weights."""

from collections.abc import Mapping
from typing import NamedTuple


class Form(NamedTuple):
    """How a kind of Keras is stored: `torch` is the module, `onnx` the operator.

    `names` pairs Keras's name of a weight with PyTorch's, and with the position of the operator's
    input; `turned` lists the weights whose filters stand first in PyTorch and ONNX (`onnx_turned`
    False: in PyTorch alone), `needed` those that PyTorch's and ONNX's always have.
    """

    torch: str
    onnx: str
    names: Mapping[str, tuple[str, int]]
    turned: tuple[str, ...] = ()
    onnx_turned: bool = True
    needed: tuple[str, ...] = ()


_KERNEL = {"kernel": ("weight", 1), "bias": ("bias", 2)}
_SCALES = {"gamma": ("weight", 1), "beta": ("bias", 2)}
_MOVING = {"moving_mean": ("running_mean", 3), "moving_variance": ("running_var", 4)}
_SEPARABLE = {"depthwise_kernel": ("0.weight", 1), "pointwise_kernel": ("1.weight", 2),
              "bias": ("1.bias", 3)}  # fmt: skip

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
    "LayerNormalization": Form("LayerNorm", "LayerNormalization", _SCALES, needed=("gamma",)),
    "BatchNormalization": Form("BatchNorm", "BatchNormalization", {**_SCALES, **_MOVING},
                               needed=(*_SCALES, *_MOVING)),
    "GroupNormalization": Form("GroupNorm", "GroupNormalization", _SCALES,
                               needed=tuple(_SCALES)),
    "RMSNormalization": Form("RMSNorm", "RMSNormalization", {"scale": ("weight", 1)},
                             needed=("scale",)),
    "PReLU": Form("PReLU", "PRelu", {"alpha": ("weight", 1)}, ("alpha",)),
    **{
        f"DepthwiseConv{rank}D": Form(f"Conv{rank}d", "Conv", _KERNEL, ("kernel",))
        for rank in (1, 2)
    },
    **{
        f"SeparableConv{rank}D": Form("Sequential", "SeparableConv", _SEPARABLE,
                                      ("depthwise_kernel", "pointwise_kernel"))
        for rank in (1, 2)
    },
}  # fmt: skip

# The kind of Keras for a module of PyTorch; what Keras alone tells apart is a convolution there.
KINDS = {
    form.torch: kind for kind, form in FORMS.items() if not kind.startswith(("Depth", "Separable"))
}
KINDS |= {f"BatchNorm{rank}d": "BatchNormalization" for rank in (1, 2, 3)}
KINDS["NonDynamicallyQuantizableLinear"] = "Dense"  # the `out_proj` of nn.MultiheadAttention
