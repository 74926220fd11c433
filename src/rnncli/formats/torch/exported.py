"""Programs of `torch.export` (`.pt2`): weights listed in JSON, modules named by the graph's nodes.

Source: `torch.export.pt2_archive` and `torch._export.serde.schema`. Nothing in one is run.
"""

import re
from collections.abc import Mapping
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.zip import Archive, Part
from rnncli.formats.keras.json import load
from rnncli.formats.torch.storages import Place
from rnncli.formats.torch.tensors import TorchTensor
from rnncli.formats.torch.tree import Found, Module

_CONFIG = re.compile(r"(.*/)?data/weights/\w*weights_config\.json")
_PROGRAM = re.compile(r"(.*/)?(models/\w+\.json|serialized_exported_program\.json)")
_STATE = "serialized_state_dict.pt"  # of PyTorch 2.1 to 2.7: a file of torch.save inside
_DTYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32",
    8: "float64", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16",
    29: "float8_e4m3fn", 30: "float8_e5m2", 33: "float8_e8m0fnu", 34: "uint32", 35: "uint64",
}  # fmt: skip
# `L__self___lstm,lstm,torch.nn.modules.rnn.LSTM`, several of them with `;` between.
_MODULE = re.compile(r"[^,;]*,([^,;]*),([\w.]+)")


def is_exported(names: list[str]) -> bool:
    """Whether these are the members of an exported program."""
    return any(map(_CONFIG.fullmatch, names)) or any(name.endswith(_STATE) for name in names)


def read(archive: Archive) -> tuple[Found, dict[str, Place]]:
    """Return the tensors and modules of a program, and where its storages are."""
    config = next((name for name in archive.names if _CONFIG.fullmatch(name)), None)
    if config is None:
        raise FileError("an exported program without weights")
    listed = _object(archive, config).get("config")
    if not isinstance(listed, dict):
        raise FileError("damaged: the program's weights are not listed")
    limits.check("tensors", len(listed), limits.TENSORS)
    folder = config.rpartition("/")[0]
    tensors, places, buffers = {}, {}, set()
    for name, node in listed.items():
        limits.check("characters in a tensor's name", len(name), limits.NAME_CHARACTERS)
        tensor = _tensor(name, node)
        tensors[name] = tensor
        if tensor.parameter is False:
            buffers.add(name)
        member = f"{folder}/{tensor.storage}"
        if member in archive.names:
            places[tensor.storage] = Place(*archive.window(member))
    return Found(tensors, modules_in(archive), frozenset(buffers)), places


def state_dict(archive: Archive, path: str) -> Part | None:
    """Return where the state dict of an older program is, None of others."""
    member = next((name for name in archive.names if name.endswith(_STATE)), None)
    return None if member is None else Part(path, *archive.window(member))


def _object(archive: Archive, name: str) -> dict[str, Any]:
    found = load(archive.read(name, limits.JSON_BYTES), name[:60])
    return found if isinstance(found, dict) else {}


def _tensor(name: str, node: Any) -> TorchTensor:
    meta = node.get("tensor_meta") if isinstance(node, dict) else None
    if not isinstance(meta, dict):
        raise FileError(f"damaged: weight {name[:60]!r} has no shape")
    shape, strides = _sizes(meta.get("sizes")), _sizes(meta.get("strides"))
    offset = (_sizes([meta.get("storage_offset") or {"as_int": 0}]) or (0,))[0]
    if shape is None or strides is None or len(shape) != len(strides):
        raise FileError(f"damaged: weight {name[:60]!r} has no shape")
    code = meta.get("dtype")
    dtype = _DTYPES.get(code, f"?{code}") if isinstance(code, int) else "?"
    why = "pickled on its own" if node.get("use_pickle") else ""
    return TorchTensor(
        dtype, shape, strides, str(node.get("path_name")), offset,
        bool(meta.get("requires_grad", True)), bool(node.get("is_param", True)), why,
    )  # fmt: skip


def _sizes(value: Any) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    sizes = [each.get("as_int") if isinstance(each, dict) else None for each in value]
    fits = all(type(size) is int and 0 <= size <= limits.DIMENSION for size in sizes)
    return tuple(sizes) if fits else None  # type: ignore[arg-type]


def modules_in(archive: Archive) -> dict[str, Module]:
    """Return the classes of the modules that the program's operators come from, by their paths."""
    found: dict[str, Module] = {}
    for name in archive.names:
        if not _PROGRAM.fullmatch(name):
            continue
        for node in _nodes(_object(archive, name)):
            stack = str(node.get("metadata", {}).get("nn_module_stack", ""))
            for path, class_name in _MODULE.findall(stack):
                found.setdefault(path.replace("@1", ""), Module(class_name.rpartition(".")[2]))
    inside = {path.rpartition(".")[0] for path in found if path}
    return {path: module._replace(leaf=path not in inside) for path, module in found.items()}


def _nodes(program: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes of a program's graph."""
    value: Any = program
    for key in ("graph_module", "graph", "nodes"):
        value = value.get(key) if isinstance(value, dict) else None
    nodes = value if isinstance(value, list) else []
    return [node for node in nodes if isinstance(node, dict)
            and isinstance(node.get("metadata"), dict)]  # fmt: skip
