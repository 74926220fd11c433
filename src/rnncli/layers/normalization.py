"""Normalization layers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, pair, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain, Value, alone, masked
from rnncli.model import Config, Weight
from rnncli.shapes import Shape, Shapes, show

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

_SCALES = "center=True, scale=True, beta_initializer='zeros', gamma_initializer='ones'"
_RULES = (
    "beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None"
)


def axes_of(axis: object, shape: Shape) -> tuple[int, ...]:
    """Return the axes as positions from 0. Raises: ShapeError if the input has no such axis."""
    axes = tuple(each + len(shape) if each < 0 else each for each in pair(axis))
    if not all(0 <= each < len(shape) for each in axes):
        raise ShapeError(f"axis {axis} is not among the axes of {show(shape)}")
    return axes


def _sizes(axis: object, shape: Shape) -> tuple[int, ...]:
    sizes = tuple(shape[each] for each in axes_of(axis, shape))
    known = tuple(size for size in sizes if size is not None)
    if len(known) < len(sizes):
        raise ShapeError(f"axis {axis} of {show(shape)} must be a known size")
    return known


def _scales(config: Config, shape: tuple[int, ...]) -> list[Weight]:
    weights = []
    if config["scale"]:
        weights.append(Weight("gamma", shape, "features", path="gamma", initializer="ones"))
    if config["center"]:
        weights.append(Weight("beta", shape, "features", path="beta"))
    return weights


def _layer_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shape = _sizes(config["axis"], inputs[0])
    if config["rms_scaling"]:
        return (Weight("gamma", shape, "features", path="gamma", initializer="ones"),)
    return tuple(_scales(config, shape))


def _rms_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shape = _sizes(config["axis"], inputs[0])
    return (Weight("scale", shape, "features", path="scale", initializer="ones"),)


def _batch_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shape = _sizes(config["axis"], inputs[0])
    moving = [
        Weight("moving_mean", shape, "features", path="moving_mean", trainable=False),
        Weight("moving_variance", shape, "features", path="moving_variance", trainable=False,
               initializer="ones"),
    ]  # fmt: skip
    if config["renorm"]:
        moving += [
            Weight("moving_stddev", shape, "features", path="moving_stddev", trainable=False,
                   initializer="ones"),
            Weight("renorm_mean", shape, "features", path="renorm_mean", trainable=False),
            Weight("renorm_stddev", shape, "features", path="renorm_stddev", trainable=False,
                   initializer="ones"),
        ]  # fmt: skip
    return (*_scales(config, shape), *moving)


def _group_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    return tuple(_scales(config, _sizes(config["axis"], inputs[0])))


def _adapted_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    """Return what `adapt` has found; none where mean and variance are arguments."""
    if config["mean"] is not None:
        return ()
    shape = () if config["axis"] is None else _sizes(config["axis"], inputs[0])
    mean = Weight("mean", shape, "features", path="mean", trainable=False)
    variance = mean._replace(name="variance", path="variance", initializer="ones")
    return mean, variance, Weight("count", (), "1", path="count", trainable=False, dtype="int64")


def _streams(config: Config, rank: int) -> bool:
    """Whether no axis is that of the steps."""
    return rank >= 3 and min(axes_of(config["axis"], (1,) * rank), default=2) >= 2


def _rms_streams(config: Config, rank: int) -> bool:
    """Whether no axis is that of the steps, and the scale, which is for the last ones, fits."""
    axes = sorted(axes_of(config["axis"], (1,) * rank))
    return _streams(config, rank) and axes == list(range(rank - len(axes), rank))


def _along(x: Array, weight: Array, axis: Any) -> Array:
    """Return a weight shaped to the axes of `x` that it belongs to."""
    axes = axes_of(axis, x.shape)
    return weight.reshape([x.shape[each] if each in axes else 1 for each in range(x.ndim)])


def _scaled(setup: OpContext, x: Array) -> Array:
    for name, apply in (("gamma", np.multiply), ("beta", np.add)):
        if name in setup.weights:
            x = apply(x, _along(x, setup.weights[name], setup.config["axis"]))
    return x


def _centred(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    shifted = x - x.mean(axis=axes, keepdims=True)
    variance = np.square(shifted).mean(axis=axes, keepdims=True)
    normal: Array = shifted / np.sqrt(variance + x.dtype.type(epsilon))
    return normal


def _root(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """Return `x` over the root of the mean of its squares."""
    square = np.square(x).mean(axis=axes, keepdims=True)
    normal: Array = x / np.sqrt(square + x.dtype.type(epsilon))
    return normal


def _variance_scaled(setup: OpContext, x: Array, axis: Any, epsilon: float) -> Array:
    """Return `x` over its deviation, its mean not taken away, as `rms_scaling` has it."""
    axes = axes_of(axis, x.shape)
    spread = np.sqrt(x.var(axis=axes, keepdims=True) + x.dtype.type(epsilon))
    scaled: Array = x / spread * _along(x, setup.weights["gamma"], axis)
    return scaled


def _rms(setup: OpContext) -> Op:
    axis, epsilon = setup.config["axis"], setup.config["epsilon"]

    def normal(x: Array) -> Array:
        x = _root(x, axes_of(axis, x.shape), epsilon)
        scale = setup.weights.get("scale")
        return x if scale is None else x * scale  # along the last axes, as Keras, whatever `axis`

    return Plain(normal)


def _layer(setup: OpContext) -> Op:
    axis, epsilon = setup.config["axis"], setup.config["epsilon"]
    if setup.config.get("rms_scaling"):
        return masked(lambda x: _variance_scaled(setup, x, axis, epsilon))
    return masked(lambda x: _scaled(setup, _centred(x, axes_of(axis, x.shape), epsilon)))


class _Batch(Op):
    """Normalises by the moving statistics, or, where Keras 2 was told to train, by the batch's."""

    def __init__(self, setup: OpContext) -> None:
        self.setup, self.axis = setup, setup.config["axis"]
        self.trains = setup.keras < 3 and setup.config.get("trainable", True)
        self.epsilon = setup.dtype.type(setup.config["epsilon"])

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the only input, normalised."""
        value = alone(inputs)
        x = value.array
        if self.trains and options.get("training"):
            mean, variance = self._moments(value)
        else:
            names = ("moving_mean", "moving_variance")
            mean, variance = (_along(x, self.setup.weights[name], self.axis) for name in names)
        return (Value(_scaled(self.setup, (x - mean) / np.sqrt(variance + self.epsilon)),
                      value.mask),)  # fmt: skip

    def _moments(self, value: Value) -> tuple[Array, Array]:
        """Return mean and variance of the steps that count; TensorFlow's of images count all."""
        x, kept = value.array, axes_of(self.axis, value.array.shape)
        axes = tuple(axis for axis in range(x.ndim) if axis not in kept)
        counted = value.mask is not None and x.ndim == 3
        weights = np.broadcast_to(value.mask[..., None], x.shape) if counted else None  # type: ignore[index]
        mean = np.average(x, axes, weights, keepdims=True)
        return mean, np.average(np.square(x - mean), axes, weights, keepdims=True)


