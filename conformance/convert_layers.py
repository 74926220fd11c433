"""Layers without cells for `convert.py`: of Keras, and what they are in PyTorch and ONNX.

A case is a layer of Keras, the shapes of its inputs, and the module that computes the same.
Channels stand last in Keras; for most modules they are moved to axis 1 and back.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import onnx
import onnxruntime
import torch
from keras import layers
from torch import nn


class Case(NamedTuple):
    """`first`: the module has the channels on axis 1. `pytorch`: it goes to Keras, too. `onnx`
    makes the nodes from the names of the tensors."""

    name: str
    layer: Callable[[], Any]
    shapes: tuple[tuple[int, ...], ...]
    module: Callable[[], Any]
    first: bool = False
    pytorch: bool = True
    onnx: Callable[[dict[str, np.ndarray]], list[Any]] | None = None


def separable(rank: int, channels: int, multiplier: int, filters: int, size: int) -> Any:
    """Return the two convolutions of a separable one."""
    kind = (nn.Conv1d, nn.Conv2d)[rank - 1]
    inner = channels * multiplier
    return nn.Sequential(kind(channels, inner, size, groups=channels, bias=False),
                         kind(inner, filters, 1))  # fmt: skip


def node(op: str, order: tuple[str, ...], **attributes: Any) -> Callable[..., list[Any]]:
    """Return the maker of one node; `order` names its tensors, whatever stands before the name."""

    def make(names: dict[str, np.ndarray]) -> list[Any]:
        found = [next(name for name in names if name.endswith(f"/{each}")) for each in order]
        return [onnx.helper.make_node(op, ["X", *found], ["Y"], **attributes)]

    return make


def two_convolutions(groups: int) -> Callable[[dict[str, np.ndarray]], list[Any]]:
    """Return the maker of a separable convolution's nodes."""

    def make(names: dict[str, np.ndarray]) -> list[Any]:
        one, two, bias = (next(name for name in names if name.endswith(end))
                          for end in ("depthwise/W", "pointwise/W", "pointwise/B"))  # fmt: skip
        return [onnx.helper.make_node("Conv", ["X", one], ["M"], group=groups),
                onnx.helper.make_node("Conv", ["M", two, bias], ["Y"])]  # fmt: skip

    return make


