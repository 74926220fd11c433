"""MultiHeadAttention, as Keras and PyTorch cut and name its weights.

Keras has a kernel `(inputs, heads, size)` for each projection, PyTorch's `nn.MultiheadAttention`
all of them in one matrix, whose rows are the heads one after another.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from rnncli.layers import layer_type
from rnncli.layers.op import Array, Notes, OpContext, Value
from rnncli.model import Config, Layer, Weight
from rnncli.weights.piece import Entry, Part, Piece

KIND, MODULE = "MultiHeadAttention", "MultiheadAttention"
_THREE, _OUT = ("query", "key", "value"), "attention_output"
_NAMES = {f"{name}/{part}" for name in (*_THREE, _OUT) for part in ("kernel", "bias")}
_WIDE = np.dtype(np.float64)
Tensors = Iterator[
    tuple[str, tuple[int, ...], tuple[Part, ...], Callable[[Sequence[Array]], Array]]
]


def keras_pieces(layer: Layer) -> Iterator[Piece]:
    """Yield the layer of Keras."""
    parts = {each.key: Part(each.shape, (each,)) for each in layer.weights or ()}
    yield Piece(KIND, layer, "", parts, dict(layer.config))


def torch_pieces(layer: Layer, weights: Mapping[str, Weight]) -> Iterator[Piece]:
    """Yield the module without its `out_proj`, if its number of heads is known."""
    heads = layer.config.get("num_heads")
    first = weights.get("in_proj_weight") or weights.get("q_proj_weight")
    if not isinstance(heads, int) or heads < 1 or first is None or first.shape[0] % heads:
        return
    width = first.shape[0] // (3 if "in_proj_weight" in weights else 1)
    parts = {}
    for index, name in enumerate(_THREE):
        whole = "in_proj_weight" in weights
        kernel = first if whole else weights.get(f"{name[0]}_proj_weight")
        if kernel is None:
            return
        parts[f"{name}/kernel"] = _rows(kernel, index if whole else 0, width, heads)
        if "in_proj_bias" in weights:
            parts[f"{name}/bias"] = _rows(weights["in_proj_bias"], index, width, heads)
    others = {name: Part(each.shape, (each,)) for name, each in weights.items()
              if name in ("bias_k", "bias_v")}  # fmt: skip
    yield Piece(KIND, layer, "", parts | others, {"num_heads": heads})


def _rows(weight: Weight, index: int, width: int, heads: int) -> Part:
    """Return so many rows of a matrix as a kernel `(inputs, heads, size)`, or as its bias."""
    shape = (*weight.shape[1:], heads, width // heads)

    def make(arrays: Sequence[Array]) -> Array:
        return arrays[0][index * width : (index + 1) * width].T.reshape(shape)

    return Part(shape, (weight,), make)


def joined(entries: Sequence[Entry]) -> list[Entry]:
    """Return the pieces with the `out_proj` of each attention as a part of it."""
    found = {entry.name: entry for entry in entries}
    for name, entry in list(found.items()):
        if entry.piece.kind != KIND or entry.piece.layer.dialect != "torch":
            continue
        out = found.pop("out_proj" if name == "root" else f"{name}.out_proj", None)
        if out is None:
            continue
        heads = entry.piece.settings["num_heads"]
        parts = {f"{_OUT}/{key}": _out(part, heads if key == "kernel" else 0)
                 for key, part in out.piece.parts.items()}  # fmt: skip
        piece = entry.piece._replace(parts={**entry.piece.parts, **parts})
        found[name] = entry._replace(piece=piece)
    return list(found.values())


def _out(part: Part, heads: int) -> Part:
    """Return a product's kernel as `(heads, size, outputs)`; its bias as it is."""
    if not heads:
        return part
    shape = (heads, part.shape[0] // heads, part.shape[1])
    return Part(shape, part.sources, lambda arrays: part.make(arrays).reshape(shape))


def reasons(piece: Piece, to: str) -> Iterator[str]:
    """Yield why the layer has no counterpart in a framework."""
    settings, parts = piece.settings, piece.parts
    if to == "onnx":
        yield "ONNX's Attention has no weights"
    if f"{_OUT}/kernel" not in parts:
        yield "its out_proj is not there"
    elif set(parts) - _NAMES:
        yield f"its {', '.join(sorted(set(parts) - _NAMES))} has no counterpart"
    elif to == "torch":
        width, heads, size = parts["query/kernel"].shape
        value, outputs = parts["value/kernel"].shape[-1], parts[f"{_OUT}/kernel"].shape[2:]
        if value != size:
            yield f"value_dim={value} is not key_dim={size}, and PyTorch's heads have one size"
        if heads * size != width:
            yield (f"num_heads × key_dim = {heads * size}, and PyTorch needs as many as the query "
                   f"has features, {width}")  # fmt: skip
        if outputs != (width,):
            yield "it has an output_shape, and PyTorch's output has the features of the query"
        for key, usual in (("attention_axes", (None, 1, [1], (1,))), ("sliding_window", (None,))):
            if settings.get(key) not in usual:
                yield f"{key}={settings[key]!r} has no counterpart"


def torch_tensors(parts: Mapping[str, Part]) -> Tensors:
    """Yield the name, the shape, the parts and the making of each tensor of the module."""
    width = parts["query/kernel"].shape[0]
    kernels = tuple(parts[f"{name}/kernel"] for name in _THREE)
    if all(kernel.shape[0] == width for kernel in kernels):
        yield "in_proj_weight", (3 * width, width), kernels, _stacked
    else:
        for name, kernel in zip(_THREE, kernels, strict=True):
            yield f"{name[0]}_proj_weight", (width, kernel.shape[0]), (kernel,), _stacked
    if "query/bias" in parts:
        biases = tuple(parts[f"{name}/bias"] for name in _THREE)
        yield (
            "in_proj_bias",
            (3 * width,),
            biases,
            lambda arrays: np.concatenate([each.ravel() for each in arrays]),
        )
    out = parts[f"{_OUT}/kernel"]
    yield "out_proj.weight", (width, width), (out,), lambda arrays: arrays[0].reshape(-1, width).T
    if f"{_OUT}/bias" in parts:
        yield "out_proj.bias", (width,), (parts[f"{_OUT}/bias"],), lambda arrays: arrays[0]


def _stacked(arrays: Sequence[Array]) -> Array:
    return np.concatenate([each.reshape(len(each), -1).T for each in arrays])


def drawn(piece: Piece, steps: int, batch: int, rng: np.random.Generator) -> Array:
    """Return a query, a key and a value side by side."""
    widths = [piece.parts[f"{name}/kernel"].shape[0] for name in _THREE]
    return rng.normal(size=(batch, steps, sum(widths)))


def in_keras(config: Config, arrays: Mapping[str, Array], x: Array) -> Array:
    """Return what Keras's layer computes with its variables."""
    wide = {name: array.astype(_WIDE) for name, array in arrays.items()}
    described = layer_type(KIND)
    assert described.run is not None
    op = described.run(OpContext("attention", KIND, described.complete(config), wide, _WIDE, 3,
                                 Notes()))  # fmt: skip
    widths = [len(wide[f"{name}/kernel"]) for name in _THREE]
    query, key, value = (Value(each) for each in np.split(x, np.cumsum(widths)[:-1], axis=-1))
    return op([query, value, key], {})[0].array


def config_of(piece: Piece) -> dict[str, Any]:
    """Return the config of the layer of Keras that has such weights."""
    _, heads, size = piece.parts["query/kernel"].shape
    return {"num_heads": heads, "key_dim": size,
            "value_dim": piece.parts["value/kernel"].shape[-1],
            "use_bias": "query/bias" in piece.parts}  # fmt: skip


def in_torch(arrays: Mapping[str, Array], heads: int, x: Array) -> Array:
    """Return what PyTorch's module computes with its tensors, by their names in it.

    Source: the formulas in the documentation of `nn.MultiheadAttention`.
    """
    wide = {name: array.astype(_WIDE) for name, array in arrays.items()}
    whole = wide.get("in_proj_weight")
    matrices = [wide[f"{name[0]}_proj_weight"] for name in _THREE] if whole is None else (
        np.split(whole, 3))  # fmt: skip
    biases = np.split(wide.get("in_proj_bias", np.zeros(3 * len(matrices[0]))), 3)
    inputs = np.split(x, np.cumsum([each.shape[1] for each in matrices])[:-1], axis=-1)
    q, k, v = (
        (each @ matrix.T + bias).reshape(*each.shape[:2], heads, -1).swapaxes(1, 2)
        for each, matrix, bias in zip(inputs, matrices, biases, strict=True)
    )
    scores = q @ k.swapaxes(-1, -2) / sqrt(q.shape[-1])
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    found = (scores / scores.sum(axis=-1, keepdims=True) @ v).swapaxes(1, 2)
    output: Array = found.reshape(*x.shape[:2], -1) @ wide["out_proj.weight"].T
    return output + wide.get("out_proj.bias", 0)
