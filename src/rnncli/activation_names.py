"""The names of Keras's activations, and of the layers that may stand in place of one."""

import ast
from collections.abc import Mapping
from typing import Any, NamedTuple

from rnncli.errors import UsageError, nearest

# `hard_sigmoid` is Keras 3's, relu6(x + 3) / 6; Keras 1 and 2 computed clip(0.2 x + 0.5, 0, 1),
# which readers of their files call `hard_sigmoid_keras2`.
ACTIVATION_NAMES = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid",
    "hard_sigmoid_keras2", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "linear",
    "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink",
    "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
    "swish", "tanh", "tanh_shrink",
)  # fmt: skip

# Layers that hold no weights, with the arguments that their values depend on.
ACTIVATION_LAYERS: dict[str, Mapping[str, Any]] = {
    "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "LeakyReLU": {"negative_slope": 0.3},
    "ELU": {"alpha": 1.0},
    "ThresholdedReLU": {"theta": 1.0},
    "Softmax": {"axis": -1},
}


# Those that ONNX lets have arguments, and what these are unless a node says otherwise.
ARGUMENTS: dict[str, tuple[float, ...]] = {
    "affine": (1.0, 0.0), "elu": (1.0,), "hardsigmoid": (0.2, 0.5), "leakyrelu": (0.01,),
    "scaledtanh": (1.0, 1.0), "thresholdedrelu": (1.0,),
}  # fmt: skip


class Applied(NamedTuple):
    """An activation with arguments of its own (one of `ARGUMENTS`), or of an input that is clipped.

    `clip` is the largest size of the input, 0 for any.
    """

    name: str
    arguments: tuple[float, ...] = ()
    clip: float = 0.0

    def __str__(self) -> str:
        words = [f"{each:g}" for each in self.arguments] + (
            [f"clip {self.clip:g}"] * bool(self.clip)
        )
        return f"{self.name}[{', '.join(words)}]" if words else self.name


# One that holds weights, which layers that compute once per call may have.
WEIGHTED: dict[str, Mapping[str, Any]] = {"PReLU": {"shared_axes": None}}


def check_activation(name: Any) -> str:
    """Return the name of an activation, `linear` for None.

    Raises: UsageError that suggests the nearest name.
    """
    if name is None:
        return "linear"
    if name in ACTIVATION_NAMES or str(name).partition("(")[0] in ACTIVATION_LAYERS:
        return str(name)
    raise UsageError(
        f"activation {str(name)[:40]!r} is not known",
        nearest(str(name), ACTIVATION_NAMES) or f"known: {', '.join(ACTIVATION_NAMES)}",
    )


def name_of_layer(class_name: str, config: Mapping[str, Any]) -> str | None:
    """Return the name of a layer as an activation, `LeakyReLU(negative_slope=0.2)`.

    None: a layer of this class is no activation that rnncli knows. A PReLU that was never called
    holds no slopes yet: Keras counts none, and begins with zeros, which makes it a `relu`.
    """
    if class_name in WEIGHTED and not config.get("built"):
        return "relu"
    if class_name == "Activation" and config.get("activation") in ACTIVATION_NAMES:
        return str(config["activation"])
    known = {**ACTIVATION_LAYERS, **WEIGHTED}.get(class_name)
    values = {key: config.get(key, default) for key, default in (known or {}).items()}
    if known is None or not all(map(_plain, values.values())):
        return None
    return f"{class_name}({', '.join(f'{key}={value!r}' for key, value in values.items())})"


def _plain(value: Any) -> bool:
    """Whether a value is none, a finite number or a list of such."""
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return value is None or (isinstance(value, int | float) and abs(value) < 1e30)


def layer_of_name(name: str) -> tuple[str, dict[str, Any]] | None:
    """Return the class and the arguments of a layer that a name stands for, else None."""
    class_name, found, _ = name.partition("(")
    if not found:
        return None
    call = ast.parse(name, mode="eval").body
    assert isinstance(call, ast.Call)
    given = {each.arg or "": ast.literal_eval(each.value) for each in call.keywords}
    return class_name, {**ACTIVATION_LAYERS.get(class_name, {}), **given}


def is_weighted(name: Any) -> bool:
    """Whether an activation is a layer that holds weights."""
    return str(name).partition("(")[0] in WEIGHTED
