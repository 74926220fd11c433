"""Normalization layers."""

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, pair, signature
from rnncli.model import Config, Weight
from rnncli.shapes import Shape, Shapes, show

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
    return tuple(_scales(config, _sizes(config["axis"], inputs[0])))


def _batch_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shape = _sizes(config["axis"], inputs[0])
    moving = [
        Weight("moving_mean", shape, "features", path="moving_mean", trainable=False),
        Weight("moving_variance", shape, "features", path="moving_variance", trainable=False,
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


TYPES = {
    "Normalization": LayerType(
        signature("axis=-1, mean=None, variance=None, invert=False"), weights=_adapted_weights
    ),
    "LayerNormalization": LayerType(
        signature(f"axis=-1, epsilon=0.001, {_SCALES}, {_RULES}"), weights=_layer_weights
    ),
    "BatchNormalization": LayerType(
        signature(
            f"axis=-1, momentum=0.99, epsilon=0.001, {_SCALES}, "
            f"moving_mean_initializer='zeros', moving_variance_initializer='ones', {_RULES}, "
            "renorm=False, renorm_clipping=None, renorm_momentum=0.99, synchronized=False"
        ),
        weights=_batch_weights,
    ),
    "GroupNormalization": LayerType(
        signature(f"groups=32, axis=-1, epsilon=0.001, {_SCALES}, {_RULES}"),
        weights=_group_weights,
    ),
    "UnitNormalization": LayerType(signature("axis=-1"), built_at_init=True),
}
