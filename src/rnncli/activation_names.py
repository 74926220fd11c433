"""The names of Keras's activations."""

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


def check_activation(name: Any) -> str:
    """Return the name of an activation, `linear` for None.

    Raises: UsageError that suggests the nearest name.
    """
    if name is None:
        return "linear"
    if name in ACTIVATION_NAMES:
        return str(name)
    raise UsageError(
        f"activation {str(name)[:40]!r} is not known",
        nearest(str(name), ACTIVATION_NAMES) or f"known: {', '.join(ACTIVATION_NAMES)}",
    )
