"""Attention over steps."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.layers.layer_type import LayerType, last_dim, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Value
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activations
else:
    np, activations = lazy("numpy"), lazy("rnncli.kernels.activations")


def _outputs(config: Config, inputs: Shapes) -> Shapes:
    """Return `(batch, query steps, value features)`, and the scores where they are asked for."""
    query, value = inputs[0], inputs[1]
    output = (*query[:-1], value[-1])
    if config.get("return_attention_scores"):
        return output, (*query[:-1], value[-2])
    return (output,)


def _scale(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    weights = (
        [Weight("scale", (), "1", path="scale", initializer="ones")] if config["use_scale"] else []
    )
    if config["score_mode"] == "concat":
        weights.append(Weight("concat_score_weight", (), "1", path="concat_score_weight",
                              initializer="ones"))  # fmt: skip
    return tuple(weights)


def _additive_scale(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    if not config["use_scale"]:
        return ()
    size = last_dim(inputs[0], "AdditiveAttention")
    return (Weight("scale", (size,), "features", path="scale", initializer="glorot_uniform"),)


def _macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    sizes = (inputs[0][-2], inputs[1][-2], inputs[0][-1], inputs[1][-1])
    if any(size is None for size in sizes):
        return None
    queries, steps, features, values = (size for size in sizes if size is not None)
    return queries * steps * (features + values)


_LEFT_OUT = 1e9  # what Keras takes from the score of a step that does not count


class Attention(Op):
    """Values weighted by the softmax of the scores of queries against keys."""

    def __init__(self, setup: OpContext) -> None:
        self.weights, self.config = setup.weights, setup.config
        self.each = (1,) if setup.keras >= 3 else ()  # of a mask's axis of samples
        self.additive = setup.kind == "AdditiveAttention"

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return `(batch, queries, features)` and, where asked for, the shares."""
        arguments = {**self.config, **options}
        query, value, key = inputs[0], inputs[1], inputs[-1] if len(inputs) > 2 else inputs[1]
        scores = self._scores(query.array, key.array)
        kept = None if value.mask is None else value.mask[:, None]
        if arguments.get("use_causal_mask") or arguments.get("causal"):
            causal = np.tril(np.ones((*self.each, *scores.shape[-2:]), bool))
            kept = causal if kept is None else kept & causal
        if kept is not None:
            scores = np.where(kept, scores, scores - scores.dtype.type(_LEFT_OUT))
        shares = activations.softmax(scores)
        output = shares @ value.array
        if query.mask is not None:
            output = np.where(query.mask[..., None], output, output.dtype.type(0))
        attended = Value(output, query.mask)
        if arguments.get("return_attention_scores"):
            return attended, Value(shares)
        return (attended,)

    def _scores(self, query: Array, key: Array) -> Array:
        """Return `(batch, queries, keys)`."""
        scale = self.weights.get("scale", 1)
        if not self.additive and self.config["score_mode"] == "dot":
            scores: Array = (query @ key.swapaxes(-2, -1)) * scale
            return scores
        sums = query[..., :, None, :] + key[..., None, :, :]
        if self.additive:
            added: Array = (scale * np.tanh(sums)).sum(axis=-1)
            return added
        total: Array = self.weights["concat_score_weight"] * np.tanh(scale * sums).sum(axis=-1)
        return total


TYPES = {
    "Attention": LayerType(
        signature("use_scale=False, score_mode='dot', dropout=0.0, seed=None"),
        _outputs,
        _scale,
        _macs,
        run=Attention,
    ),
    "AdditiveAttention": LayerType(
        signature("use_scale=True, dropout=0.0"),
        _outputs,
        _additive_scale,
        _macs,
        run=Attention,
    ),
}
