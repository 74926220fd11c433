"""PyTorch's layers on vectors and sequences, as its constructors take them.

Sources: the documentation of `torch.nn`. Weights start as PyTorch's `reset_parameters` draws them.
"""

from math import prod
from typing import TYPE_CHECKING

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, each_step, pair, same_shape, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes, product, show

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activations
else:
    np, activations = lazy("numpy"), lazy("rnncli.kernels.activations")


def uniform(fan_in: int) -> str:
    """Return the initializer of most modules: uniform up to 1 over the root of the inputs."""
    return f"uniform {max(1, fan_in) ** -0.5!r}"


def weight(name: str, shape: tuple[int, ...], formula: str, initializer: str = "zeros") -> Weight:
    """Return a parameter of a module, which goes by its bare name."""
    return Weight(name, shape, formula, path=name, initializer=initializer)


def expect(found: Dim, wanted: int, what: str, shape: Shape) -> None:
    """Raise a ShapeError unless an axis has the size that a module is made for."""
    if found is not None and found != wanted:
        raise ShapeError(f"{what}={wanted:,}, but it gets {show(shape)}")


def _linear_outputs(config: Config, inputs: Shapes) -> Shapes:
    expect(inputs[0][-1], config["in_features"], "Linear has in_features", inputs[0])
    return ((*inputs[0][:-1], config["out_features"]),)


def _linear_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    size, units = config["in_features"], config["out_features"]
    kernel = weight("weight", (units, size), "outputs × inputs", uniform(size))
    bias = weight("bias", (units,), "outputs", uniform(size))
    return (kernel, bias) if config["bias"] else (kernel,)


def _linear_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    size = product(outputs[0][1:])
    return None if size is None else size * int(config["in_features"])


def _linear(setup: OpContext) -> Op:
    kernel, bias = setup.weights["weight"].T, setup.weights.get("bias")
    return Plain(lambda x: np.matmul(x, kernel) + (0 if bias is None else bias))


def _embedding_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shape = (config["num_embeddings"], config["embedding_dim"])
    return (weight("weight", shape, "tokens × outputs", "normal"),)


def _embedding(setup: OpContext) -> Op:
    from rnncli.layers.embedding import Embedding

    return Embedding(setup._replace(weights={"embeddings": setup.weights["weight"]}))


def axis_of(axis: int, shape: Shape, what: str) -> int:
    """Return an axis counted from the first. Raises: ShapeError if there is none such."""
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"{what}={axis} is no axis of {show(shape)}")
    return axis % len(shape)


def _flattened(config: Config, inputs: Shapes) -> Shapes:
    shape = inputs[0]
    start, end = (axis_of(config[name], shape, f"Flatten has {name}")
                  for name in ("start_dim", "end_dim"))  # fmt: skip
    return ((*shape[:start], product(shape[start : end + 1]), *shape[end + 1 :]),)


def _flatten(setup: OpContext) -> Op:
    def apply(x: Array) -> Array:
        return x.reshape([int(size or 0) for size in _flattened(setup.config, (x.shape,))[0]])

    return Plain(apply)


def _unflattened(config: Config, inputs: Shapes) -> Shapes:
    shape, sizes = list(inputs[0]), pair(config["unflattened_size"])
    axis = axis_of(config["dim"], inputs[0], "Unflatten has dim")
    known = prod(size for size in sizes if size != -1)
    given = shape[axis]
    if given is not None and (given % known if -1 in sizes else given != known):
        raise ShapeError(f"Unflatten makes {show(sizes)} of {given:,} values")
    rest = None if given is None else given // max(1, known)
    filled = [rest if size == -1 else size for size in sizes]
    return ((*shape[:axis], *filled, *shape[axis + 1 :]),)


def _unflatten(setup: OpContext) -> Op:
    def apply(x: Array) -> Array:
        return x.reshape([int(size or 0) for size in _unflattened(setup.config, (x.shape,))[0]])

    return Plain(apply)


def per_channel(values: Array, rank: int) -> Array:
    """Return a value per channel, shaped to go with `(batch, channels, ...)`."""
    return values.reshape(1, -1, *[1] * (rank - 2))


def _prelu(setup: OpContext) -> Op:
    slope = setup.weights["weight"]

    def apply(x: Array) -> Array:
        shaped = slope if slope.size == 1 else per_channel(slope, x.ndim)
        return np.where(x >= 0, x, shaped * x)

    return Plain(apply)


def _prelu_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    return (weight("weight", (config["num_parameters"],), "channels", "quarters"),)


def _identity(setup: OpContext) -> Op:
    return Plain(lambda x: x)


_DROPOUTS = (
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "AlphaDropout",
    "FeatureAlphaDropout",
)

TYPES = {
    f"torch.{name}": kind
    for name, kind in {
        "Linear": LayerType(
            signature("in_features, out_features, bias=True"), _linear_outputs, _linear_weights,
            _linear_macs, streams=each_step, run=_linear,
        ),
        "Embedding": LayerType(
            signature("num_embeddings, embedding_dim, padding_idx=None, max_norm=None, "
                      "norm_type=2.0, scale_grad_by_freq=False, sparse=False"),
            lambda config, inputs: ((*inputs[0], config["embedding_dim"]),), _embedding_weights,
            streams=lambda config, rank: rank >= 2, run=_embedding,
        ),
        **{name: LayerType(signature("p=0.5, inplace=False"), built_at_init=True,
                           streams=each_step, run=_identity) for name in _DROPOUTS},
        "Identity": LayerType({}, built_at_init=True, streams=each_step, run=_identity),
        "Flatten": LayerType(signature("start_dim=1, end_dim=-1"), _flattened,
                             built_at_init=True, run=_flatten),
        "Unflatten": LayerType(signature("dim, unflattened_size"), _unflattened,
                               built_at_init=True, run=_unflatten),
        "PReLU": LayerType(signature("num_parameters=1, init=0.25"), same_shape, _prelu_weights,
                           run=_prelu),
    }.items()
}  # fmt: skip
