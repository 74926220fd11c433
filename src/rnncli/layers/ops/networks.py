"""What layers compute, called as operations: convolutions, pools, norms, attention."""

from functools import partial
from typing import TYPE_CHECKING, Any

from rnncli.layers.layer_type import pair
from rnncli.layers.lazy import function_of, lazy
from rnncli.layers.ops.row import Row, axes_of, same, shapes_of, types
from rnncli.model import Config
from rnncli.shapes import Dim, Shapes

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


def _layer(name: str, config: Config, inputs: Shapes) -> Shapes:
    """Return the output shapes of a layer with this config, other arguments at their defaults."""
    from rnncli.layers import layer_type

    known = layer_type(name)
    given = {key: value for key, value in config.items() if value is not None}
    return known.outputs(known.complete({**given, "use_bias": False}), inputs)


def _pooled(name: str) -> Any:
    def shape_of(config: Config, inputs: Shapes) -> Shapes:
        return _layer(f"{name}{len(inputs[0]) - 2}D", config, inputs[:1])

    return shape_of


def _convolved(config: Config, inputs: Shapes) -> Shapes:
    shape, kernel = shapes_of(config, inputs)[:2]
    layer = {**config, "filters": kernel[-1], "kernel_size": list(kernel[:-2])}
    return _layer(f"Conv{len(shape) - 2}D", layer, (shape,))


def _deep(config: Config, inputs: Shapes) -> Shapes:
    shape, kernel = shapes_of(config, inputs)[:2]
    layer = {**config, "kernel_size": list(kernel[:-2]), "depth_multiplier": kernel[-1]}
    return _layer(f"DepthwiseConv{len(shape) - 2}D", layer, (shape,))


def _separable(config: Config, inputs: Shapes) -> Shapes:
    shape, kernel, point = shapes_of(config, inputs)[:3]
    layer = {**config, "filters": point[-1], "kernel_size": list(kernel[:-2])}
    return _layer(f"Conv{len(shape) - 2}D", layer, (shape,))


def _transposed(config: Config, inputs: Shapes) -> Shapes:
    shape, kernel = shapes_of(config, inputs)[:2]
    layer = {**config, "filters": kernel[-2], "kernel_size": list(kernel[:-2])}
    return _layer(f"Conv{len(shape) - 2}DTranspose", layer, (shape,))


def _attended(config: Config, inputs: Shapes) -> Shapes:
    query, _, value = shapes_of(config, inputs)[:3]
    return ((*query[:-1], value[-1]),)


def _unfolded(config: Config, inputs: Shapes) -> Shapes:
    batch, channels, *plane = inputs[0]
    sizes = [pair(config.get(key, default), 2) for key, default in
             (("kernel_size", 1), ("dilation", 1), ("padding", 0), ("stride", 1))]  # fmt: skip
    many: Dim = 1
    for dim, window, dilation, padding, stride in zip(plane, *sizes, strict=True):
        if dim is None or many is None:
            many = None
        else:
            many *= (dim + 2 * padding - dilation * (window - 1) - 1) // stride + 1
    deep = None if channels is None else channels * sizes[0][0] * sizes[0][1]
    return ((batch, deep, many),)


def _folded(config: Config, inputs: Shapes) -> Shapes:
    batch, deep, _ = inputs[0]
    high, wide = pair(config["kernel_size"], 2)
    channels = None if deep is None else deep // (high * wide)
    return ((batch, channels, *pair(config["output_size"], 2)),)


def _batch_norm(
    x: Any, mean: Any, variance: Any, offset: Any = None, scale: Any = None, axis: int = -1,
    epsilon: float = 1e-3,
) -> Any:  # fmt: skip
    (at,) = axes_of(axis, x.ndim)
    sizes = [x.shape[at] if each == at else 1 for each in range(x.ndim)]
    found = (x - np.reshape(mean, sizes)) / np.sqrt(np.reshape(variance, sizes) + epsilon)
    found = found if scale is None else found * np.reshape(scale, sizes)
    return found if offset is None else found + np.reshape(offset, sizes)


_lazily = partial(function_of, "kernels.networks")
_MOVES = ("strides", "padding", "data_format", "dilation_rate")
_POOL = ("pool_size", "strides", "padding", "data_format")
_FOLDS = ("kernel_size", "dilation", "padding", "stride")
TYPES = types(
    {
        "Conv": Row(_convolved, _lazily("conv"), _MOVES),
        "DepthwiseConv": Row(_deep, _lazily("depthwise_conv"), _MOVES),
        "SeparableConv": Row(_separable, _lazily("separable_conv"), _MOVES),
        "ConvTranspose": Row(_transposed, _lazily("conv_transpose"), (*_MOVES, "output_padding")),
        "MaxPool": Row(_pooled("MaxPooling"), _lazily("max_pool"), _POOL),
        "AveragePool": Row(_pooled("AveragePooling"), _lazily("average_pool"), _POOL),
        "AdaptiveMaxPool": Row(_pooled("AdaptiveMaxPooling"), _lazily("adaptive_max_pool"),
                               ("output_size", "data_format")),
        "AdaptiveAveragePool": Row(
            _pooled("AdaptiveAveragePooling"), _lazily("adaptive_average_pool"),
            ("output_size", "data_format")),
        "BatchNorm": Row(same, _batch_norm, ("axis", "epsilon")),
        "LayerNorm": Row(same, _lazily("layer_norm"), ("axis", "epsilon", "rms_scaling")),
        "RMSNorm": Row(same, _lazily("rms_norm"), ("axis", "epsilon")),
        "DotProductAttention": Row(_attended, _lazily("attention"),
                                   ("is_causal", "attn_logits_soft_cap")),
        "Unfold": Row(_unfolded, _lazily("unfold"), _FOLDS),
        "Fold": Row(_folded, _lazily("fold"), ("output_size", *_FOLDS)),
    }
)  # fmt: skip
