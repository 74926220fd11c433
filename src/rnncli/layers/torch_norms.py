"""PyTorch's normalizations.

Sources: the formulas in the documentation of `torch.nn`. Batch norms run as in `eval()`.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, pair, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.layers.torch import expect, per_channel, weight
from rnncli.model import Config, Weight
from rnncli.shapes import Shapes, show

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


def _scales(size: tuple[int, ...], bias: bool) -> tuple[Weight, ...]:
    words = "features" if len(size) == 1 else " × ".join(["features"] * len(size))
    found = (weight("weight", size, words, "ones"),)
    return (*found, weight("bias", size, words)) if bias else found


def _normalized(config: Config) -> tuple[int, ...]:
    return pair(config["normalized_shape"])


def _layer_outputs(name: str, config: Config, inputs: Shapes) -> Shapes:
    size = _normalized(config)
    last = inputs[0][-len(size) :]
    if len(last) < len(size) or any(a not in (None, b) for a, b in zip(last, size, strict=True)):
        raise ShapeError(f"{name} has normalized_shape={show(size)}, but it gets {show(inputs[0])}")
    return (inputs[0],)


def _layer_weights(name: str, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    if not config["elementwise_affine"]:
        return ()
    return _scales(_normalized(config), name == "LayerNorm" and config["bias"])


def _layer_streams(config: Config, rank: int) -> bool:
    return rank >= 3 and len(_normalized(config)) <= rank - 2


def _root_mean(x: Array, axes: Any, eps: float) -> Array:
    found: Array = np.sqrt((x * x).mean(axis=axes, keepdims=True) + x.dtype.type(eps))
    return found


def _layer_norm(name: str, setup: OpContext) -> Op:
    axes = tuple(range(-len(_normalized(setup.config)), 0))
    scale, bias, eps = setup.weights.get("weight"), setup.weights.get("bias"), setup.config["eps"]

    def apply(x: Array) -> Array:
        if name == "LayerNorm":
            x = x - x.mean(axis=axes, keepdims=True)
        small = np.finfo(x.dtype).eps if eps is None else eps
        x = x / _root_mean(x, axes, float(small))
        x = x if scale is None else x * scale
        return x if bias is None else x + bias

    return Plain(apply)


def channels(name: str, size: str, config: Config, inputs: Shapes) -> Shapes:
    """Return the input's shape, whose axis 1 must have as many channels as the module."""
    if len(inputs[0]) < 2:
        raise ShapeError(f"{name} expects 2 or more dimensions, but gets {show(inputs[0])}")
    expect(inputs[0][1], config[size], f"{name} has {size}", inputs[0])
    return (inputs[0],)


def _channel_weights(size: str, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    return _scales((config[size],), True) if config["affine"] else ()


def _statistics(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    """Return a batch norm's parameters and its running statistics, which are no parameters."""
    found = _channel_weights("num_features", config, inputs)
    if config["track_running_stats"]:
        size = (config["num_features"],)
        kept = (weight("running_mean", size, ""), weight("running_var", size, "", "ones"))
        found += tuple(each._replace(trainable=False, shared=True) for each in kept)
    return found


def _affine(setup: OpContext, x: Array) -> Array:
    scale, bias = setup.weights.get("weight"), setup.weights.get("bias")
    x = x if scale is None else x * per_channel(scale, x.ndim)
    return x if bias is None else x + per_channel(bias, x.ndim)


def _batch_norm(setup: OpContext) -> Op:
    mean, variance = setup.weights.get("running_mean"), setup.weights.get("running_var")

    def apply(x: Array) -> Array:
        if mean is None or variance is None:
            axes = (0, *range(2, x.ndim))
            centred = x - x.mean(axis=axes, keepdims=True)
            return _affine(setup, centred / _root_mean(centred, axes, setup.config["eps"]))
        root = np.sqrt(per_channel(variance, x.ndim) + x.dtype.type(setup.config["eps"]))
        return _affine(setup, (x - per_channel(mean, x.ndim)) / root)

    return Plain(apply)


def _group_norm(groups: Callable[[Config], int], setup: OpContext) -> Op:
    def apply(x: Array) -> Array:
        parts = x.reshape(len(x), groups(setup.config), -1)
        centred = parts - parts.mean(axis=-1, keepdims=True)
        made = (centred / _root_mean(centred, -1, setup.config["eps"])).reshape(x.shape)
        return _affine(setup, made)

    return Plain(apply)


def _group_outputs(config: Config, inputs: Shapes) -> Shapes:
    if config["num_channels"] % config["num_groups"]:
        raise ShapeError("GroupNorm needs num_channels that num_groups divides: "
                         f"{config['num_channels']} / {config['num_groups']}")  # fmt: skip
    return channels("GroupNorm", "num_channels", config, inputs)


def _norm(axes: int) -> dict[str, LayerType]:
    batch, instance = f"BatchNorm{axes}d", f"InstanceNorm{axes}d"
    size = "num_features, eps=1e-05, momentum=0.1"
    return {
        batch: LayerType(
            signature(f"{size}, affine=True, track_running_stats=True"),
            partial(channels, batch, "num_features"), _statistics, run=_batch_norm,
        ),
        instance: LayerType(
            signature(f"{size}, affine=False, track_running_stats=False"),
            partial(channels, instance, "num_features"), partial(_channel_weights, "num_features"),
            run=partial(_group_norm, lambda config: int(config["num_features"])),
        ),
    }  # fmt: skip


TYPES = {
    f"torch.{name}": kind
    for name, kind in {
        "LayerNorm": LayerType(
            signature("normalized_shape, eps=1e-05, elementwise_affine=True, bias=True"),
            partial(_layer_outputs, "LayerNorm"), partial(_layer_weights, "LayerNorm"),
            streams=_layer_streams, run=partial(_layer_norm, "LayerNorm"),
        ),
        "RMSNorm": LayerType(
            signature("normalized_shape, eps=None, elementwise_affine=True"),
            partial(_layer_outputs, "RMSNorm"), partial(_layer_weights, "RMSNorm"),
            streams=_layer_streams, run=partial(_layer_norm, "RMSNorm"),
        ),
        "GroupNorm": LayerType(
            signature("num_groups, num_channels, eps=1e-05, affine=True"), _group_outputs,
            partial(_channel_weights, "num_channels"),
            run=partial(_group_norm, lambda config: int(config["num_groups"])),
        ),
        **{name: kind for axes in (1, 2, 3) for name, kind in _norm(axes).items()},
    }.items()
}  # fmt: skip
