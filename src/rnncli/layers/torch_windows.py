"""PyTorch's convolutions and pools, which keep the channels before the steps.

Sources: the formulas for `L_out` in the documentation of `torch.nn`.
"""

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, rank, signature
from rnncli.layers.layer_type import pair as one_or_each
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.layers.torch import expect, uniform, weight
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes, product

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import windows
else:
    np, windows = lazy("numpy"), lazy("rnncli.kernels.windows")

_AXES = {1: "(batch, channels, time)", 2: "(batch, channels, height, width)",
         3: "(batch, channels, depth, height, width)"}  # fmt: skip


def pair(value: Any, axes: int) -> tuple[int, ...]:
    """Return a size for each axis. Raises: ShapeError if there are others."""
    found = one_or_each(value, axes)
    if len(found) != axes:
        raise ShapeError(f"{found} has {len(found)} sizes, but there are {axes} axes")
    return found


def _ends(config: Config, axes: int) -> list[tuple[int, int]]:
    """Return the padding before and after each axis."""
    padding = config["padding"]
    if padding == "valid":
        return [(0, 0)] * axes
    if padding != "same":
        return [(size, size) for size in pair(padding, axes)]
    window, steps = pair(config["kernel_size"], axes), pair(config["dilation"], axes)
    totals = [step * (size - 1) for size, step in zip(window, steps, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def _positions(size: Dim, window: int, stride: int, dilation: int, ends: tuple[int, int],
               up: bool = False) -> Dim:  # fmt: skip
    """Return how many places a window takes; with `up` the last may reach over the end."""
    if size is None:
        return None
    left = size + sum(ends) - dilation * (window - 1) - 1
    if left < 0:
        raise ShapeError(f"a window of {window} is longer than the input of {size}")
    places = 1 + (-(-left // stride) if up else left // stride)
    if up and (places - 1) * stride >= size + ends[0]:  # one that would begin in the padding
        places -= 1
    return places


def _strides(config: Config, axes: int) -> tuple[int, ...]:
    stride = config["stride"]
    return pair(config["kernel_size"] if stride is None else stride, axes)


def _space(config: Config, shape: Shape, axes: int) -> tuple[Dim, ...]:
    window, steps = pair(config["kernel_size"], axes), pair(config.get("dilation", 1), axes)
    up = bool(config.get("ceil_mode"))
    return tuple(
        _positions(*each, up)
        for each in zip(shape[2:], window, _strides(config, axes), steps, _ends(config, axes),
                        strict=True)
    )  # fmt: skip


def _conv_outputs(name: str, axes: int, config: Config, inputs: Shapes) -> Shapes:
    shape = rank(inputs[0], axes + 2, name, _AXES[axes])
    expect(shape[1], config["in_channels"], f"{name} has in_channels", shape)
    return ((shape[0], config["out_channels"], *_space(config, shape, axes)),)


def _kernel(name: str, axes: int, config: Config) -> tuple[int, ...]:
    """Return the shape of a convolution's weight."""
    first, second = config["out_channels"], config["in_channels"]
    if first % config["groups"] or second % config["groups"]:
        raise ShapeError(f"{name} has groups={config['groups']}, which do not divide its channels")
    if "Transpose" in name:
        first, second = second, first
    return (first, second // config["groups"], *pair(config["kernel_size"], axes))


def _conv_weights(name: str, axes: int, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shape = _kernel(name, axes, config)
    start = uniform(prod(shape[1:]))
    words = "inputs × outputs" if "Transpose" in name else "outputs × inputs"
    kernel = weight("weight", shape, f"{words}{' × window' * axes}", start)
    bias = weight("bias", (config["out_channels"],), "outputs", start)
    return (kernel, bias) if config["bias"] else (kernel,)


def _conv_macs(name: str, axes: int, config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    places = product((inputs if "Transpose" in name else outputs)[0][2:])
    return None if places is None else places * prod(_kernel(name, axes, config))


def _last(x: Array) -> Array:
    return np.moveaxis(x, 1, -1)


def _first(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def _padded(x: Array, ends: list[tuple[int, int]], mode: str = "zeros", fill: float = 0) -> Array:
    """Return `(batch, *space, channels)` with more positions before and after each axis."""
    if not any(map(any, ends)):
        return x
    how = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    more: dict[str, Any] = {"constant_values": fill} if mode == "zeros" else {}
    found: Array = np.pad(x, [(0, 0), *ends, (0, 0)], mode=how[mode], **more)  # type: ignore[call-overload]
    return found


def _conv(axes: int, setup: OpContext) -> Op:
    config, kernel = setup.config, setup.weights["weight"]
    turned, bias = np.moveaxis(kernel, (0, 1), (-1, -2)), setup.weights.get("bias")
    strides, steps = _strides(config, axes), pair(config["dilation"], axes)

    def apply(x: Array) -> Array:
        x = _padded(_last(x), _ends(config, axes), config["padding_mode"])
        made = windows.convolve(x, turned, strides, steps, "valid", config["groups"])
        return _first(made if bias is None else made + bias)

    return Plain(apply)


def _up_outputs(name: str, axes: int, config: Config, inputs: Shapes) -> Shapes:
    shape = rank(inputs[0], axes + 2, name, _AXES[axes])
    expect(shape[1], config["in_channels"], f"{name} has in_channels", shape)
    names = ("kernel_size", "stride", "padding", "output_padding", "dilation")
    parts = (pair(config[name], axes) for name in names)
    space = [
        None if size is None else (size - 1) * stride - 2 * end + step * (window - 1) + more + 1
        for size, window, stride, end, more, step in zip(shape[2:], *parts, strict=True)
    ]
    return ((shape[0], config["out_channels"], *space),)


def _up(name: str, axes: int, setup: OpContext) -> Op:
    config, bias, groups = setup.config, setup.weights.get("bias"), setup.config["groups"]
    kernel = np.moveaxis(setup.weights["weight"], (0, 1), (-1, -2))  # (*window, filters, channels)
    strides, steps = pair(config["stride"], axes), pair(config["dilation"], axes)

    def apply(x: Array) -> Array:
        sizes = _up_outputs(name, axes, config, (x.shape,))[0][2:]
        ends = pair(config["padding"], axes)
        reach = [n * s + (k - 1) * d + 1 + end
                 for n, s, k, d, end in zip(x.shape[2:], strides, kernel.shape, steps, ends,
                                            strict=False)]  # fmt: skip
        x, depth = _last(x), x.shape[1] // groups
        parts = [
            windows.transposed(x[..., at : at + depth], kernel[..., at : at + depth], strides,
                               steps, tuple(reach))
            for at in range(0, depth * groups, depth)
        ]  # fmt: skip
        made = np.concatenate(parts, axis=-1)
        kept = (slice(end, end + int(n or 0)) for end, n in zip(ends, sizes, strict=True))
        made = made[(slice(None), *kept)]
        return _first(made if bias is None else made + bias)

    return Plain(apply)


def _pool_outputs(name: str, axes: int, config: Config, inputs: Shapes) -> Shapes:
    shape = rank(inputs[0], axes + 2, name, _AXES[axes])
    window, ends = pair(config["kernel_size"], axes), pair(config["padding"], axes)
    if any(2 * end > size for end, size in zip(ends, window, strict=True)):
        raise ShapeError(f"{name} has padding={config['padding']}, more than half of its window "
                         f"{config['kernel_size']}")  # fmt: skip
    return ((*shape[:2], *_space(config, shape, axes)),)


def _pool(average: bool, axes: int, setup: OpContext) -> Op:
    config, over = setup.config, tuple(range(-axes, 0))
    window, strides = pair(config["kernel_size"], axes), _strides(config, axes)
    steps, ends = pair(config.get("dilation", 1), axes), _ends(config, axes)
    whole = average and config["count_include_pad"]

    def spread(x: Array, fill: float, more: list[tuple[int, int]]) -> Array:
        return windows.windows(_padded(x, more, fill=fill), window, strides, steps, "valid")

    def apply(x: Array) -> Array:
        places = _space(config, x.shape, axes)
        reached = [(int(n or 1) - 1) * s + (k - 1) * d + 1
                   for n, s, k, d in zip(places, strides, window, steps, strict=True)]  # fmt: skip
        over_end = [max(0, far - size - sum(end))
                    for far, size, end in zip(reached, x.shape[2:], ends, strict=True)]  # fmt: skip
        more = [(a, b + far) for (a, b), far in zip(ends, over_end, strict=True)]
        x = _last(x)
        if not average:
            return _first(spread(x, -np.inf, more).max(axis=over))
        ones = np.ones_like(x[:1])
        if whole:  # the padding is counted, what reaches beyond it is not
            ones = _padded(ones, ends, fill=1)
        counted = [(0, far) for far in over_end] if whole else more
        return _first(spread(x, 0, more).sum(axis=over) / spread(ones, 0, counted).sum(axis=over))

    return Plain(apply)


def _adaptive_outputs(name: str, axes: int, config: Config, inputs: Shapes) -> Shapes:
    shape = rank(inputs[0], axes + 2, name, _AXES[axes])
    sizes = pair(config["output_size"], axes)
    space = (n if size is None else size for n, size in zip(shape[2:], sizes, strict=True))
    return ((*shape[:2], *space),)


def _adaptive(average: bool, axes: int, setup: OpContext) -> Op:
    sizes = pair(setup.config["output_size"], axes)

    def apply(x: Array) -> Array:
        wanted = tuple(n if size is None else size for n, size in zip(x.shape[2:], sizes,
                                                                      strict=True))  # fmt: skip
        return _first(windows.adaptive(_last(x), wanted, average))

    return Plain(apply)


_CHANNELS = "in_channels, out_channels, kernel_size, stride=1, padding=0, "
_CONV = f"{_CHANNELS}dilation=1, groups=1, bias=True, padding_mode='zeros'"
_UP = f"{_CHANNELS}output_padding=0, groups=1, bias=True, dilation=1, padding_mode='zeros'"
_MAX = "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False"
_MEAN = "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True"


def _types(axes: int) -> dict[str, LayerType]:
    conv, up, most = f"Conv{axes}d", f"ConvTranspose{axes}d", f"MaxPool{axes}d"
    mean = f"AvgPool{axes}d"
    found = {
        name: LayerType(
            signature(text), partial(outputs, name, axes), partial(_conv_weights, name, axes),
            partial(_conv_macs, name, axes), run=run,
        )
        for name, text, outputs, run in (
            (conv, _CONV, _conv_outputs, partial(_conv, axes)),
            (up, _UP, _up_outputs, partial(_up, up, axes)),
        )
    }  # fmt: skip
    for name, text in ((most, _MAX), (mean, _MEAN)):
        found[name] = LayerType(
            signature(text), partial(_pool_outputs, name, axes), built_at_init=True,
            run=partial(_pool, name == mean, axes),
        )  # fmt: skip
        kind = f"Adaptive{name}"
        found[kind] = LayerType(
            signature("output_size, return_indices=False" if name == most else "output_size"),
            partial(_adaptive_outputs, kind, axes), built_at_init=True,
            run=partial(_adaptive, name == mean, axes),
        )  # fmt: skip
    return found


TYPES = {f"torch.{name}": kind for axes in (1, 2, 3) for name, kind in _types(axes).items()}
