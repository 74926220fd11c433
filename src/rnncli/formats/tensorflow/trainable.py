"""What trains in a SavedModel once it is loaded: Keras 2 tells each layer of a graph whether it
trains, and that one tells the layers and cells in it, whatever was said of them.

Source: `_revive_layer_or_model_from_config` of `saving/legacy/saved_model/load.py`.
"""

from typing import Any

from rnncli.formats.keras.config import model_of
from rnncli.formats.keras.version import KerasVersion
from rnncli.graph.infer import infer
from rnncli.model import Layer, Model

_INSIDE = ("layer", "backward_layer", "cell")


def as_loaded(model: Model, node: dict[str, Any], era: KerasVersion) -> Model:
    """Return the model, whose weights were placed as `node` has it, with what trains then."""
    told = _told(node)
    return model if told == node else _like(model, infer(model_of(told, era)))


def _told(node: Any) -> Any:
    """Return the config of a layer, or of a model of layers, with what each tells those in it."""
    config = node.get("config") if isinstance(node, dict) else None
    if not isinstance(config, dict):
        return node
    if isinstance(config.get("layers"), list):
        return {**node, "config": {**config, "layers": list(map(_told, config["layers"]))}}
    trains = config.get("trainable", True)
    inside = {key: _all(config[key], trains) for key in _INSIDE if key in config}
    return {**node, "config": {**config, **inside}}


def _all(value: Any, trains: bool) -> Any:
    """Return a config in which all layers train, or none."""
    if isinstance(value, list):
        return [_all(each, trains) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: trains if key == "trainable" else _all(each, trains)
            for key, each in value.items()}  # fmt: skip


def _like(model: Model, other: Model) -> Model:
    """Return a model of which that trains which does in another of the same layers."""
    pairs = zip(model.layers, other.layers, strict=True)
    return model._replace(layers=tuple(_layer_like(*pair) for pair in pairs))


def _layer_like(layer: Layer, other: Layer) -> Layer:
    weights = layer.weights and tuple(
        weight._replace(trainable=each.trainable)
        for weight, each in zip(layer.weights, other.weights or layer.weights, strict=True)
    )
    both = layer.model is not None and other.model is not None
    model = _like(layer.model, other.model) if both else layer.model  # type: ignore[arg-type]
    return layer._replace(weights=weights, model=model, trainable=other.trainable)
