"""What follows from how Keras 3 runs a graph: the order of its calls, masks that attention takes
off, and steps that a TimeDistributed takes one by one."""

from rnncli.graph.order import keras_depths
from rnncli.model import Layer, Model


def unmasks(model: Model) -> bool:
    """Whether there is a MultiHeadAttention in a model, or in a model in it."""
    return any(
        layer.kind == "MultiHeadAttention" or (layer.model is not None and unmasks(layer.model))
        for layer in model.layers
    )


def as_keras_runs(model: Model, order: list[tuple[Layer, int]]) -> list[tuple[Layer, int]]:
    """Return calls in Keras's order: those that are farthest from the outputs first."""
    depths = keras_depths(model).nodes
    places = {node: place for place, node in enumerate(depths)}

    def place(call: tuple[Layer, int]) -> tuple[int, int]:
        node = call[0].name, call[1]
        return -depths.get(node, 0), places.get(node, len(places))

    return sorted(order, key=place)


def mixes(model: Model) -> bool:
    """Whether a model may mix the samples of a batch: operations, and attention of no sequences."""
    return any(
        mixes(layer.model)
        if layer.model is not None
        else (layer.kind or "").startswith("keras.")
        or layer.kind in ("Attention", "AdditiveAttention")
        for layer in model.layers
    )
