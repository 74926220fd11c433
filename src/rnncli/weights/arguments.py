"""The arguments of a layer in a form that does not depend on who wrote them."""

import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from rnncli.layers import TABLE, layer_type
from rnncli.layers.rnn.keras import directions
from rnncli.model import Call, Config, Constant, Ref
from rnncli.shapes import show

# Keys of a config that do not say what a layer computes.
_ASIDE = {"name", "seed", "dtype", "trainable", "batch_shape", "batch_input_shape", "build_config",
          "registered_name", "module", "shared_object_id", "implementation"}  # fmt: skip
_INNER = ("layer", "backward_layer", "cell", "cells")


def arguments(kind: str | None, config: Config, rank: int = 0) -> dict[str, Any]:
    """Return the arguments of a layer and of the layers inside it, under names such as
    `layer.units`; those of an ONNX node are its attributes.

    `rank` is that of the input, by which axes are counted; 0 where it is not known.
    """
    if "operands" in config:
        return {key: plain(value) for key, value in (config.get("attributes") or {}).items()}
    return dict(_arguments(kind, config, rank))


def _arguments(kind: str | None, config: Config, rank: int) -> Iterator[tuple[str, Any]]:
    full = layer_type(kind).complete(config) if kind in TABLE else config
    known = (layer_type(kind).signature if kind in TABLE else None) or config
    for key in known:
        if key == "axis" and rank:
            yield key, _axes(full.get(key), rank)
        elif key not in _ASIDE and key not in _INNER:
            yield key, plain(full.get(key))
    for name, class_name, inner in _inside(kind, config):
        yield name, class_name
        for key, value in _arguments(class_name, inner, rank):
            if key != "zero_output_for_mask":  # which Bidirectional decides itself
                yield f"{name}.{key}", value


def _inside(kind: str | None, config: Config) -> Iterator[tuple[str, str, Config]]:
    """Yield name, class and config of the layers and cells in a config."""
    if kind == "Bidirectional":
        (_, one, forward), (_, other, backward) = directions(config)
        yield "layer", one, forward
        apart = (dict(_arguments(one, forward, 0)), dict(_arguments(other, backward, 0)))
        for each in apart:
            each.pop("go_backwards", None)
        if one != other or apart[0] != apart[1]:
            yield "backward_layer", other, backward
        return
    for key in _INNER:
        value = config.get(key)
        nodes = value if isinstance(value, list | tuple) else [value]
        for index, node in enumerate(nodes):
            if isinstance(node, Mapping) and isinstance(node.get("config"), Mapping):
                name = key if node is value else f"{key}[{index}]"
                yield name, str(node.get("class_name")), node["config"]


def _axes(axis: Any, rank: int) -> Any:
    """Return axes counted from the first; a single one in a list is that one."""
    found = axis if isinstance(axis, list | tuple) else (axis,)
    if not all(isinstance(each, int) for each in found):
        return axis
    counted = tuple(each % rank for each in found)
    return counted[0] if len(counted) == 1 else counted


def call_arguments(call: Call) -> dict[str, Any]:
    """Return what a call is given beside its inputs; of a tensor, that it is one."""
    found = {f"argument {place}": plain(constant) for place, constant in call.constants}
    found |= {key: plain(value) for key, value in call.kwargs.items()}
    return {key: value for key, value in sorted(found.items()) if value not in (None, False)}


def plain(value: Any) -> Any:
    """Return a value as every version of Keras might have written it."""
    if isinstance(value, Ref):
        return "tensor"
    if isinstance(value, Constant):
        numbers = zlib.crc32(repr(_numbers(value.value)).encode())
        return f"array {show(value.shape)} of checksum {numbers:08x}"
    if isinstance(value, Mapping) and "class_name" in value:
        inner = value.get("config")
        if value["class_name"] == "function" and isinstance(inner, str):
            return plain(inner)
        name = plain(str(value["class_name"])).removesuffix("_initializer")
        rest = plain(inner) if isinstance(inner, Mapping) else None
        return name if not rest else {name: rest}
    if isinstance(value, Mapping):
        kept = {str(key): plain(each) for key, each in value.items() if key not in _ASIDE}
        return {key: kept[key] for key in sorted(kept) if kept[key] is not None}
    if isinstance(value, list | tuple):
        return tuple(plain(each) for each in value)
    if isinstance(value, str):
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", value.rpartition(">")[2]).lower()
    return value


def _numbers(value: Any) -> Any:
    """Return nested lists with every number as a float, since some files hold whole ones as int."""
    if isinstance(value, list | tuple):
        return [_numbers(each) for each in value]
    return float(f"{value:d}") if isinstance(value, int) else value  # inf where it is too large
