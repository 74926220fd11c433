"""Layers that turn raw values into categories.

Sources: `keras/src/layers/preprocessing`, `encode_categorical_inputs`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain, Value, unsupported
from rnncli.model import Config
from rnncli.shapes import Dim, Shape, Shapes

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import categories
else:
    np, categories = lazy("numpy"), lazy("rnncli.kernels.categories")

_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}  # what Keras used to call them


def mode_of(config: Config) -> str:
    """Return the output mode by its present name."""
    mode = str(config["output_mode"])
    return _MODES.get(mode, mode)


def _one_hot(shape: Shape, depth: Dim) -> Shape:
    """Return the shape with the last axis encoded, which is left out where it is 1."""
    return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)


def encoded_shape(mode: str, shape: Shape, depth: Dim) -> Shape:
    """Return the shape of categories of `shape` in an output mode."""
    if mode == "int":
        return shape
    return _one_hot(shape, depth) if mode == "one_hot" else (*shape[:-1], depth)


def _category_outputs(config: Config, inputs: Shapes) -> Shapes:
    return (encoded_shape(mode_of(config), inputs[0], config["num_tokens"]),)


class CategoryEncoding(Op):
    """Tokens as vectors; counts may be weighted."""

    def __init__(self, setup: OpContext) -> None:
        self.mode, self.depth = mode_of(setup.config), setup.config["num_tokens"]
        self.dtype = setup.dtype

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the vectors."""
        given = inputs[1] if len(inputs) > 1 else options.get("count_weights")
        weights = given.array if isinstance(given, Value) else None
        tokens = inputs[0].array.astype(np.int64)
        return (Value(categories.encoded(tokens, self.mode, self.depth, self.dtype, weights)),)


def _bins(config: Config) -> int:
    bounds = config["bin_boundaries"]
    if bounds is None and config["num_bins"] is None:
        raise ShapeError("Discretization needs bin_boundaries=… or num_bins=…")
    return config["num_bins"] if bounds is None else len(bounds) + 1


def _discrete_outputs(config: Config, inputs: Shapes) -> Shapes:
    mode, shape, depth = mode_of(config), inputs[0], _bins(config)
    if mode in ("int", "one_hot"):
        return (encoded_shape(mode, shape, depth),)
    return ((shape[0], *shape[2:], depth) if len(shape) > 1 else (depth,),)


def _discrete(setup: OpContext) -> Op:
    config = setup.config
    if config["bin_boundaries"] is None:
        raise unsupported(setup.name, setup.kind, "it was saved before it had seen data")
    bounds, depth = np.asarray(config["bin_boundaries"], np.float32), _bins(config)

    def discretize(x: Array) -> Any:
        places = np.digitize(x, bounds)
        return categories.encoded(places.astype(np.int32), mode_of(config), depth, setup.dtype)

    return Plain(discretize)


def _hashing_outputs(config: Config, inputs: Shapes) -> Shapes:
    shape = inputs[0]
    return (shape if mode_of(config) == "int" else (*shape[:-1], config["num_bins"]),)


def _hashing(setup: OpContext) -> Op:
    config, bins = setup.config, setup.config["num_bins"]
    masks, salt = config["mask_value"] is not None and bins > 1, config["salt"]
    key = (salt, salt) if isinstance(salt, int) else salt

    def hashing(x: Array) -> Any:
        mode = mode_of(config)
        if mode == "one_hot" and x.shape[-1] == 1:
            x = x[..., 0]
        tokens = x if x.dtype.kind == "U" else x.astype(np.int64)
        places = categories.hashed(tokens, bins - masks, key)
        if masks:  # the first bin is that of the mask value
            places = np.where(x == config["mask_value"], 0, places + 1)
        return categories.encoded(places, mode, bins, setup.dtype)

    return Plain(hashing)


def _crossing_outputs(config: Config, inputs: Shapes) -> Shapes:
    if len(inputs) < 2 or inputs[0] != inputs[1]:
        raise ShapeError("HashedCrossing takes two inputs of one shape")
    return (encoded_shape(mode_of(config), inputs[0], config["num_bins"]),)


class HashedCrossing(Op):
    """The bin of each combination of two features."""

    def __init__(self, setup: OpContext) -> None:
        self.config, self.dtype = setup.config, setup.dtype

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the bins, or vectors of them."""
        columns = [value.array.astype(np.int64) for value in inputs]
        places = categories.crossed(columns, self.config["num_bins"])
        mode, depth = mode_of(self.config), self.config["num_bins"]
        return (Value(categories.encoded(places, mode, depth, self.dtype)),)


TYPES = {
    "CategoryEncoding": LayerType(
        signature("num_tokens=None, output_mode='multi_hot', sparse=False"),
        _category_outputs,
        built_at_init=True,
        run=CategoryEncoding,
    ),
    "Discretization": LayerType(
        signature(
            "bin_boundaries=None, num_bins=None, epsilon=0.01, output_mode='int', sparse=False, "
            "dtype=None, name=None"
        ),
        _discrete_outputs,
        built_at_init=True,
        run=_discrete,
    ),
    "Hashing": LayerType(
        signature("num_bins, mask_value=None, salt=None, output_mode='int', sparse=False"),
        _hashing_outputs,
        built_at_init=True,
        run=_hashing,
    ),
    "HashedCrossing": LayerType(
        signature("num_bins, output_mode='int', sparse=False, name=None, dtype=None"),
        _crossing_outputs,
        built_at_init=True,
        run=HashedCrossing,
    ),
}
