"""SavedModels: a folder, or a zip or tar file of one. The graph of operations in it is not run.

`keras_metadata.pb` says which layers there are, the checkpoint in `variables/` holds their weights.
Source: `keras/saving/legacy/saved_model` and `keras/protobuf/saved_metadata.proto`.
"""

import os
from functools import partial
from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.hdf5 import Entry
from rnncli.formats.containers.members import (
    Folder,
    Members,
    Tarred,
    Zipped,
    folder_of,
)
from rnncli.formats.containers.members import (
    read as _read,
)
from rnncli.formats.containers.messages import message, text, views
from rnncli.formats.containers.zip import Archive, Part
from rnncli.formats.keras import inference
from rnncli.formats.keras.config import model_of
from rnncli.formats.keras.h5 import with_stored
from rnncli.formats.keras.json import details, load, written_by
from rnncli.formats.keras.matching import Holdings, matched
from rnncli.formats.keras.nodes import is_model
from rnncli.formats.keras.version import KerasVersion, version_of
from rnncli.formats.others import refuse_archive
from rnncli.formats.tensorflow.bundle import Bundle, Node, store
from rnncli.formats.tensorflow.trainable import as_loaded
from rnncli.formats.tensorflow.variables import by_module, optimizer_weights
from rnncli.graph.infer import infer
from rnncli.model import Call, Layer, Model, Source

GRAPH, METADATA, VARIABLES = "saved_model.pb", "keras_metadata.pb", "variables/variables"
_FORMAT = "SavedModel"


class Described(NamedTuple):
    """An object of a Keras model as its metadata describe it."""

    path: tuple[str, ...]
    kind: str
    node: dict[str, Any]


def read(path: str, optimizer: bool = False) -> Model:
    """Return the model of a folder, or of `saved_model.pb` in it. Raises: FileError."""
    folder = path if os.path.isdir(path) else os.path.dirname(path) or "."
    return model(Folder(folder), path, optimizer)


def read_archive(path: str | Part, optimizer: bool = False) -> Model:
    """Return the model in a zip or tar file. Raises: FileError if there is none, or several."""
    shown = path if isinstance(path, str) else path.path
    return model(members_of(path), shown, optimizer)


def members_of(path: str | Part) -> Members:
    """Return the files of the SavedModel in a zip or tar file. Raises: FileError."""
    from rnncli.formats.containers.zip import opened

    with opened(path) as file:
        zipped = file.read(2) == b"PK"
    if zipped:
        with Archive(path) as archive:
            return Zipped(path, folder_of(archive.names, GRAPH))
    found = Tarred(path)
    if not any(name.rpartition("/")[2] == GRAPH for name in found.found):
        refuse_archive(list(found.found))
    found.folder = folder_of(list(found.found), GRAPH)
    return found


def model(members: Members, path: str, optimizer: bool = False) -> Model:
    """Return the model of these files. Raises: FileError."""
    bundle = Bundle(members, VARIABLES) if members.has(f"{VARIABLES}.index") else None
    objects = bundle.objects() if bundle is not None else []
    found = _described(members) if members.has(METADATA) else []
    if found:
        made = _keras(found, bundle, objects, path)
    elif bundle is not None:
        held = by_module(bundle, objects)
        made = inference.from_tensors(path, held, _FORMAT, Holdings(held), None, "TensorFlow")
    else:
        raise FileError("a SavedModel without keras_metadata.pb and without variables")
    if bundle is None:
        return made._replace(warnings=(*made.warnings, "it holds no variables, layers only"))
    if optimizer:
        made = made._replace(optimizer=optimizer_weights(bundle, objects))
    return made._replace(store=partial(store, bundle))


def _described(members: Members) -> list[Described]:
    """Return the objects that the metadata list, the model first. Raises: FileError."""
    nodes = views(message(_read(members, METADATA, limits.JSON_BYTES)), 1)
    limits.check("objects in keras_metadata.pb", len(nodes), limits.LAYERS)
    found = []
    for each in map(message, nodes):
        path, kind = tuple(text(each, 3).split(".")), text(each, 4)
        if kind == "_tf_keras_metric":
            continue
        node = _plain(load(text(each, 5), METADATA))
        if isinstance(node, dict):
            found.append(Described(path, kind, node))
    return sorted(found, key=lambda each: len(each.path))


