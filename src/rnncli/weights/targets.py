"""Pieces as the tensors of a framework: their names, and how each is made."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from rnncli.cell import Cell
from rnncli.cells import GRU, snake_case
from rnncli.layers.op import Array
from rnncli.layers.rnn.weight_layouts import LAYOUTS, Layout
from rnncli.weights import attention
from rnncli.weights.forms import FORMS
from rnncli.weights.layouts import filters_first, from_keras
from rnncli.weights.piece import Part, Piece

Arrays = Sequence[Array]


class Made(NamedTuple):
    """A tensor to write: its name, its shape, the parts it is made of, and how.

    `inside` is its name within the layer `group`. No parts: zeros.
    """

    name: str
    group: str
    inside: str
    shape: tuple[int, ...]
    parts: tuple[Part, ...]
    make: Callable[[Arrays], Array]


def keras(name: str, pieces: Sequence[Piece]) -> Iterator[Made]:
    """Yield Keras's variables of the pieces of one layer; a layer per stacked cell."""
    levels = 1 + max(piece.level for piece in pieces)
    for piece in pieces:
        group = name if levels == 1 else f"{name}_l{piece.level}"
        before = ""
        if piece.cell is not None:
            own = snake_case(piece.kind)
            way = "backward_" if piece.reverse else "forward_"
            before = f"{own}_cell/" if not two_ways(pieces) else f"{way}{own}/{own}_cell/"
        for key, part in piece.parts.items():
            inside = before + key
            yield Made(f"{group}/{inside}", group, inside, part.shape, (part,), _first)


def torch(name: str, pieces: Sequence[Piece]) -> Iterator[Made]:
    """Yield PyTorch's tensors of the pieces of one layer, all of one module."""
    for piece in pieces:
        if piece.kind == attention.KIND:
            for inside, shape, parts, make in attention.torch_tensors(piece.parts):
                yield Made(f"{name}.{inside}", name, inside, shape, parts, make)
            continue
        if piece.cell is None:
            yield from _module(name, piece)
            continue
        suffix = f"_l{piece.level}{'_reverse' if piece.reverse else ''}"
        for inside, shape, part, make in _torch_cell(piece.cell, piece.parts):
            yield Made(f"{name}.{inside}{suffix}", name, inside + suffix, shape, part, make)


Cellwise = Iterator[tuple[str, tuple[int, ...], tuple[Part, ...], Callable[[Arrays], Array]]]


def _torch_cell(cell: Cell, parts: Mapping[str, Part]) -> Cellwise:
    turned = partial(_turned, LAYOUTS["torch"], cell)
    kernel, recurrent = parts["kernel"], parts["recurrent_kernel"]
    yield "weight_ih", kernel.shape[::-1], (kernel,), turned
    yield "weight_hh", recurrent.shape[::-1], (recurrent,), turned
    if "bias" in parts:
        bias = parts["bias"]
        shape = (bias.shape[-1],)
        if cell is GRU:
            yield "bias_ih", shape, (bias,), lambda arrays: turned([arrays[0][0]])
            yield "bias_hh", shape, (bias,), lambda arrays: turned([arrays[0][1]])
        else:
            yield "bias_ih", shape, (bias,), turned
            yield "bias_hh", shape, (), lambda arrays: np.zeros(shape)
    if "projection" in parts:
        projection = parts["projection"]
        yield "weight_hr", projection.shape[::-1], (projection,), lambda arrays: arrays[0].T


def completed(piece: Piece, to: str) -> Piece:
    """Return a normalisation with the scale of ones, or the shift of zeros, that it computes with
    and that another framework's always has."""
    form = FORMS.get(piece.kind)
    if form is None or not form.needed or to in ("keras", piece.layer.dialect):
        return piece
    shape = next(iter(piece.parts.values())).shape
    filled = {"gamma": Part(shape, (), lambda _: np.ones(shape)),
              "beta": Part(shape, (), lambda _: np.zeros(shape))}  # fmt: skip
    parts = {**{key: part for key, part in filled.items() if key in form.needed}, **piece.parts}
    in_order = {key: parts[key] for key in form.names if key in parts}
    return piece._replace(parts={**in_order, **parts})


