"""PyTorch's activations as modules. Sources: the formulas in the documentation of `torch.nn`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, each_step, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.layers.torch import axis_of
from rnncli.model import Config
from rnncli.shapes import Shapes, show

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activation_layers, activations
else:
    np, activations = lazy("numpy"), lazy("rnncli.kernels.activations")
    activation_layers = lazy("rnncli.kernels.activation_layers")

Function = Callable[[Array], Array]


def _named(name: str) -> Callable[[Config], Function]:
    """Return the maker of an activation without arguments, by Keras's name for it."""
    return lambda config: activations.activation(name)


def _gelu(config: Config) -> Function:
    if config["approximate"] != "tanh":
        return activations.activation("gelu")
    root = (2 / np.pi) ** 0.5
    return lambda x: 0.5 * x * (1 + np.tanh(root * (x + 0.044715 * x**3)))


def _celu(config: Config) -> Function:
    alpha = config["alpha"]
    return lambda x: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def _softplus(config: Config) -> Function:
    beta, limit = config["beta"], config["threshold"]
    return lambda x: np.where(x * beta > limit, x, activations.softplus(x * beta) / beta)


def _softshrink(config: Config) -> Function:
    return lambda x: np.sign(x) * np.maximum(np.abs(x) - config["lambd"], 0)


def _hardshrink(config: Config) -> Function:
    return lambda x: np.where(np.abs(x) > config["lambd"], x, 0)


def _threshold(config: Config) -> Function:
    return lambda x: np.where(x > config["threshold"], x, config["value"])


def _softmax(log: bool) -> Callable[[Config], Function]:
    def make(config: Config) -> Function:
        axis = -1 if config["dim"] is None else config["dim"]

        def apply(x: Array) -> Array:
            shifted = x - x.max(axis=axis, keepdims=True)
            total = np.exp(shifted).sum(axis=axis, keepdims=True)
            found: Array = shifted - np.log(total) if log else np.exp(shifted) / total
            return found

        return apply

    return make


def _glu(config: Config) -> Function:
    def apply(x: Array) -> Array:
        kept, gate = np.split(x, 2, axis=config["dim"])
        return kept * activations.sigmoid(gate)

    return apply


def _halved(config: Config, inputs: Shapes) -> Shapes:
    shape = list(inputs[0])
    axis = axis_of(config["dim"], inputs[0], "GLU has dim")
    size = shape[axis]
    if size is not None and size % 2:
        raise ShapeError(f"GLU halves an axis, but axis {axis} of {show(inputs[0])} is odd")
    shape[axis] = None if size is None else size // 2
    return (tuple(shape),)


def _softmax_outputs(config: Config, inputs: Shapes) -> Shapes:
    axis_of(-1 if config["dim"] is None else config["dim"], inputs[0], "Softmax has dim")
    return (inputs[0],)


def _softmax_streams(config: Config, rank: int) -> bool:
    return rank >= 3 and config["dim"] not in (None, 1, 1 - rank)


_MAKERS: dict[str, tuple[str, Callable[[Config], Function]]] = {
    "ReLU": ("inplace=False", _named("relu")),
    "ReLU6": ("inplace=False", _named("relu6")),
    "Tanh": ("", _named("tanh")),
    "Sigmoid": ("", _named("sigmoid")),
    "SiLU": ("inplace=False", _named("silu")),
    "Mish": ("inplace=False", _named("mish")),
    "SELU": ("inplace=False", _named("selu")),
    "Softsign": ("", _named("softsign")),
    "LogSigmoid": ("", _named("log_sigmoid")),
    "Tanhshrink": ("", _named("tanh_shrink")),
    "Hardsigmoid": ("inplace=False", _named("hard_sigmoid")),
    "Hardswish": ("inplace=False", _named("hard_swish")),
    "GELU": ("approximate='none'", _gelu),
    "ELU": ("alpha=1.0, inplace=False", lambda c: activation_layers.elu(c["alpha"]).function),
    "CELU": ("alpha=1.0, inplace=False", _celu),
    "LeakyReLU": (
        "negative_slope=0.01, inplace=False",
        lambda c: activation_layers.leaky_relu(c["negative_slope"]).function,
    ),
    "Hardtanh": (
        "min_val=-1.0, max_val=1.0, inplace=False",
        lambda c: lambda x: np.clip(x, c["min_val"], c["max_val"]),
    ),
    "Softplus": ("beta=1.0, threshold=20.0", _softplus),
    "Softshrink": ("lambd=0.5", _softshrink),
    "Hardshrink": ("lambd=0.5", _hardshrink),
    "Threshold": ("threshold, value, inplace=False", _threshold),
    "Softmax": ("dim=None", _softmax(False)),
    "LogSoftmax": ("dim=None", _softmax(True)),
    "GLU": ("dim=-1", _glu),
}


def _type(name: str, arguments: str, make: Callable[[Config], Function]) -> LayerType:
    def run(setup: OpContext) -> Op:
        function = make(setup.config)
        return Plain(lambda x: function(x).astype(x.dtype, copy=False))

    found = LayerType(signature(arguments), built_at_init=True, streams=each_step, run=run)
    if name == "GLU":
        return found._replace(outputs=_halved, streams=lambda config, rank: False)
    if "Softmax" in name:
        return found._replace(outputs=_softmax_outputs, streams=_softmax_streams)
    return found


TYPES = {f"torch.{name}": _type(name, *made) for name, made in _MAKERS.items()}
