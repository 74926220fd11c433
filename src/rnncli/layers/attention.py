"""Attention over steps."""

from rnncli.layers.layer_type import LayerType, last_dim, signature
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes


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


TYPES = {
    "Attention": LayerType(
        signature("use_scale=False, score_mode='dot', dropout=0.0, seed=None"),
        _outputs,
        _scale,
        _macs,
    ),
    "AdditiveAttention": LayerType(
        signature("use_scale=True, dropout=0.0"), _outputs, _additive_scale, _macs
    ),
}
