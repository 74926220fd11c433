"""Keras's architecture as JSON: `model.to_json()` of Keras 1, 2 and 3."""

import json
import sys
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.keras.config import model_of
from rnncli.formats.keras.version import KerasVersion, version_of
from rnncli.graph.infer import infer
from rnncli.model import Model, Source


def read(path: str, optimizer: bool = False) -> Model:
    """Return the model that a JSON file describes; it has no weights. Raises: FileError."""
    with open(path, "rb") as file:
        return _model(file.read(limits.JSON_BYTES + 1), path)


def read_stdin() -> Model:
    """Return the model that JSON on stdin describes. Raises: FileError."""
    return _model(sys.stdin.buffer.read(limits.JSON_BYTES + 1), "-")


def _model(data: bytes, path: str) -> Model:
    node = parse(data)
    era = version_of(node.get("keras_version"), node.get("backend"), node)
    source = Source("file", path, "Keras JSON", written_by(era), details(era, node))
    return infer(model_of(node, era, source))


def parse(data: bytes | str, what: str = "the JSON") -> dict[str, Any]:
    """Return a model's node from JSON, also where it is a JSON string inside JSON.

    Raises: FileError for what is not JSON, is over a bound, or is JSON of another kind.
    """
    node = load(data, what)
    if isinstance(node, str):
        node = load(node, what)
    if not isinstance(node, dict):
        raise FileError(f"{what} is a {type(node).__name__}, not a Keras model",
                        "expected an object with class_name and config")  # fmt: skip
    if isinstance(node.get("model_config"), dict):  # as load_model's JSON has it
        node = {**node, **node["model_config"]}
    if "class_name" not in node or "config" not in node:
        keys = ", ".join(repr(str(key)[:20]) for key in list(node)[:5]) or "nothing"
        raise FileError(f"{what} is not a Keras model: it has {keys}",
                        "expected an object with class_name and config")  # fmt: skip
    return node


def load(data: bytes | str, what: str) -> Any:
    """Return what JSON holds. Raises: FileError."""
    limits.check(f"bytes in {what}", len(data), limits.JSON_BYTES)
    marks: tuple[Any, ...] = (",", "[", "{") if isinstance(data, str) else (b",", b"[", b"{")
    limits.check(f"values in {what}", sum(map(data.count, marks)), limits.JSON_VALUES)
    try:
        value = json.loads(data)
    except RecursionError:
        raise FileError(f"{what} is nested deeper than {limits.NESTING} levels") from None
    except ValueError as error:
        raise FileError(f"{what} cannot be read: {error}") from None
    limits.check_nesting(value)
    return value


def written_by(era: KerasVersion) -> str:
    """Return which Keras wrote a config."""
    return f"Keras {era.text}" if era.text else f"Keras {era.major}, by its looks"


def details(era: KerasVersion, node: dict[str, Any], **more: str | None) -> dict[str, str]:
    """Return what a file says of itself beside its format and writer."""
    found = {"backend": era.backend, "dtype policy": _policy(node), **more}
    return {key: value for key, value in found.items() if value}


def _policy(node: dict[str, Any]) -> str | None:
    """Return the dtype policy of a model, or else of its first layer that has one."""
    config = node.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    nodes = [node, *(layers if isinstance(layers, list) else [])]
    for each in nodes:
        inner = each.get("config") if isinstance(each, dict) else None
        dtype = inner.get("dtype") if isinstance(inner, dict) else None
        if isinstance(dtype, dict):
            held = dtype.get("config")
            dtype = held.get("name") if isinstance(held, dict) else None
        if isinstance(dtype, str):
            return dtype[:40]
    return None
