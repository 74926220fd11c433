"""From a Keras config of any version to a `Model` without shapes."""

from collections.abc import Iterable, Iterator
from typing import Any

from rnncli.cells import snake_case
from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.keras import connections
from rnncli.formats.keras.connections import shape_of
from rnncli.formats.keras.legacy import normalised
from rnncli.formats.keras.nodes import WEIGHTLESS, Node, class_of, is_model, is_sequential
from rnncli.formats.keras.stated_shapes import (
    built_with,
    first_shape,
    stated,
    with_consumers_shapes,
    with_known_shapes,
    with_next_shapes,
)
from rnncli.formats.keras.tensorflow_calls import LAYERS, call_of
from rnncli.formats.keras.version import KerasVersion
from rnncli.layers import TABLE
from rnncli.model import Call, Layer, Model, Ref, Source, sequential
from rnncli.shapes import Shape

_INSIDE = Source("file")  # of a model inside another


def model_of(node: Node, era: KerasVersion, source: Source = _INSIDE, depth: int = 0) -> Model:
    """Return the model of a `Sequential`, `Model`, `Functional` or subclass with its layers.

    Raises: FileError if the config is not a model's, or is over a bound.
    """
    limits.check("models inside models", depth, limits.MODEL_NESTING)
    if not is_model(node):
        name = str(node.get("class_name"))[:60]
        raise FileError(
            f"the config of {name!r} lists no layers; expected a Sequential or a functional model",
            "a subclassed model keeps its layers in code, which is not in the file",
        )
    model = (_sequential if is_sequential(node) else _functional)(node, era, depth)
    unknown = [layer for layer in model.layers if layer.kind is None and layer.model is None]
    return model._replace(source=source, warnings=tuple(_unknown(unknown)))


def _unknown(layers: list[Layer]) -> Iterator[str]:
    if layers:
        listed = ", ".join(f"{layer.name!r} ({layer.type})" for layer in layers)
        yield (
            f"not layers that rnncli knows: {listed}; they keep their rows, with what "
            "the file says of them"
        )


def _layer_nodes(layers: Any) -> list[Node]:
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise FileError("the config's layers are not a list of objects")
    limits.check("layers", len(layers), limits.LAYERS)
    return layers


def _layer(node: Node, era: KerasVersion, depth: int, name: str | None = None) -> Layer:
    kind, type_ = class_of(node)
    given = node.get("config")
    config = given if isinstance(given, dict) else {}
    name = str(node.get("name") or config.get("name") or name or snake_case(type_))
    limits.check("characters in a layer's name", len(name), limits.NAME_CHARACTERS)
    if is_model(node):
        own = {"name": name, "trainable": config.get("trainable", True)}
        inside = model_of({**node, "name": name}, era, depth=depth + 1)
        return Layer(None, name, own, model=inside, type=type_)
    inner = config.get("layer")
    nested = None
    if kind == "TimeDistributed" and isinstance(inner, dict) and is_model(inner):
        nested = model_of(inner, era, depth=depth + 1)
    unknown = kind is None
    operation = type_ in WEIGHTLESS or (unknown and ".ops." in str(node.get("module")))
    return Layer(
        kind,
        name,
        normalised(node, era),
        model=nested,
        stated_shapes=stated(config, node) if unknown else None,
        build_shapes=built_with(node),
        weights=() if operation else None,
        type=type_,
    )


def _sequential(node: Node, era: KerasVersion, depth: int) -> Model:
    config = node["config"]
    rest = {} if isinstance(config, list) else config
    nodes = _layer_nodes(config if isinstance(config, list) else config["layers"])
    name = str(node.get("name") or rest.get("name") or f"sequential{'_1' if era.major < 3 else ''}")
    trains = _lets_train(rest, era)
    first = nodes[0].get("config") if nodes and nodes[0].get("class_name") == "Merge" else None
    if isinstance(first, dict) and "layers" in first:
        return _merged(nodes, era, depth, name)
    layers = [_layer(each, era, depth) for each in nodes]
    _distinct(layers)
    if layers and layers[0].kind != "InputLayer":
        shape = first_shape(nodes[0], layers[0]) or shape_of(rest.get("build_input_shape"))
        built = built_with(node) if shape is None else None
        shape = built[0] if built else shape
        if shape is not None:
            layers.insert(0, _input(layers[0].name, shape))
    found = with_next_shapes(layers)
    return sequential(tuple(found if trains else map(_frozen, found)), name)


def _lets_train(config: Node, era: KerasVersion, outermost: bool = False) -> bool:
    """Whether a model lets the layers in it train.

    In Keras 3 only the outermost Functional has a say; models in it leave it to each layer.
    """
    return (not outermost and era.major == 3) or bool(config.get("trainable", True))


def _frozen(layer: Layer) -> Layer:
    """Return a layer that does not train, nor anything in it."""
    model = layer.model
    if model is not None:
        model = model._replace(layers=tuple(map(_frozen, model.layers)))
    return layer._replace(trainable=False, model=model)


