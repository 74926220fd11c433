"""Shapes that a Keras config states, or that its layers let one infer."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from rnncli.formats.keras.connections import shape_of
from rnncli.formats.keras.nodes import Node, is_model
from rnncli.model import Layer, Ref
from rnncli.shapes import Shape, Shapes


def stated(config: Node, node: Node) -> Shapes | None:
    """Return the output that a Lambda of Keras 1 and 2 states, which leaves out the batch."""
    if config.get("output_shape_type", "raw") != "raw" or node.get("class_name") != "Lambda":
        return None
    shape = shape_of(config.get("output_shape"))
    return None if shape is None else ((None, *shape),)


def built_with(node: Node) -> Shapes | None:
    """Return the input shapes in a `build_config`, which files have since Keras 2.12."""
    build = node.get("build_config")
    if not isinstance(build, dict):
        return None
    given = build.get("input_shape")
    if given is None:
        shapes = build.get("shapes_dict", build)
        given = next(iter(shapes.values()), None) if isinstance(shapes, dict) else None
    one = shape_of(given)
    if one is not None:
        return (one,)
    several = [shape_of(item) for item in given] if isinstance(given, list) else []
    return tuple(s for s in several if s) if several and None not in several else None


def first_shape(node: Node, layer: Layer) -> Shape | None:
    """Return the input shape that the first layer of a Sequential gives."""
    config = node.get("config")
    if isinstance(config, list):  # a Sequential in a Sequential
        return first_shape(config[0], layer) if config and isinstance(config[0], dict) else None
    if not isinstance(config, dict):
        return None
    layers = config.get("layers")
    if is_model(node) and isinstance(layers, list) and layers and isinstance(layers[0], dict):
        first = layers[0].get("config")
        stated = first.get("batch_shape") if isinstance(first, dict) else None
        return shape_of(stated) or first_shape(layers[0], layer)
    shape = shape_of(config.get("batch_input_shape"))
    if shape is not None or layer.kind is None:
        return shape
    size, steps = config.get("input_dim"), config.get("input_length")
    if type(size) is not int:
        return None
    if layer.kind == "Embedding":
        return (None, steps if type(steps) is int else None)
    if layer.kind in ("Dense", "MaxoutDense", "Highway"):
        return (None, size)
    return (None, steps if type(steps) is int else None, size)


def with_next_shapes(layers: list[Layer]) -> tuple[Layer, ...]:
    """Give a layer that rnncli does not know the output that the next one was built for."""
    found = list(layers)
    for index, (one, after) in enumerate(pairwise(layers)):
        if one.kind is None and one.model is None and one.stated_shapes is None:
            found[index] = one._replace(stated_shapes=after.build_shapes)
    return tuple(found)


def with_consumers_shapes(layers: list[Layer]) -> Iterable[Layer]:
    """Give layers that rnncli does not know the output that a layer after them was built for."""
    built: dict[Ref, Shape] = {}
    for layer in layers:
        if layer.build_shapes and layer.calls:
            built |= dict(zip(layer.calls[0].inputs, layer.build_shapes, strict=False))
    return (with_known_shapes(layer, built) for layer in layers)


def with_known_shapes(layer: Layer, shapes: Mapping[Ref, Shape]) -> Layer:
    """Give a layer that rnncli does not know the shapes of its outputs, where they are known."""
    if layer.kind is not None or layer.model is not None or layer.stated_shapes is not None:
        return layer
    found: list[Shape] = []
    while (shape := shapes.get(Ref(layer.name, 0, len(found)))) is not None:
        found.append(shape)
    return layer._replace(stated_shapes=tuple(found) or None)
