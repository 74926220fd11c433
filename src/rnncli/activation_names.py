"""The names of Keras's activations."""

from typing import Any

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