def _group(setup: OpContext) -> Op:
    config = setup.config

    def normal(x: Array) -> Array:
        (axis,) = axes_of(config["axis"], x.shape)
        moved = np.moveaxis(x, axis, -1)
        groups = moved.shape[-1] if config["groups"] == -1 else config["groups"]
        split = moved.reshape(*moved.shape[:-1], groups, -1)
        axes = (*range(1, split.ndim - 2), split.ndim - 1)
        flat = _centred(split, axes, config["epsilon"]).reshape(moved.shape)
        return _scaled(setup, np.moveaxis(flat, -1, axis))

    return masked(normal)


def unit(x: Array, axes: tuple[int, ...]) -> Array:
    """Return `x` over the root of the sum of its squares along some axes, as vectors of length 1.

    Where that sum is below Keras's 1e-12, this takes its place.
    """
    square = np.square(x).sum(axis=axes, keepdims=True)
    scaled: Array = x / np.sqrt(np.maximum(square, x.dtype.type(1e-12)))
    return scaled


def _unit(setup: OpContext) -> Op:
    return masked(lambda x: unit(x, axes_of(setup.config["axis"], x.shape)))


def _adapted(setup: OpContext) -> Op:
    """Return `Normalization`; its least deviation is Keras's epsilon, 1e-7."""
    config = setup.config
    axis = config["axis"] if config["axis"] is not None else []

    def along(x: Array, name: str) -> Array:
        stated = setup.weights.get(name)
        values = np.asarray(config[name] if stated is None else stated, x.dtype)
        return _along(x, values, axis) if values.ndim else values

    def normal(x: Array) -> Array:
        deviation = np.maximum(np.sqrt(along(x, "variance")), x.dtype.type(1e-7))
        mean = along(x, "mean")
        scaled: Array = x * deviation + mean if config["invert"] else (x - mean) / deviation
        return scaled

    return masked(normal)


TYPES = {
    "Normalization": LayerType(
        signature("axis=-1, mean=None, variance=None, invert=False"),
        weights=_adapted_weights,
        streams=lambda config, rank: config["axis"] is not None and _streams(config, rank),
        run=_adapted,
    ),
    "LayerNormalization": LayerType(
        signature(f"axis=-1, epsilon=0.001, {_SCALES}, {_RULES}, rms_scaling=False"),
        weights=_layer_weights,
        streams=_streams,
        run=_layer,
    ),
    "RMSNormalization": LayerType(
        signature("axis=-1, epsilon=1e-06"), weights=_rms_weights, streams=_rms_streams, run=_rms
    ),
    "BatchNormalization": LayerType(
        signature(
            f"axis=-1, momentum=0.99, epsilon=0.001, {_SCALES}, "
            f"moving_mean_initializer='zeros', moving_variance_initializer='ones', {_RULES}, "
            "renorm=False, renorm_clipping=None, renorm_momentum=0.99, synchronized=False"
        ),
        weights=_batch_weights,
        streams=_streams,
        run=_Batch,
    ),
    "GroupNormalization": LayerType(
        signature(f"groups=32, axis=-1, epsilon=0.001, {_SCALES}, {_RULES}"),
        weights=_group_weights,
        run=_group,
    ),
    "UnitNormalization": LayerType(
        signature("axis=-1"), built_at_init=True, streams=_streams, run=_unit, lists=True
    ),
}
