"""Activations that are layers."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.activation_names import ACTIVATION_LAYERS, is_weighted, layer_of_name
from rnncli.layers.layer_type import LayerType, each_step, pair, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Value, alone, masked
from rnncli.model import Config, Weight
from rnncli.shapes import Shapes, known

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activation_layers, activations
else:
    np, activation_layers = lazy("numpy"), lazy("rnncli.kernels.activation_layers")
    activations = lazy("rnncli.kernels.activations")


def _prelu_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shared = config["shared_axes"] or ()
    shared = (shared,) if isinstance(shared, int) else tuple(shared)
    shape = tuple(
        1 if axis in shared else known(dim, f"axis {axis} of PReLU's input (or in shared_axes)")
        for axis, dim in enumerate(inputs[0])
        if axis > 0
    )
    return (Weight("alpha", shape, "one per feature", path="alpha"),)


def activation_weights(config: Config, outputs: Shapes) -> tuple[Weight, ...]:
    """Return the weights of the activation of a layer that gives `outputs`: those of a PReLU."""
    if not is_weighted(config["activation"]):
        return ()
    layer = layer_of_name(config["activation"])
    assert layer is not None
    found = _prelu_weights(layer[1], outputs)
    return tuple(each._replace(path=f"activation/{each.path}") for each in found)


def activation_of(setup: OpContext) -> Callable[[Array], Array]:
    """Return a layer's activation, with its weights if it has any."""
    if is_weighted(setup.config["activation"]):
        alpha = setup.weights["activation/alpha"]
        return lambda x: np.where(x > 0, x, alpha * x)
    return activations.activation(setup.config["activation"])


def _prelu_streams(config: Config, rank: int) -> bool:
    """Whether all steps share their slopes."""
    return rank >= 3 and 1 in pair(config["shared_axes"] or ())


def _softmax_streams(config: Config, rank: int) -> bool:
    """Whether no axis is that of the steps."""
    return rank >= 3 and min(axis % rank for axis in pair(config["axis"])) >= 2


def _function(setup: OpContext) -> Op:
    """Return the function of an activation that a layer's class and arguments say."""
    names = ACTIVATION_LAYERS[setup.kind]
    made = activation_layers.MAKERS[setup.kind](**{name: setup.config[name] for name in names})
    return masked(made.function)


def _prelu(setup: OpContext) -> Op:
    alpha = setup.weights["alpha"]
    return masked(lambda x: np.where(x > 0, x, alpha * x))


def _rescaling(setup: OpContext) -> Op:
    scale, offset = (np.asarray(setup.config[key], setup.dtype) for key in ("scale", "offset"))
    return masked(lambda x: x * scale + offset)


class Softmax(Op):
    """Shares along some axes; what the mask leaves out gets none."""

    def __init__(self, setup: OpContext) -> None:
        self.axes = pair(setup.config["axis"])

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the shares, with the mask."""
        x, mask = alone(inputs)
        if mask is not None:
            x = np.where(mask, x, x.dtype.type(-1e9))
        shares = np.exp(x - x.max(axis=self.axes, keepdims=True))
        shares /= shares.sum(axis=self.axes, keepdims=True)
        return (Value(shares if mask is None else np.where(mask, shares, 0), mask),)


TYPES = {
    "ReLU": LayerType(
        signature("max_value=None, negative_slope=0.0, threshold=0.0"),
        built_at_init=True,
        streams=each_step,
        run=_function,
        lists=True,
    ),
    "LeakyReLU": LayerType(
        signature("negative_slope=0.3"),
        built_at_init=True,
        streams=each_step,
        run=_function,
        lists=True,
    ),
    "ELU": LayerType(
        signature("alpha=1.0"), built_at_init=True, streams=each_step, run=_function, lists=True
    ),
    "ThresholdedReLU": LayerType(signature("theta=1.0"), streams=each_step, run=_function),
    "PReLU": LayerType(
        signature(
            "alpha_initializer='Zeros', alpha_regularizer=None, alpha_constraint=None, "
            "shared_axes=None"
        ),
        weights=_prelu_weights,
        streams=_prelu_streams,
        run=_prelu,
    ),
    "Softmax": LayerType(
        signature("axis=-1"), built_at_init=True, streams=_softmax_streams, run=Softmax, lists=True
    ),
    "Rescaling": LayerType(
        signature("scale, offset=0.0"), streams=each_step, run=_rescaling, lists=True
    ),
}
