"""Attention over steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.kernels.activations import softmax
from rnncli.layers.op import Array, Op, OpContext, Value

_LEFT_OUT = 1e9  # what Keras takes from the score of a step that does not count


class Attention(Op):
    """Values weighted by the softmax of the scores of queries against keys."""

    def __init__(self, setup: OpContext) -> None:
        self.weights, self.config = setup.weights, setup.config
        self.additive = setup.kind == "AdditiveAttention"

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return `(batch, queries, features)` and, where asked for, the shares."""
        arguments = {**self.config, **options}
        query, value, key = inputs[0], inputs[1], inputs[-1] if len(inputs) > 2 else inputs[1]
        scores = self._scores(query.array, key.array)
        kept = None if value.mask is None else value.mask[:, None]
        if arguments.get("use_causal_mask") or arguments.get("causal"):
            causal = np.tril(np.ones(scores.shape[-2:], bool))
            kept = causal if kept is None else kept & causal
        if kept is not None:
            scores = np.where(kept, scores, scores - scores.dtype.type(_LEFT_OUT))
        shares = softmax(scores)
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


OPS = {"Attention": Attention, "AdditiveAttention": Attention}