def _module(name: str, piece: Piece) -> Iterator[Made]:
    form = FORMS[piece.kind]
    for key, part in piece.parts.items():
        shape, make = _stored(piece.kind, key, part) if key in form.turned else (part.shape, _first)
        if piece.kind == "PReLU":
            shape, make = (part.shape[-1],), lambda arrays: arrays[0].ravel()
        inside = form.names[key][0]
        yield Made(f"{name}.{inside}", name, inside, shape, (part,), make)


ONNX_INPUTS = {
    "Gemm": ("A", "B", "C"),
    "Conv": ("X", "W", "B"),
    "ConvTranspose": ("X", "W", "B"),
    "Gather": ("data",),
    "LayerNormalization": ("X", "Scale", "B"),
    "BatchNormalization": ("X", "scale", "B", "input_mean", "input_var"),
    "GroupNormalization": ("X", "scale", "bias"),
    "RMSNormalization": ("X", "scale"),
    "PRelu": ("X", "slope"),
    "SeparableConv": ("X", "depthwise/W", "pointwise/W", "pointwise/B"),
}


def onnx(name: str, pieces: Sequence[Piece]) -> Iterator[Made]:
    """Yield the inputs of ONNX's operators for the pieces of one layer; a node per stacked cell."""
    levels = 1 + max(piece.level for piece in pieces)
    for level in range(levels):
        ways = [piece for piece in pieces if piece.level == level]
        group = name if levels == 1 else f"{name}_l{level}"
        if ways[0].cell is None:
            yield from _operator(group, ways[0])
        else:
            yield from _node(group, ways, ways[0].cell)


def _node(group: str, ways: Sequence[Piece], cell: Cell) -> Iterator[Made]:
    turned = partial(_turned, LAYOUTS["onnx"], cell)

    def both(arrays: Arrays) -> Array:
        return np.stack([turned([each]) for each in arrays])

    def biases(arrays: Arrays) -> Array:
        rows = [each if cell is GRU else np.stack([each, np.zeros_like(each)]) for each in arrays]
        return np.stack([np.concatenate([turned([row]) for row in pair]) for pair in rows])

    for inside, key in (("W", "kernel"), ("R", "recurrent_kernel")):
        parts = tuple(piece.parts[key] for piece in ways)
        shape = (len(ways), *parts[0].shape[::-1])
        yield Made(f"{group}/{inside}", group, inside, shape, parts, both)
    if "bias" in ways[0].parts:
        parts = tuple(piece.parts["bias"] for piece in ways)
        shape = (len(ways), 2 * parts[0].shape[-1])
        yield Made(f"{group}/B", group, "B", shape, parts, biases)


def _operator(group: str, piece: Piece) -> Iterator[Made]:
    form = FORMS[piece.kind]
    for key, part in piece.parts.items():
        inside = ONNX_INPUTS[form.onnx][form.names[key][1]]
        turned = key in form.turned and form.onnx_turned
        shape, make = _stored(piece.kind, key, part) if turned else (part.shape, _first)
        yield Made(f"{group}/{inside}", group, inside, shape, (part,), make)


TARGETS = {"keras": keras, "torch": torch, "onnx": onnx}


def two_ways(pieces: Sequence[Piece]) -> bool:
    """Whether the layer is read in both directions."""
    return any(piece.reverse for piece in pieces)


def _first(arrays: Arrays) -> Array:
    return arrays[0]


def _stored(kind: str, key: str, part: Part) -> tuple[tuple[int, ...], Callable[[Arrays], Array]]:
    """Return the shape of filters, or slopes, that stand first, and how they come to.

    Each channel's own filters become filters of a convolution in groups, of one channel each.
    """
    *window, channels, filters = (1, *part.shape) if kind == "PReLU" else part.shape
    if kind == "PReLU":
        shape = (filters, *part.shape[:-1])
        return shape, lambda arrays: np.moveaxis(arrays[0], -1, 0)
    if key.startswith("depthwise") or kind.startswith("Depthwise"):
        flat = (*window, 1, channels * filters)
        return (channels * filters, 1, *window), lambda a: filters_first(a[0].reshape(flat))
    return (filters, channels, *window), lambda arrays: filters_first(arrays[0])


def _turned(layout: Layout, cell: Cell, arrays: Arrays) -> Array:
    return from_keras(layout, cell, arrays[0])
