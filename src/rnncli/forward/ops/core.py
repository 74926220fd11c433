"""The layers that most stacks begin and end with, and those that act in training only."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.errors import ShapeError, UnsupportedError
from rnncli.kernels.activations import activation
from rnncli.layers.op import Array, Notes, Op, OpContext, Value, elementwise


def _dense(setup: OpContext) -> Op:
    kernel, bias = setup.weights["kernel"], setup.weights.get("bias")
    function = activation(setup.config.get("activation"))

    def dense(x: Array) -> Array:
        y = np.matmul(x, kernel)
        if bias is not None:
            y += bias
        return function(y)

    return elementwise(dense)


class Embedding(Op):
    """A row of the table for each token."""

    def __init__(self, setup: OpContext) -> None:
        self.name, self.table = setup.name, setup.weights["embeddings"]
        self.masks = bool(setup.config.get("mask_zero"))

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the rows `(batch, time, outputs)`, masked where the token is 0."""
        (value,) = inputs
        tokens = value.array.astype(np.int64)
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= len(self.table):
            raise ShapeError(
                f"layer {self.name!r} (Embedding) has tokens 0 to {len(self.table) - 1:,}, "
                f"but the input holds {low if low < 0 else high:,}"
            )
        return (Value(self.table[tokens], tokens != 0 if self.masks else None),)

    def stepwise(self, rank: int) -> bool:
        """Whether the tokens are a sequence."""
        return rank >= 2


class Masking(Op):
    """A mask of the steps that hold nothing but the mask value, which become zeros."""

    def __init__(self, setup: OpContext) -> None:
        self.masked = setup.dtype.type(setup.config.get("mask_value", 0.0))

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the input with its mask."""
        x = inputs[0].array
        kept = (x != self.masked).any(axis=-1)
        return (Value(np.where(kept[..., None], x, 0).astype(x.dtype), kept),)

    def stepwise(self, rank: int) -> bool:
        """Whether the last axis is not that of the steps."""
        return rank >= 3


class EachStep(Op):
    """`TimeDistributed`: an operation on every step, as if steps were more of the batch."""

    def __init__(self, inner: Op) -> None:
        self.inner = inner

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the inner outputs `(batch, time, ...)`; the mask stays as it is."""
        x, mask = inputs[0]
        batch, steps = x.shape[:2]
        inner_mask = None
        if mask is not None and mask.ndim > 2:
            inner_mask = mask.reshape(batch * steps, *mask.shape[2:])
        flat = Value(x.reshape(batch * steps, *x.shape[2:]), inner_mask)
        output = self.inner((flat,), {})[0].array
        return (Value(output.reshape(batch, steps, *output.shape[1:]), mask),)

    def stepwise(self, rank: int) -> bool:
        """Whether there are steps."""
        return rank >= 3


def _distributed(setup: OpContext) -> Op:
    from rnncli.forward.ops import make

    layer = setup.config["layer"]
    prefixes = {path.partition("/")[0] for path in setup.weights}
    if len(prefixes) > 1:
        raise UnsupportedError(f"layer {setup.name!r} holds the weights of several layers")
    inner = setup.inside("".join(prefixes), layer["class_name"], layer["config"])
    return EachStep(make(inner._replace(notes=Notes())))  # its states are not the sequence's


def _nothing(setup: OpContext) -> Op:
    return elementwise(lambda x: x)


def _activation(setup: OpContext) -> Op:
    return elementwise(activation(setup.config.get("activation")))


OPS = {
    "Dense": _dense,
    "Activation": _activation,
    "Embedding": Embedding,
    "Masking": Masking,
    "TimeDistributed": _distributed,
    **dict.fromkeys(
        (
            "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise",
            "GaussianDropout", "AlphaDropout", "ActivityRegularization",
        ),
        _nothing,
    ),
}  # fmt: skip