def _plain(value: Any) -> Any:
    """Return JSON with TensorFlow's tuples and shapes as lists."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
        return _plain(value["items"])
    return {key: _plain(each) for key, each in value.items()}


def _keras(found: list[Described], bundle: Bundle | None, objects: list[Node], path: str) -> Model:
    """Return the model that the metadata describe, with its weights located."""
    root = found[0].node
    era = version_of(root.get("keras_version"), "tensorflow", root)
    if era.version < (2, 4):  # metadata came with TensorFlow 2.5; its Keras may not say so
        era = era._replace(version=(2, 5, 0), tf=True)
    source = Source("file", path, _FORMAT, written_by(era), details(era, root))
    layers = _outermost(found)
    config = root.get("config")
    node = {**root, "config": config if isinstance(config, dict) else {}}
    if root.get("build_input_shape") and "build_input_shape" not in node["config"]:
        node["config"] = {**node["config"], "build_input_shape": root["build_input_shape"]}
    known = is_model(node)
    written = model_of(node, era, source) if known else _rows(root, layers, era, source)
    if bundle is None:
        return infer(written)
    both = _in_directions(layers)
    held = {
        name: _variables(_object(each.path[1:], objects), bundle, objects, name in both)
        for each in layers
        for name in [str(each.node.get("name"))]
    }
    made = matched(infer(with_stored(written, held)), Holdings(held, True, both))
    for warning in made.warnings:
        if "its config gives" in warning:
            raise FileError(
                f"its metadata and its checkpoint are of different models: {warning}",
                "save the model again, or read one of the two alone",
            )
    return as_loaded(made, node, era) if known else made


def _outermost(found: list[Described]) -> list[Described]:
    """Return the layers of the model itself, not those inside its layers."""
    kept: dict[tuple[str, ...], Described] = {}
    names = set()
    for each in found[1:]:
        inside = any(each.path[:size] in kept for size in range(2, len(each.path)))
        name = each.node.get("name")
        if inside or name in names or "keras_api" in each.path:
            continue
        names.add(name)
        kept[each.path] = each
    return list(kept.values())


def _rows(root: dict[str, Any], found: list[Described], era: KerasVersion, source: Source) -> Model:
    """Return the layers of a subclassed model; how they are connected is in its code."""
    layers: list[Layer] = []
    for each in found:
        node = {**each.node, "name": each.node.get("name")}
        shape = each.node.get("build_input_shape") or each.node.get("batch_input_shape")
        whole = {"class_name": "Sequential", "config": {"layers": [node]}}
        layer = model_of(whole, era).layers[-1]
        shapes = (tuple(shape),) if isinstance(shape, list) and shape else layer.build_shapes
        layers.append(layer._replace(calls=(Call(),) if shapes else (), build_shapes=shapes))
    name = str(root.get("name") or root.get("class_name") or "model")[:80]
    warning = "a subclassed model: how its layers are connected is in its code"
    return Model(name, "Modules", tuple(layers), source=source, warnings=(warning,))


def _object(path: tuple[str, ...], objects: list[Node]) -> Node | None:
    """Return the object that a path of names leads to, None if there is none."""
    node = objects[0] if objects else None
    for name in path:
        index = node.children.get(name) if node is not None else None
        node = objects[index] if index is not None else None
    return node


def _variables(
    node: Node | None, bundle: Bundle, objects: list[Node], by_direction: bool
) -> list[Entry]:
    """Return the weights of a layer in Keras's order, as it lists them, or the forward ones first:
    what trains stands first in its lists, and a config may not say what does."""
    if node is None or "variables" not in node.children:
        return []
    listed = objects[node.children["variables"]].children
    numbers = sorted((name for name in listed if name.isdecimal()), key=int)
    found = []
    for name in numbers:
        variable = objects[listed[name]]
        if variable.key in bundle.places:
            last = variable.full_name.rpartition("/")[2]
            entry = bundle.entry(str(variable.key))._replace(name=last)
            found.append(("/backward_" in variable.full_name, entry))
    if by_direction:
        found.sort(key=lambda each: each[0])
    return [entry for _, entry in found]


def _in_directions(layers: list[Described]) -> frozenset[str]:
    """Return the Bidirectional layers, whose variables are sorted by what they are called."""
    found = (each.node for each in layers if each.node.get("class_name") == "Bidirectional")
    return frozenset(str(node.get("name")) for node in found)
