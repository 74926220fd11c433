"""From a Keras config of any version to a `ModelSpec`."""

from collections.abc import Iterable, Mapping
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.keras import connections
from rnncli.formats.keras.connections import shape_of
from rnncli.formats.keras.legacy import WEIGHTLESS, class_of, is_model, normalised
from rnncli.formats.keras.stated_shapes import (
    built_with,
    first_shape,
    stated,
    with_consumers_shapes,
    with_known_shapes,
    with_next_shapes,
)
from rnncli.formats.keras.version import KerasVersion
from rnncli.graph.naming import snake_case
from rnncli.graph.specs import CallSpec, LayerSpec, ModelSpec, sequential
from rnncli.layers import TABLE
from rnncli.model import Ref, Weight
from rnncli.shapes import Shape

Node = Mapping[str, Any]


def model_spec(node: Node, era: KerasVersion, depth: int = 0) -> ModelSpec:
    """Return the spec of a `Sequential`, `Model`, `Functional` or subclass with its layers.

    Raises: FileError if the config is not a model's, or is over a bound.
    """
    limits.check("models inside models", depth, limits.MODEL_NESTING)
    if not is_model(node):
        name = str(node.get("class_name"))[:60]
        raise FileError(
            f"the config of {name!r} lists no layers; expected a Sequential or a functional model",
            "a subclassed model keeps its layers in code, which is not in the file",
        )
    if node.get("class_name") == "Sequential":
        return _sequential(node, era, depth)
    return _functional(node, era, depth)


def _layer_nodes(layers: Any) -> list[Node]:
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise FileError("the config's layers are not a list of objects")
    limits.check("layers", len(layers), limits.LAYERS)
    return layers


def _layer(node: Node, era: KerasVersion, depth: int, name: str | None = None) -> LayerSpec:
    kind, type_ = class_of(node)
    given = node.get("config")
    config = given if isinstance(given, dict) else {}
    name = str(node.get("name") or config.get("name") or name or snake_case(type_))
    limits.check("characters in a layer's name", len(name), limits.NAME_CHARACTERS)
    if is_model(node):
        own = {"name": name, "trainable": config.get("trainable", True)}
        return LayerSpec(
            type_, name, own, model=model_spec({**node, "name": name}, era, depth + 1), type=type_
        )
    inner = config.get("layer")
    nested = None
    if kind == "TimeDistributed" and isinstance(inner, dict) and is_model(inner):
        nested = model_spec(inner, era, depth + 1)
    unknown = kind not in TABLE
    operation = type_ in WEIGHTLESS or (unknown and ".ops." in str(node.get("module")))
    return LayerSpec(
        kind,
        name,
        normalised(node, era),
        model=nested,
        shapes=stated(config, node) if unknown else None,
        build_shapes=built_with(node),
        stored=() if operation else None,
        type=type_,
    )


def _sequential(node: Node, era: KerasVersion, depth: int) -> ModelSpec:
    config = node["config"]
    rest = {} if isinstance(config, list) else config
    nodes = _layer_nodes(config if isinstance(config, list) else config["layers"])
    name = str(node.get("name") or rest.get("name") or f"sequential{'_1' if era.major < 3 else ''}")
    trainable = bool(rest.get("trainable", True))
    first = nodes[0].get("config") if nodes and nodes[0].get("class_name") == "Merge" else None
    if isinstance(first, dict) and "layers" in first:
        return _merged(nodes, era, depth, name)
    specs = [_layer(each, era, depth) for each in nodes]
    _distinct(specs)
    if specs and specs[0].class_name != "InputLayer":
        shape = first_shape(nodes[0], specs[0]) or shape_of(
            rest.get("build_input_shape") or (node.get("build_config") or {}).get("input_shape")
        )
        if shape is not None:
            specs.insert(0, _input(specs[0].name, shape))
    chain = sequential(with_next_shapes(specs), name)
    return chain._replace(trainable=trainable)


def _input(name: str, shape: Shape) -> LayerSpec:
    return LayerSpec("InputLayer", f"{name}_input", {"batch_shape": shape, "name": f"{name}_input"})


