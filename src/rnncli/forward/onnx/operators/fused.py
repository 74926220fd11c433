"""Operators that ONNX Runtime puts in the place of several of ONNX's, and normalisations.

Source: ONNX Runtime's `docs/ContribOperators.md`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnncli.forward.onnx.operators.entry import MICROSOFT, operator, stated
from rnncli.kernels.activations import sigmoid
from rnncli.kernels.erf import erf
from rnncli.layers.op import Array


@operator("FusedMatMul", "TransposeMatMul", domain=MICROSOFT)
def _fused_matmul(node: Any, a: Array, b: Array, **_: Any) -> Array:
    for name, last in (("A", False), ("B", True)):
        array = b if last else a
        if stated(node, f"transBatch{name}", 0) and array.ndim > 2:
            array = np.moveaxis(array, 0, -2)
        if stated(node, f"trans{name}", 0) and array.ndim > 1:
            array = array.swapaxes(-1, -2)
        a, b = (a, array) if last else (array, b)
    result: Array = (np.matmul(a, b) * np.float32(stated(node, "alpha", 1.0))).astype(a.dtype)
    return result


_FUSED: dict[str, Callable[..., Array]] = {
    "Relu": lambda x, *_: np.maximum(x, 0),
    "Sigmoid": lambda x, *_: sigmoid(x),
    "Tanh": lambda x, *_: np.tanh(x),
    "LeakyRelu": lambda x, alpha=0.01, *_: np.where(x > 0, x, alpha * x),
    "Clip": lambda x, low=-np.inf, high=np.inf, *_: np.clip(x, low, high),
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5, *_: np.clip(alpha * x + beta, 0, 1),
}


@operator("FusedGemm", domain=MICROSOFT)
def _fused_gemm(node: Any, a: Array, b: Array, c: Any = None, **_: Any) -> Array:
    a, b = (x.T if stated(node, f"trans{name}", 0) else x for x, name in ((a, "A"), (b, "B")))
    result = a @ b * np.float32(stated(node, "alpha", 1.0))
    if c is not None:
        result = result + c * np.float32(stated(node, "beta", 1.0))
    own = [stated(node, f"activation_{name}", None) for name in ("alpha", "beta", "gamma")]
    function = _FUSED[str(stated(node, "activation", "Relu"))]
    return function(result, *(each for each in own if each is not None)).astype(a.dtype)


@operator("Gelu", "BiasGelu", domain=MICROSOFT)
def _gelu(node: Any, x: Array, bias: Any = None, **_: Any) -> Array:
    x = x if bias is None else x + bias
    result: Array = 0.5 * x * (1 + erf(x / np.sqrt(x.dtype.type(2))))
    return result.astype(x.dtype)


@operator("FastGelu", domain=MICROSOFT)
def _fast_gelu(node: Any, x: Array, bias: Any = None, **_: Any) -> Array:
    x = x if bias is None else x + bias
    result: Array = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return result.astype(x.dtype)


@operator("QuickGelu", domain=MICROSOFT)
def _quick_gelu(node: Any, x: Array, **_: Any) -> Array:
    return (x * sigmoid(np.float32(stated(node, "alpha", 1.702)) * x)).astype(x.dtype)


@operator("LayerNormalization", before=17)
def _layer_normalization(node: Any, x: Array, scale: Array, bias: Any = None, **_: Any) -> Any:
    axis = int(stated(node, "axis", -1)) % x.ndim
    return _normalized(x, scale, bias, tuple(range(axis, x.ndim)), stated(node, "epsilon", 1e-5))


@operator("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def _skip_layer_normalization(
    node: Any, x: Array, skip: Array, gamma: Array, *others: Any, **_: Any
) -> tuple[Array, ...]:
    simple = node.onnx_node.op_type.startswith("SkipSimplified")
    beta, bias = (None, *others, None)[:2] if simple else (*others, None, None)[:2]
    total = x + skip + (0 if bias is None else bias)
    epsilon = stated(node, "epsilon", 1e-12)
    y, mean, deviation = _normalized(total, gamma, beta, (-1,), epsilon, centred=not simple)
    return y, mean, deviation, total


@operator("SimplifiedLayerNormalization", before=None)
@operator("SimplifiedLayerNormalization", domain=MICROSOFT)
def _simplified(node: Any, x: Array, scale: Array, **_: Any) -> tuple[Array, ...]:
    found = _normalized(x, scale, None, (-1,), stated(node, "epsilon", 1e-5), centred=False)
    return found[0], found[2]


def _normalized(
    x: Array, scale: Array, bias: Any, axes: tuple[int, ...], epsilon: float, centred: bool = True
) -> tuple[Array, ...]:
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    mean = wide.mean(axis=axes, keepdims=True) if centred else np.zeros((), wide.dtype)
    rest = wide - mean
    inverse = 1 / np.sqrt(np.square(rest).mean(axis=axes, keepdims=True) + wide.dtype.type(epsilon))
    y = rest * inverse * scale
    return (y if bias is None else y + bias).astype(x.dtype), mean, inverse