def _input(name: str, shape: Shape) -> Layer:
    return Layer("InputLayer", f"{name}_input", {"batch_shape": shape, "name": f"{name}_input"})


def _merged(nodes: list[Node], era: KerasVersion, depth: int, name: str) -> Model:
    """Return Keras 1's Sequential that begins with a Merge of others; it lists all their layers."""
    layers: list[Layer] = []
    inputs: list[Ref] = []
    ends: list[Ref] = []
    for branch in _layer_nodes(nodes[0]["config"]["layers"]):
        part = model_of(branch, era, depth=depth + 1)
        known = {layer.name for layer in layers}
        layers += [layer for layer in part.layers if layer.name not in known]  # branches may share
        inputs += [ref for ref in part.inputs if ref not in inputs]
        ends += part.outputs
    merge = _layer(nodes[0], era, depth)
    config = {key: value for key, value in merge.config.items() if key != "layers"}
    layers.append(merge._replace(config=config, calls=(Call(tuple(ends)),)))
    for node in nodes[1:]:
        layer = _layer(node, era, depth)
        layers.append(layer._replace(calls=(Call((Ref(layers[-1].name),)),)))
    _distinct(layers)
    return Model(name, "Sequential", tuple(layers), tuple(inputs), (Ref(layers[-1].name),))


def _functional(node: Node, era: KerasVersion, depth: int) -> Model:
    given = node["config"]
    nodes = _layer_nodes(given["layers"])
    shapes: dict[Ref, Shape] = {}
    layers = []
    for each in nodes:
        layer = _layer(each, era, depth)
        inbound = each.get("inbound_nodes", [])
        calls = connections.calls(layer.kind, inbound, layer.name, shapes)
        if layer.type in LAYERS and layer.kind is not None and inbound:
            call, said = call_of(layer.config, inbound[0])
            layer = layer._replace(config={**layer.config, **said})
            calls = (call, *calls[1:])
        elif TABLE.get(layer.kind or "", "").startswith("ops.") and inbound:
            call, written = connections.operation_call(inbound[0])
            layer = layer._replace(config={**layer.config, "call": written})
            calls = (call, *calls[1:])
        if layer.kind == "InputLayer" and not calls:
            calls = (Call(),)
        layers.append(layer._replace(calls=calls))
    _distinct(layers)
    limits.check("calls of layers", sum(len(layer.calls) for layer in layers), limits.CALLS)
    inputs, outputs = _ends(given, layers, era)
    first = _first_calls(layers, outputs if era.major < 3 else (), era)
    shapes = {connections.renumbered(ref, first): shape for ref, shape in shapes.items()}
    layers = [
        layer._replace(calls=connections.renumbered_calls(layer.calls, first)) for layer in layers
    ]
    layers = [with_known_shapes(layer, shapes) for layer in with_consumers_shapes(layers)]
    trains = _lets_train(given, era, outermost=depth == 0)
    found = tuple(layer if trains else _frozen(layer) for layer in layers)
    name = str(
        node.get("name") or given.get("name") or ("model_1" if era.major < 3 else "functional")
    )
    renumbered = connections.renumbered
    return Model(name, "Functional", found, renumbered(inputs, first), renumbered(outputs, first))


def _ends(
    given: Node, layers: list[Layer], era: KerasVersion
) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
    """Return the model's inputs and outputs.

    Keras 3 counts the calls of a functional model inside from 1 here, and from 0 everywhere else.
    """
    found = [connections.ends(given.get(key)) for key in ("input_layers", "output_layers")]
    if era.major == 3:
        inside = [layer for layer in layers if layer.model is not None and layer.kind is None]
        names = {layer.name for layer in inside if layer.model and layer.model.type != "Sequential"}
        least = {name: min((ref.call for refs in found for ref in refs if ref.layer == name),
                           default=0) for name in names}  # fmt: skip
        first = {name: 1 for name, call in least.items() if call > 0}
        found = [connections.renumbered(refs, first) for refs in found]
    return found[0], found[1]


def _first_calls(layers: list[Layer], outputs: Iterable[Ref], era: KerasVersion) -> dict[str, int]:
    """Return from which number Keras counts the calls of each nested model: its inside may be 0."""
    used: dict[str, set[int]] = {layer.name: set() for layer in layers if layer.model is not None}
    refs = [ref for layer in layers for call in layer.calls for ref in call.tensors()]
    for ref in (*refs, *outputs):
        if ref.layer in used:
            used[ref.layer].add(ref.call)
    first = {}
    for layer in layers:
        calls = used.get(layer.name)
        if not calls or 0 in calls:
            continue
        plain = era.major == 3 and layer.type == "Sequential" and max(calls) < len(layer.calls)
        if not plain and layer.kind != "TimeDistributed":
            first[layer.name] = 1
    return first


def _distinct(layers: Iterable[Layer]) -> None:
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise FileError(f"two layers are called {layer.name[:60]!r}")
        seen.add(layer.name)