def _merged(nodes: list[Node], era: KerasVersion, depth: int, name: str) -> ModelSpec:
    """Return Keras 1's Sequential that begins with a Merge of others; it lists all their layers."""
    layers: list[LayerSpec] = []
    inputs: list[Ref] = []
    ends: list[Ref] = []
    for branch in _layer_nodes(nodes[0]["config"]["layers"]):
        part = model_spec(branch, era, depth + 1)
        known = {layer.name for layer in layers}
        layers += [layer for layer in part.layers if layer.name not in known]  # branches may share
        inputs += [ref for ref in part.inputs if ref not in inputs]
        ends += part.outputs
    merge = _layer(nodes[0], era, depth)
    config = {key: value for key, value in merge.config.items() if key != "layers"}
    layers.append(merge._replace(config=config, calls=(CallSpec(tuple(ends)),)))
    for node in nodes[1:]:
        spec = _layer(node, era, depth)
        layers.append(spec._replace(calls=(CallSpec((Ref(layers[-1].name),)),)))
    _distinct(layers)
    return ModelSpec(name, "Sequential", tuple(layers), tuple(inputs), (Ref(layers[-1].name),))


def _functional(node: Node, era: KerasVersion, depth: int) -> ModelSpec:
    given = node["config"]
    nodes = _layer_nodes(given["layers"])
    shapes: dict[Ref, Shape] = {}
    specs = []
    for each in nodes:
        spec = _layer(each, era, depth)
        if TABLE.get(spec.class_name) == "operations":
            config = {**spec.config, **connections.operands(each["inbound_nodes"])}
            spec = spec._replace(config=config)
        calls = connections.calls(spec.class_name, each.get("inbound_nodes", []), spec.name, shapes)
        if spec.class_name == "InputLayer" and not calls:
            calls = (CallSpec(),)
        specs.append(spec._replace(calls=calls))
    _distinct(specs)
    limits.check("calls of layers", sum(len(spec.calls) for spec in specs), limits.CALLS)
    inputs = connections.ends(given.get("input_layers"))
    outputs = connections.ends(given.get("output_layers"))
    first = _first_calls(specs, outputs, era)
    shapes = {connections.renumbered(ref, first): shape for ref, shape in shapes.items()}
    specs = [spec._replace(calls=connections.renumbered_calls(spec.calls, first)) for spec in specs]
    found = tuple(with_known_shapes(spec, shapes) for spec in with_consumers_shapes(specs))
    name = str(
        node.get("name") or given.get("name") or ("model_1" if era.major < 3 else "functional")
    )
    renumbered = connections.renumbered
    return ModelSpec(
        name, "Functional", found, renumbered(inputs, first), renumbered(outputs, first),
        bool(given.get("trainable", True)),
    )  # fmt: skip


def _first_calls(
    specs: list[LayerSpec], outputs: Iterable[Ref], era: KerasVersion
) -> dict[str, int]:
    """Return from which number Keras counts the calls of each nested model: its inside may be 0."""
    used: dict[str, set[int]] = {spec.name: set() for spec in specs if spec.model is not None}
    refs = [ref for spec in specs for call in spec.calls for ref in call.tensors()]
    for ref in (*refs, *outputs):
        if ref.layer in used:
            used[ref.layer].add(ref.call)
    first = {}
    for spec in specs:
        calls = used.get(spec.name)
        if not calls or 0 in calls:
            continue
        plain = era.major == 3 and spec.type == "Sequential" and max(calls) < len(spec.calls)
        if not plain and spec.class_name != "TimeDistributed":
            first[spec.name] = 1
    return first


def _distinct(specs: Iterable[LayerSpec]) -> None:
    seen: set[str] = set()
    for spec in specs:
        if spec.name in seen:
            raise FileError(f"two layers are called {spec.name[:60]!r}")
        seen.add(spec.name)


def stored_weight(name: str, shape: tuple[int, ...]) -> Weight:
    """Return a weight of which only the file knows: of a layer that rnncli does not."""
    return Weight(name, shape, path=name)