def attention(dims: tuple[int, ...], heads: int, bias: bool = True) -> Case:
    """Return a case of attention with the features of query, value and key."""
    query, value, key = dims
    return Case(
        f"MultiHeadAttention {dims}, {heads} heads, bias {bias}",
        lambda: layers.MultiHeadAttention(heads, query // heads, use_bias=bias),
        ((6, query), (5, value), (5, key)),
        lambda: nn.MultiheadAttention(query, heads, bias=bias, kdim=key, vdim=value,
                                      batch_first=True),
    )  # fmt: skip


CASES = [
    Case("Dense", lambda: layers.Dense(5), ((6, 4),), lambda: nn.Linear(4, 5)),
    Case("EinsumDense", lambda: layers.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d"),
         ((6, 4),), lambda: nn.Linear(4, 5), pytorch=False),
    Case("PReLU (4,)", layers.PReLU, ((4,),), lambda: nn.PReLU(4),
         onnx=node("PRelu", ("slope",))),
    Case("PReLU (1, 4)", lambda: layers.PReLU(shared_axes=[1]), ((6, 4),), lambda: nn.PReLU(4),
         True, False, node("PRelu", ("slope",))),
    Case("PReLU (1, 1, 4)", lambda: layers.PReLU(shared_axes=[1, 2]), ((6, 5, 4),),
         lambda: nn.PReLU(4), True, False, node("PRelu", ("slope",))),
    Case("PReLU (1, 1)", lambda: layers.PReLU(shared_axes=[1, 2]), ((6, 4),), nn.PReLU, True, False,
         node("PRelu", ("slope",))),
    Case("SeparableConv1D", lambda: layers.SeparableConv1D(3, 2), ((9, 4),),
         lambda: separable(1, 4, 1, 3, 2), True, False, two_convolutions(4)),
    Case("SeparableConv1D, multiplier 2", lambda: layers.SeparableConv1D(3, 2, depth_multiplier=2),
         ((9, 4),), lambda: separable(1, 4, 2, 3, 2), True, False, two_convolutions(4)),
    Case("SeparableConv2D", lambda: layers.SeparableConv2D(3, (2, 3), depth_multiplier=2),
         ((8, 9, 4),), lambda: separable(2, 4, 2, 3, (2, 3)), True, False, two_convolutions(4)),
    Case("DepthwiseConv1D", lambda: layers.DepthwiseConv1D(2, depth_multiplier=3), ((9, 4),),
         lambda: nn.Conv1d(4, 12, 2, groups=4), True, False, node("Conv", ("W", "B"), group=4)),
    Case("DepthwiseConv2D", lambda: layers.DepthwiseConv2D((2, 3), depth_multiplier=2),
         ((8, 9, 4),), lambda: nn.Conv2d(4, 8, (2, 3), groups=4), True, False,
         node("Conv", ("W", "B"), group=4)),
    Case("Conv1D", lambda: layers.Conv1D(6, 2, groups=2), ((9, 4),),
         lambda: nn.Conv1d(4, 6, 2, groups=2), True, True, node("Conv", ("W", "B"), group=2)),
    Case("Conv2D", lambda: layers.Conv2D(5, (2, 3)), ((8, 9, 4),),
         lambda: nn.Conv2d(4, 5, (2, 3)), True, True, node("Conv", ("W", "B"))),
    Case("Conv3D", lambda: layers.Conv3D(5, 2), ((5, 6, 7, 4),), lambda: nn.Conv3d(4, 5, 2), True,
         True, node("Conv", ("W", "B"))),
    Case("Conv1DTranspose", lambda: layers.Conv1DTranspose(5, 3), ((9, 4),),
         lambda: nn.ConvTranspose1d(4, 5, 3), True, True, node("ConvTranspose", ("W", "B"))),
    Case("Conv2DTranspose", lambda: layers.Conv2DTranspose(5, (2, 3)), ((8, 9, 4),),
         lambda: nn.ConvTranspose2d(4, 5, (2, 3)), True, True, node("ConvTranspose", ("W", "B"))),
    Case("LayerNormalization", layers.LayerNormalization, ((6, 4),),
         lambda: nn.LayerNorm(4, eps=1e-3),
         onnx=node("LayerNormalization", ("Scale", "B"), epsilon=1e-3)),
    Case("BatchNormalization", layers.BatchNormalization, ((6, 4),),
         lambda: nn.BatchNorm1d(4, eps=1e-3), True, True,
         node("BatchNormalization", ("scale", "B", "input_mean", "input_var"), epsilon=1e-3)),
    Case("BatchNormalization without scale", lambda: layers.BatchNormalization(scale=False),
         ((6, 4),), lambda: nn.BatchNorm1d(4, eps=1e-3), True, False,
         node("BatchNormalization", ("scale", "B", "input_mean", "input_var"), epsilon=1e-3)),
    Case("LayerNormalization without shift", lambda: layers.LayerNormalization(center=False),
         ((6, 4),), lambda: nn.LayerNorm(4, eps=1e-3, bias=False)),
    Case("GroupNormalization without shift", lambda: layers.GroupNormalization(2, center=False),
         ((6, 4),), lambda: nn.GroupNorm(2, 4, eps=1e-3), True, False),
    Case("GroupNormalization", lambda: layers.GroupNormalization(2), ((6, 4),),
         lambda: nn.GroupNorm(2, 4, eps=1e-3), True, True,
         node("GroupNormalization", ("scale", "bias"), epsilon=1e-3, num_groups=2)),
    Case("GroupNormalization of images", lambda: layers.GroupNormalization(4), ((6, 5, 8),),
         lambda: nn.GroupNorm(4, 8, eps=1e-3), True),
    Case("RMSNormalization", layers.RMSNormalization, ((6, 4),),
         lambda: nn.RMSNorm(4, eps=1e-6)),
    attention((4, 4, 4), 2), attention((6, 6, 6), 3, False), attention((6, 5, 4), 2),
    attention((8, 8, 8), 1),
]  # fmt: skip


def inputs_of(case: Case) -> list[np.ndarray]:
    """Return seeded inputs with the channels last."""
    rng = np.random.default_rng(3)
    return [rng.normal(size=(2, *shape)).astype("float32") for shape in case.shapes]


def keras_model(case: Case) -> Any:
    """Return the model with random weights, all of them positive where they are variances."""
    inputs = [layers.Input(shape) for shape in case.shapes]
    model = keras.Model(inputs, case.layer()(*inputs))
    rng = np.random.default_rng(1)
    model.set_weights([np.abs(rng.normal(size=each.shape, scale=0.5)) + 0.1
                       for each in model.get_weights()])  # fmt: skip
    return model


def module(case: Case) -> Any:
    """Return the module with random weights."""
    torch.manual_seed(2)
    made = case.module().eval()
    for each in (*made.parameters(), *made.buffers()):
        if each.dtype.is_floating_point:
            each.data = torch.rand(each.shape) + 0.1
    return made


def run_torch(case: Case, made: Any, arrays: list[np.ndarray]) -> np.ndarray:
    """Return the module's output with the channels last."""
    given = [np.moveaxis(each, -1, 1) if case.first else each for each in arrays]
    tensors = [torch.from_numpy(np.ascontiguousarray(each)) for each in given]
    with torch.no_grad():
        if isinstance(made, nn.MultiheadAttention):
            query, value, key = tensors
            return made(query, key, value)[0].numpy()
        found = made(*tensors).numpy()
    return np.moveaxis(found, 1, -1) if case.first else found


def run_keras(model: Any, arrays: list[np.ndarray]) -> np.ndarray:
    """Return the model's output at inference."""
    return np.asarray(model.predict(arrays, verbose=0))


def in_torch(tensors: dict[str, np.ndarray], case: Case) -> np.ndarray:
    """Return what the module computes that loads the tensors."""
    made = case.module().eval()
    state = {name: torch.from_numpy(each) for name, each in tensors.items()}
    if isinstance(made, nn.BatchNorm1d):
        state["num_batches_tracked"] = torch.tensor(0)
    made.load_state_dict(state)
    return run_torch(case, made, inputs_of(case))


def in_keras(tensors: dict[str, np.ndarray], case: Case) -> np.ndarray:
    """Return what the model computes whose `set_weights` takes the tensors in their order."""
    model = keras_model(case)
    model.set_weights(list(tensors.values()))
    return run_keras(model, inputs_of(case))


def in_onnx(tensors: dict[str, np.ndarray], case: Case) -> np.ndarray:
    """Return what ONNX Runtime computes with the nodes."""
    (x,) = inputs_of(case)
    x = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if case.first else x
    value = onnx.helper.make_tensor_value_info
    assert case.onnx is not None
    graph = onnx.helper.make_graph(
        case.onnx(tensors), "case", [value("X", 1, x.shape)], [value("Y", 1, None)],
        [onnx.numpy_helper.from_array(each, name) for name, each in tensors.items()],
    )  # fmt: skip
    opsets = [onnx.helper.make_opsetid("", 21)]
    made = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    found = session.run(None, {"X": x})[0]
    return np.moveaxis(found, 1, -1) if case.first else found


RUN = {"torch": in_torch, "keras": in_keras, "onnx": in_onnx}
