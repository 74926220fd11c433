"""Rows of a table for tokens, and scores of tokens for rows."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers import quantization
from rnncli.layers.layer_type import LayerType, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Value
from rnncli.layers.quantization import fixed
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes, product

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import quantization as kernels
else:
    np, kernels = lazy("numpy"), lazy("rnncli.kernels.quantization")


def _weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shape = tokens, size = config["input_dim"], config["output_dim"]
    table = Weight("embeddings", shape, "tokens × outputs", path="embeddings",
                   initializer="uniform")  # fmt: skip
    policy = quantization.policy_of(config)
    if policy is None:
        return quantization.with_adapter(config, (table,))
    rank = config.get("lora_rank")
    adapter = quantization.adapter("embeddings", shape, rank) if rank else ()
    return (*_quantized("embeddings", policy, (tokens, size)), *adapter)


def _quantized(name: str, policy: quantization.Policy, shape: tuple[int, int]) -> list[Weight]:
    """Return the weights of a table of few bits in the order of Keras's files."""
    tokens, size = shape
    many = policy.groups(size)
    scales = (tokens,) if policy.block is None else (tokens, many)
    packed = (tokens, ceil(size / 2) if policy.mode == "int4" else size)
    found = [
        fixed(name, packed, "tokens × outputs", "int8"),
        fixed(f"{name}_scale", scales, "tokens"),
    ]
    if policy.block is not None:
        found.append(fixed(f"{name}_zero", scales, "tokens × groups", "int8"))
        found.append(fixed("g_idx", (size,), "outputs"))
    return found


def _reversible_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    tokens, size = config["input_dim"], config["output_dim"]
    found, policy = _weights(config, inputs), quantization.policy_of(config)
    if config["tie_weights"]:
        return found
    name = "reverse_embeddings"
    if policy is None:
        return *found, Weight(name, (size, tokens), "outputs × tokens", path=name,
                              initializer="uniform")  # fmt: skip
    many = policy.groups(size)
    scales = (tokens,) if policy.block is None else (many, tokens)
    packed = (ceil(size / 2) if policy.mode == "int4" else size, tokens)
    reverse = [
        fixed(name, packed, "outputs × tokens", "int8"),
        fixed(f"{name}_scale", scales, "tokens"),
    ]
    if policy.block is not None:
        reverse.append(fixed(f"{name}_zero", scales, "groups × tokens"))
    return (*found, *reverse)


def _table(setup: OpContext) -> Array:
    """Return the table `(tokens, outputs)` in full."""
    policy, weights = quantization.policy_of(setup.config), setup.weights
    if policy is None:
        return quantization.with_delta(setup, "embeddings")
    quantization.check_no_adapter(setup, "embeddings")
    stored = weights["embeddings"]
    if policy.mode == "int4":
        size = setup.config["output_dim"]
        stored = kernels.unpacked(stored, size, -1).astype(setup.dtype)
    if setup.config.get(quantization.INNER):
        return stored
    scale = weights["embeddings_scale"]
    if policy.block is None:
        return stored / scale[:, None]
    zero, group = weights["embeddings_zero"], weights["g_idx"]
    return kernels.grouped(stored, scale, zero, group, -1)


class Embedding(Op):
    """A row of the table for each token; `ReversibleEmbedding` also the way back."""

    def __init__(self, setup: OpContext) -> None:
        self.name, self.kind, self.table = setup.name, setup.kind, _table(setup)
        self.masks = bool(setup.config.get("mask_zero")) and setup.kind == "Embedding"
        self.setup = setup

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the rows `(batch, time, outputs)`, masked where the token is 0."""
        (value,) = inputs
        if options.get("reverse"):
            return (Value(_scores(self.setup, self.table, value.array)),)
        tokens = value.array.astype(np.int64)
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= len(self.table):
            raise ShapeError(
                f"layer {self.name!r} ({self.kind}) has tokens 0 to {len(self.table) - 1:,}, "
                f"but the input holds {low if low < 0 else high:,}"
            )
        return (Value(self.table[tokens], tokens != 0 if self.masks else None),)


def _scores(setup: OpContext, table: Array, x: Array) -> Array:
    """Return a score per token, `(…, tokens)` of `(…, outputs)`."""
    policy, cap = quantization.policy_of(setup.config), setup.config["logit_soft_cap"]
    kernel = table.T if setup.config["tie_weights"] else _reverse(setup, policy)
    if policy is not None and policy.inputs:
        steps, scale = kernels.rounded(x, (-1,))
        x = steps / scale
    scores: Array = x @ kernel
    return scores if cap is None else np.tanh(scores / cap) * x.dtype.type(cap)


def _reverse(setup: OpContext, policy: quantization.Policy | None) -> Array:
    """Return a table of its own for the way back, `(outputs, tokens)`."""
    stored = setup.weights["reverse_embeddings"]
    if policy is None:
        return stored
    if policy.mode == "int4":
        stored = kernels.unpacked(stored, setup.config["output_dim"], 0).astype(setup.dtype)
    scale = setup.weights["reverse_embeddings_scale"]
    if policy.block is None:
        return stored / scale
    zero, group = setup.weights["reverse_embeddings_zero"], setup.weights["g_idx"]
    return kernels.grouped(stored, scale, zero, group, 0)


def _reversible_outputs(config: Config, inputs: Shapes) -> Shapes:
    if config.get("reverse"):
        return ((*inputs[0][:-1], config["input_dim"]),)
    return ((*inputs[0], config["output_dim"]),)


def _reversible_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    size = product(outputs[0][1:])
    if size is None or outputs[0] != (*inputs[0][:-1], config["input_dim"]):
        return 0 if size is not None else None
    return size * int(config["output_dim"])


_TABLE = (
    "embeddings_initializer='uniform', embeddings_regularizer=None, embeddings_constraint=None, "
    "mask_zero=False"
)
TYPES = {
    "Embedding": LayerType(
        signature(
            f"input_dim, output_dim, {_TABLE}, weights=None, lora_rank=None, lora_alpha=None, "
            "quantization_config=None"
        ),
        lambda config, inputs: ((*inputs[0], config["output_dim"]),),
        _weights,
        streams=lambda config, rank: rank >= 2,
        run=Embedding,
    ),
    "ReversibleEmbedding": LayerType(
        signature(
            f"input_dim, output_dim, tie_weights=True, {_TABLE}, reverse_dtype=None, "
            "logit_soft_cap=None"
        ),
        _reversible_outputs,
        _reversible_weights,
        _reversible_macs,
        run=Embedding,
    ),
}
