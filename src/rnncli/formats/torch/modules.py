"""From PyTorch's tensor names to layers: a row per module, recurrent ones recognised."""

import re
from collections.abc import Mapping
from typing import Any

from rnncli.formats.torch.tensors import TorchTensor
from rnncli.formats.torch.tree import Found, Module
from rnncli.graph.infer import infer
from rnncli.layers import key, layer_type
from rnncli.model import Call, Layer, Model, Source, Stored, Weight

_RECURRENT = re.compile(r"(weight|bias)_(ih|hh|hr)(_l(\d+))?(_reverse)?")
_KINDS = {1: "RNN", 3: "GRU", 4: "LSTM"}  # by the number of gates
# What a module keeps that is not trained, by PyTorch's own names.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
_EMBEDDINGS = re.compile(r"(^|[._])(\w*emb(ed(ding)?s?)?|wte|wpe|lookup)(_?\d+)?$", re.IGNORECASE)


def model_of(found: Found, source: Source) -> Model:
    """Return the model of these tensors: its rows in the file's order, without connections."""
    groups: dict[str, dict[str, TorchTensor]] = {}
    normed: dict[str, str] = {}  # modules with running statistics, which are batch norms
    planes = any(len(tensor.shape) == 4 for tensor in found.tensors.values())
    for path in found.modules:
        groups.setdefault(path, {})
    warnings = []
    seen: dict[tuple[Any, ...], str] = {}
    for name, tensor in found.tensors.items():
        module, _, last = name.rpartition(".")
        groups.setdefault(module, {})
        if name in found.buffers or last in _BUFFERS:
            if last in _BUFFERS:
                normed[module] = "BatchNorm2d" if planes else "BatchNorm1d"
            continue
        place = (tensor.storage, tensor.offset, tensor.shape, tensor.strides)
        if (
            tensor.storage
            and 0 not in tensor.shape
            and place in seen
            and not _RECURRENT.fullmatch(last)
        ):
            warnings.append(f"{name} is {seen[place]} again: counted once")
            continue
        seen[place] = name
        groups[module][last] = tensor
    layers = [
        _layer(path, tensors, found.modules.get(path), normed.get(path))
        for path, tensors in groups.items()
        if tensors or path not in found.modules or _is_row(found.modules[path])
    ]
    stem = source.path or "model"
    name = re.sub(r"\.\w+$", "", re.split(r"[/\\]", stem)[-1])
    model = infer(Model(name, "Modules", tuple(layers), source=source))
    located = tuple(_located(layer, groups) for layer in model.layers)
    return model._replace(layers=located, warnings=(*warnings, *model.warnings))


def _is_row(module: Module) -> bool:
    """Whether a module without tensors is a row: one that has no modules inside."""
    return module.leaf


def _layer(
    path: str, tensors: Mapping[str, TorchTensor], module: Module | None, normed: str | None
) -> Layer:
    config = _recurrent(tensors, module)
    if config is not None:
        kind = config.pop("class_name")
        shape = (None, None, config["input_size"])
        return Layer(
            key("torch", kind), path or kind.lower(), config,
            calls=(Call(),), build_shapes=(shape,), type=kind, dialect="torch",
        )  # fmt: skip
    type_ = module.class_name if module is not None else normed or _type(path, tensors)
    weights = tuple(_weight(path, name, tensor) for name, tensor in tensors.items())
    return Layer(
        None, path or "root", {}, weights=weights,
        inferred=module is None, type=type_, dialect="torch",
    )  # fmt: skip


def _weight(path: str, name: str, tensor: TorchTensor) -> Weight:
    full = f"{path}.{name}" if path else name
    return Weight(
        name, tensor.shape, path=name, trainable=tensor.trainable, dtype=tensor.dtype,
        stored=Stored((full,)),
    )  # fmt: skip


def _recurrent(tensors: Mapping[str, TorchTensor], module: Module | None) -> dict[str, Any] | None:
    """Return the arguments of the recurrent module with these tensors, None if it is none."""
    marks = [_RECURRENT.fullmatch(name) for name in tensors]
    if not tensors or None in marks:
        return None
    found = [mark for mark in marks if mark is not None]
    layered = any(mark[3] for mark in found)
    first = "_l0" if layered else ""
    kernel, recurrent = tensors.get(f"weight_ih{first}"), tensors.get(f"weight_hh{first}")
    projection = tensors.get(f"weight_hr{first}")
    if kernel is None or recurrent is None or len(kernel.shape) != 2 or len(recurrent.shape) != 2:
        return None
    units = (
        projection.shape[-1] if projection is not None and projection.shape else recurrent.shape[1]
    )
    gates = kernel.shape[0] // units if units and kernel.shape[0] % units == 0 else 0
    layers = 1 + max(int(mark[4] or 0) for mark in found)
    if gates not in _KINDS or layers > len(found):
        return None
    attributes = module.attributes if module is not None else {}
    config = {
        "class_name": _KINDS[gates] + ("" if layered else "Cell"),
        "input_size": kernel.shape[1],
        "hidden_size": units,
        "num_layers": layers,
        "bias": any(mark[1] == "bias" for mark in found),
        "bidirectional": any(mark[5] for mark in found),
        "proj_size": projection.shape[0] if projection is not None else 0,
        "nonlinearity": _nonlinearity(attributes),
        "dtype": kernel.dtype,
    }
    return config if _agrees(config, tensors) else None


def _nonlinearity(attributes: Mapping[str, Any]) -> str | None:
    """Return the activation of an `nn.RNN`, None where the file does not say it."""
    stated = attributes.get("nonlinearity") or attributes.get("mode")
    return None if stated is None else "relu" if str(stated).lower().endswith("relu") else "tanh"


def _agrees(config: Mapping[str, Any], tensors: Mapping[str, TorchTensor]) -> bool:
    """Whether these arguments give just these tensors."""
    inputs = ((None, None, config["input_size"]),)
    expected = layer_type(key("torch", config["class_name"])).weights(config, inputs)
    return {w.name: w.shape for w in expected} == {name: t.shape for name, t in tensors.items()}


def _type(path: str, tensors: Mapping[str, TorchTensor]) -> str:
    """Return the module that these tensors look like; `?` where nothing tells."""
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    rank = len(shapes.get("weight", ()))
    if "in_proj_weight" in shapes:
        return "MultiheadAttention"
    if not set(shapes) <= {"weight", "bias"} or not shapes:
        return "?"
    if rank == 1:
        return "LayerNorm"
    if rank == 2:
        named = _EMBEDDINGS.search(path) and "bias" not in shapes
        return "Embedding" if named else "Linear"
    return {3: "Conv1d", 4: "Conv2d", 5: "Conv3d"}.get(rank, "?")


def _located(layer: Layer, groups: Mapping[str, Mapping[str, TorchTensor]]) -> Layer:
    """Return a recurrent layer with its weights' tensors; others have theirs already."""
    if layer.kind is None or not layer.weights:
        return layer
    path = layer.name if layer.name in groups else ""
    tensors = groups[path]
    weights = tuple(
        weight._replace(
            stored=Stored((f"{path}.{weight.name}" if path else weight.name,)),
            trainable=tensors[weight.name].trainable,
            dtype=tensors[weight.name].dtype,
        )
        for weight in layer.weights
    )
    return layer._replace(weights=weights)
