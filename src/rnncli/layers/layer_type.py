"""What a layer type is, and the small pieces the family files share."""

import ast
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import ShapeError
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes, show

if TYPE_CHECKING:
    from rnncli.layers.op import Op, OpContext
    from rnncli.layers.rnn.structure import Structure

REQUIRED = object()  # the value of a constructor argument that has no default

Outputs = Callable[[Config, Shapes], Shapes]
Weights = Callable[[Config, Shapes], tuple[Weight, ...]]
Macs = Callable[[Config, Shapes, Shapes], Dim]
Streams = Callable[[Config, int], bool]
Run = Callable[["OpContext"], "Op"]


def same_shape(config: Config, inputs: Shapes) -> Shapes:
    """Return the input's shape: the output of layers that work element by element."""
    return (inputs[0],)


def no_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    """Return no weights."""
    return ()


def no_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    """Return 0: the layer has no matrix product."""
    return 0


def never(config: Config, rank: int) -> bool:
    """Return False: the layer needs all steps before it gives the first."""
    return False


def each_step(config: Config, rank: int) -> bool:
    """Whether the input is a sequence, for layers that work on each step alone."""
    return rank >= 3


# Layers that leave it to the layers in them whether these train, in Keras 3; in Keras 2, and where
# a file says that they are `frozen`, nothing in them does.
_HOLDERS = ("TimeDistributed", "SpectralNormalization", "Bidirectional", "RNN", "StackedRNNCells",
            "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "MultiHeadAttention",
            "GroupedQueryAttention")  # fmt: skip


def trains(class_name: str | None, config: Config) -> bool:
    """Whether a layer's own arguments let its weights train."""
    if class_name in _HOLDERS:
        return not config.get("frozen")
    return bool(config.get("trainable", True))


# Layers whose weights are those of layers in them, each of its own dtype.
_WRAPPERS = ("TimeDistributed", "SpectralNormalization", "Bidirectional", "RNN", "StackedRNNCells")


def variable_dtype(config: Config) -> str:
    """Return the dtype of a layer's variables; under a mixed policy they are float32."""
    dtype = str(config.get("dtype")).rpartition("_from_")[2]
    return dtype if dtype in ("float16", "bfloat16", "float64") else "float32"


def typed(class_name: str, config: Config, weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    """Return the weights of a layer as its `dtype` has them.

    Some have a dtype of their own; low-rank adapters are always float32.
    """
    dtype = variable_dtype(config)
    if class_name in _WRAPPERS or dtype == "float32":
        return weights
    return tuple(
        weight._replace(dtype=dtype)
        if weight.dtype == "float32" and not weight.name.startswith("lora_")
        else weight
        for weight in weights
    )


def held(class_name: str, config: Config, weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    """Return the weights of a layer inside another, of its dtype, not trainable if it is frozen."""
    weights = typed(class_name, config, weights)
    if trains(class_name, config):
        return weights
    return tuple(weight._replace(trainable=False) for weight in weights)


class LayerType(NamedTuple):
    """A layer type.

    `signature` lists the constructor's arguments in Keras's order with their defaults; `outputs`
    and `weights` follow from a full config and the input shapes; `macs` counts the
    multiply-accumulates of the matrix products of one sample (None: an open dimension). `streams`
    says, for an input of some rank, whether a step of the output follows from the steps so far
    (axis 1). `run` makes the operation; without it `not_run` says why there is none. `structure` is
    what a recurrent layer is made of, given its config and the features of its input. One that
    takes `lists` gives as many tensors of the same shapes.
    """

    signature: Mapping[str, Any] = MappingProxyType({})
    outputs: Outputs = same_shape
    weights: Weights = no_weights
    macs: Macs = no_macs
    built_at_init: bool = False  # Keras counts it as built before it has seen an input
    streams: Streams = never
    run: Run | None = None
    not_run: str = ""
    structure: Callable[[Config, int], "Structure | None"] | None = None
    lists: bool = False

    def complete(self, config: Config) -> Config:
        """Return `config` with the defaults of what it leaves out."""
        defaults = {key: value for key, value in self.signature.items() if value is not REQUIRED}
        return {**defaults, **config}


def rank(shape: Shape, expected: int, what: str, axes: str) -> Shape:
    """Return `shape` if it has `expected` dimensions.

    Raises: ShapeError that names the axes, such as `(batch, time, inputs)`.
    """
    if len(shape) != expected:
        raise ShapeError(f"{what} expects {expected} dimensions {axes}, but gets {show(shape)}")
    return shape


def last_dim(shape: Shape, what: str) -> int:
    """Return the size of the last axis. Raises: ShapeError if it is open or missing."""
    if len(shape) < 2 or shape[-1] is None:
        raise ShapeError(f"{what} needs the size of its input's last axis, but gets {show(shape)}")
    return shape[-1]


def pair(value: Any, length: int = 1) -> tuple[int, ...]:
    """Return `value` as a tuple of `length` ints: `3` and `[3]` are the same to Keras."""
    if isinstance(value, list | tuple):
        return tuple(value)
    return (value,) * length


def signature(text: str) -> dict[str, Any]:
    """Return the arguments of a constructor written as in Python: `"units, activation=None"`."""
    arguments = ast.parse(f"lambda {text}: 0", mode="eval").body.args  # type: ignore[attr-defined]
    names = [argument.arg for argument in arguments.args]
    defaults = [ast.literal_eval(node) for node in arguments.defaults]
    return dict(zip(names, [REQUIRED] * (len(names) - len(defaults)) + defaults, strict=True))


def channels_first(config: Config) -> bool:
    """Whether the channels stand before the steps or the image."""
    return config.get("data_format") == "channels_first"


def scan(size: Dim, window: int, stride: int, padding: str, dilation: int = 1) -> Dim:
    """Return how many positions a window takes along an axis of `size`.

    Raises: ShapeError if the axis is shorter than the window.
    """
    if size is None:
        return None
    if padding == "valid":
        size -= dilation * (window - 1)
        if size < 1:
            raise ShapeError(f"a window of {window} is longer than the input")
    return -(-size // stride)
