"""One layer run in two layouts on the same input: that both compute the same is shown, not said."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.cells import GRU, cell_for, snake_case
from rnncli.forward.engine import Graph, Rules
from rnncli.graph.infer import infer
from rnncli.layers.layer_type import pair
from rnncli.layers.op import Array, Notes, Value
from rnncli.layers.rnn.run_onnx import OnnxRnn
from rnncli.model import Config, Layer, Ref, sequential
from rnncli.weights import attention
from rnncli.weights.literal import EPSILON, literal
from rnncli.weights.piece import Part, Piece
from rnncli.weights.targets import Made, two_ways

STEPS, BATCH = 7, 2
_DTYPE = np.dtype(np.float64)
_WHOLE = {"strides": 1, "padding": "valid", "data_format": "channels_last", "dilation_rate": 1,
          "activation": None, "output_padding": None, "epsilon": EPSILON}  # fmt: skip


def drawn(pieces: Sequence[Piece], rng: np.random.Generator) -> Array:
    """Return a seeded random input of the layer: sequences, images or indices."""
    piece = pieces[0]
    if piece.kind == attention.KIND:
        return attention.drawn(piece, STEPS, BATCH, rng)
    if piece.kind == "PReLU":
        return rng.normal(size=(BATCH, *piece.parts["alpha"].shape))
    if piece.kind == "Embedding":
        return rng.integers(0, piece.parts["embeddings"].shape[0], (BATCH, STEPS))
    kernel = _kernel(piece)
    if kernel is None:
        return rng.normal(size=(BATCH, STEPS, *next(iter(piece.parts.values())).shape))
    window, channels = kernel.shape[:-2], kernel.shape[-2]
    if piece.kind.endswith("Transpose"):
        channels = kernel.shape[-1]
    if piece.cell is not None or not window:
        return rng.normal(size=(BATCH, STEPS, channels))
    groups = 1 if _depthwise(piece) else _groups(piece)
    return rng.normal(size=(BATCH, *(size + 2 for size in window), channels * groups))


def _depthwise(piece: Piece) -> Part | None:
    """Return the filters of a layer that has some for each channel."""
    own = piece.parts.get("kernel") if piece.kind.startswith("Depthwise") else None
    return own or piece.parts.get("depthwise_kernel")


def _kernel(piece: Piece) -> Part | None:
    return piece.parts.get("kernel") or piece.parts.get("depthwise_kernel")


def _groups(piece: Piece) -> int:
    own = _depthwise(piece)
    if own is not None:
        return own.shape[-2]
    attributes = piece.settings.get("attributes") or {}
    return int(piece.settings.get("groups") or attributes.get("group") or 1)


def before(layer: Layer, pieces: Sequence[Piece], arrays: Mapping[str, Array], x: Array) -> Array:
    """Return what the layer computes with its own tensors, by name, in its own layout."""
    if pieces[0].kind == attention.KIND:
        return _attention(layer, pieces[0], arrays, x)
    if layer.dialect == "onnx" and pieces[0].cell is not None:
        return _node(layer.type, layer.config["attributes"], arrays, x)
    if layer.dialect == "keras" or pieces[0].cell is not None:
        rank = len(next(iter(pieces[0].parts.values())).shape)
        chain = [(layer.kind or "", _each_step(layer.kind, layer.config, rank))]
        kernel = _kernel(pieces[0])
        if layer.kind == "TimeDistributed" and kernel is not None and kernel.shape[2:]:  # windows
            return _run(chain, [arrays], x[:, None])[:, 0]
        return _run(chain, [arrays], x)
    stored = {  # ones or zeros stand for a scale or shift that the layer lacks
        key: arrays[part.sources[0].path] if part.sources else part.make([])
        for key, part in pieces[0].parts.items()
    }
    transposed = (pieces[0].settings.get("attributes") or {}).get("transB")
    return literal(layer.dialect, pieces[0].kind, stored, x, _groups(pieces[0]), bool(transposed))


def after(to: str, made: Sequence[Made], pieces: Sequence[Piece], arrays: Mapping[str, Array],
          x: Array) -> Array:  # fmt: skip
    """Return what the tensors compute, by name, in the layout of the framework `to`."""
    groups = list(dict.fromkeys(each.group for each in made))
    inside = [{each.inside: arrays[each.name] for each in made if each.group == group}
              for group in groups]  # fmt: skip
    if pieces[0].kind == attention.KIND:
        config = attention.config_of(pieces[0])
        return (attention.in_torch(inside[0], config["num_heads"], x) if to == "torch"
                else attention.in_keras(config, inside[0], x))  # fmt: skip
    if pieces[0].cell is None and to != "keras":
        stored = {key: arrays[each.name] for key, each in zip(pieces[0].parts, made, strict=True)}
        return literal(to, pieces[0].kind, stored, x, _groups(pieces[0]), False)
    if to == "keras":
        return _run([_keras_layer(pieces, level) for level in range(len(groups))], inside, x)
    if to == "torch":
        return _run([_torch_module(pieces)], inside, x)
    for level, arrays in enumerate(inside):
        first = next(piece for piece in pieces if piece.level == level)
        x = _node(cell_for(first.kind).forms["onnx"].name, _attributes(pieces, first), arrays, x)
    return x


def _attention(layer: Layer, piece: Piece, arrays: Mapping[str, Array], x: Array) -> Array:
    if layer.dialect == "keras":
        return attention.in_keras(layer.config, arrays, x)
    named = {f"out_proj.{name}" if name in ("weight", "bias") else name: array
             for name, array in arrays.items()}  # fmt: skip
    return attention.in_torch(named, piece.settings["num_heads"], x)


def _run(
    layers: Sequence[tuple[str, Config]], weights: Sequence[Mapping[str, Array]], x: Array
) -> Array:
    """Return the output of a chain of layers; `weights` has those of each, by path."""
    entry = Layer("InputLayer", "input", {"batch_shape": (None, *x.shape[1:]), "name": "input"})
    chain = [Layer(kind, f"layer_{index}", {**config, "name": f"layer_{index}"})
             for index, (kind, config) in enumerate(layers)]  # fmt: skip
    model = infer(sequential((entry, *chain)))
    values = {
        f"layer_{index}/{path}": array.astype(_DTYPE)
        for index, own in enumerate(weights)
        for path, array in own.items()
    }
    graph = Graph(model, model.outputs, values, Rules(_DTYPE, 3, Notes()))
    return graph.run({Ref("input"): Value(x)})[0].array


def _each_step(kind: str | None, config: Config, rank: int) -> Config:
    """Return a config whose layer gives every step, or slides its window over every place."""
    if kind == "Bidirectional":
        nodes = {key: {**config[key], "config": _sequences(config[key]["config"])}
                 for key in ("layer", "backward_layer") if config.get(key)}  # fmt: skip
        return {**config, **nodes, "merge_mode": "concat"}
    if kind == "TimeDistributed":
        inner = config["layer"]
        changed = _each_step(inner["class_name"], inner["config"], rank)
        return {**config, "layer": {**inner, "config": changed}}
    if kind is not None and "return_sequences" in config:
        return _sequences(config)
    changed = {key: value for key, value in _WHOLE.items() if key in config}
    if kind == "EinsumDense":  # a product with the last axis, of any input
        changed |= {"equation": "...x,xy->...y", "output_shape": pair(config["output_shape"])[-1],
                    "bias_axes": "y" if config["bias_axes"] else None}  # fmt: skip
    if kind == "PReLU":
        changed |= {"shared_axes": None}
    return {**config, **changed, **_last_axes(kind, rank)}


def _last_axes(kind: str | None, rank: int) -> Config:
    """Return which axes a normalisation is of: as many of the last as its weights have."""
    if kind is None or not kind.endswith("Normalization"):
        return {}
    axis = -1 if rank == 1 else tuple(range(-rank, 0))
    return {"axis": axis, **({"groups": 1} if kind == "GroupNormalization" else {})}


def _sequences(config: Config) -> Config:
    return {**config, "return_sequences": True, "return_state": False, "stateful": False,
            "time_major": False}  # fmt: skip


def _keras_layer(pieces: Sequence[Piece], level: int) -> tuple[str, Config]:
    found = [piece for piece in pieces if piece.level == level]
    first = found[0]
    if first.cell is None:
        return first.kind, _form_config(first)
    if not two_ways(pieces):
        return first.kind, _cell_config(first)
    one, other = ({"class_name": piece.kind, "config": _cell_config(piece)} for piece in found)
    return "Bidirectional", {"layer": one, "backward_layer": other, "merge_mode": "concat"}


def _cell_config(piece: Piece) -> Config:
    settings, own = piece.settings, snake_case(piece.kind)
    way = ("forward_", "backward_")[piece.reverse]
    config: dict[str, Any] = {
        "name": f"{way}{own}", "units": settings["units"], "use_bias": "bias" in piece.parts,
        "activation": settings.get("activation", "tanh"), "return_sequences": True,
        "go_backwards": settings["go_backwards"],
    }  # fmt: skip
    if cell_for(piece.kind).gated:
        config["recurrent_activation"] = settings["recurrent_activation"]
    if piece.kind == "GRU":
        config["reset_after"] = piece.cell is GRU
    return config


def _form_config(piece: Piece) -> Config:
    shapes = {key: part.shape for key, part in piece.parts.items()}
    kernel, use_bias = shapes.get("kernel", ()), "bias" in shapes
    if piece.kind == "Dense":
        return {"units": kernel[-1], "use_bias": use_bias}
    if piece.kind == "Embedding":
        size, width = shapes["embeddings"]
        return {"input_dim": size, "output_dim": width}
    if piece.kind == "PReLU":
        return {}
    own = _depthwise(piece)
    if own is not None:
        return {"kernel_size": own.shape[:-2], "depth_multiplier": own.shape[-1],
                "use_bias": use_bias, **_pointwise(shapes)}  # fmt: skip
    if piece.kind.startswith("Conv"):
        filters = kernel[-2] if piece.kind.endswith("Transpose") else kernel[-1]
        grouped = {} if piece.kind.endswith("Transpose") else {"groups": _groups(piece)}
        return {"filters": filters, "kernel_size": kernel[:-2], "use_bias": use_bias, **grouped}
    rank = len(next(iter(shapes.values())))
    config: dict[str, Any] = {**_last_axes(piece.kind, rank), "epsilon": EPSILON}
    if piece.kind != "RMSNormalization":
        config |= {"scale": "gamma" in shapes, "center": "beta" in shapes}
    return config


def _pointwise(shapes: Mapping[str, tuple[int, ...]]) -> Config:
    """Return the filters of the second convolution of a separable one."""
    return {"filters": shapes["pointwise_kernel"][-1]} if "pointwise_kernel" in shapes else {}


def _torch_module(pieces: Sequence[Piece]) -> tuple[str, Config]:
    first = pieces[0]
    projection = first.parts.get("projection")
    return f"torch.{cell_for(first.kind).forms['torch'].name}", {
        "input_size": first.parts["kernel"].shape[0], "hidden_size": first.settings["units"],
        "num_layers": 1 + max(piece.level for piece in pieces), "bias": "bias" in first.parts,
        "bidirectional": two_ways(pieces), "nonlinearity": first.settings.get("activation"),
        "proj_size": projection.shape[1] if projection else 0,
    }  # fmt: skip


def _attributes(pieces: Sequence[Piece], first: Piece) -> dict[str, Any]:
    """Return the attributes of the node that an ONNX graph needs for these cells."""
    own, gate = first.settings.get("activation", "tanh"), first.settings.get("recurrent_activation")
    ways = 2 if two_ways(pieces) else 1
    names = {"SimpleRNN": [own], "GRU": [gate, own], "LSTM": [gate, own, own]}[first.kind]
    reverse = first.settings["go_backwards"]
    return {
        "hidden_size": first.settings["units"],
        "direction": "bidirectional" if ways == 2 else "reverse" if reverse else "forward",
        "activations": [str(name) for name in names] * ways,
        "linear_before_reset": int(first.cell is GRU),
    }


def _node(
    operator: str, attributes: Mapping[str, Any], arrays: Mapping[str, Array], x: Array
) -> Array:
    """Return `(batch, time, directions * units)` of an ONNX node."""
    node = OnnxRnn("node", operator, {**attributes, "layout": 1}, Notes())
    given = [arrays.get(name) for name in ("W", "R", "B")]
    wide = [None if each is None else each.astype(_DTYPE) for each in given]
    sequence = node.run([x, *wide])[0]
    if attributes.get("direction") == "reverse":  # Keras gives the steps in the order it reads them
        sequence = sequence[:, ::-1]
    return sequence.reshape(*sequence.shape[:2], -1)
