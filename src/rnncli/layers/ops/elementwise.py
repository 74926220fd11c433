"""Operations on each number alone, or on pairs of them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rnncli.layers.lazy import lazy
from rnncli.layers.ops.row import Row, broadcast, same, types

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activation_layers, activations, erf, tensors
else:
    np, tensors = lazy("numpy"), lazy("rnncli.kernels.tensors")
    activations, erf = lazy("rnncli.kernels.activations"), lazy("rnncli.kernels.erf")
    activation_layers = lazy("rnncli.kernels.activation_layers")

# Keras's name, and NumPy's where that is not the same in lower case.
_UNARY = (
    "Absolute Abs Fabs Arccos Arccosh Arcsin Arcsinh Arctan Arctanh Ceil Cos Cosh Exp Exp2 Expm1 "
    "Floor I0 Isfinite Isinf Isnan Isneginf Isposinf Isreal Log Log10 Log1p Log2 "
    "LogicalNot=logical_not BitwiseNot=invert BitwiseInvert=invert Negative Reciprocal Rint Sign "
    "Signbit Sin Sinh Sqrt Square Tan Tanh Trunc Deg2rad Rad2deg Sinc Cbrt Real Imag Angle "
    "Conjugate=conj Conj=conj"
)
_BINARY = (
    "NotEqual=not_equal Equal=equal Greater=greater GreaterEqual=greater_equal Less=less "
    "LessEqual=less_equal LogicalOr=logical_or LogicalAnd=logical_and LogicalXor=logical_xor "
    "Add Subtract Multiply TrueDivide=divide Divide FloorDivide=floor_divide Mod Fmod Power "
    "Maximum Minimum Fmax Fmin Arctan2 Hypot Logaddexp Logaddexp2 Heaviside Gcd Lcm Ldexp "
    "Nextafter BitwiseAnd=bitwise_and BitwiseOr=bitwise_or BitwiseXor=bitwise_xor "
    "LeftShift=left_shift RightShift=right_shift BitwiseLeftShift=left_shift "
    "BitwiseRightShift=right_shift Where"
)
_ACTIVATIONS = (
    "Sigmoid=sigmoid Relu=relu Relu6=relu6 Softplus=softplus Softsign=softsign Silu=silu "
    "LogSigmoid=log_sigmoid HardSigmoid=hard_sigmoid HardSilu=hard_silu Selu=selu Mish=mish "
    "TanhShrink=tanh_shrink HardTanh=hard_tanh SparsePlus=sparse_plus SparseSigmoid=sparse_sigmoid"
)


def _pairs(names: str) -> Iterator[tuple[str, str]]:
    for name in names.split():
        keras, _, function = name.partition("=")
        yield keras, function or keras.lower()


def _activation(name: str) -> Callable[..., Any]:
    return lambda x: activations.activation(name)(x)


def _like(fill: int | None) -> Callable[..., Any]:
    def filled(x: Any, fill_value: Any = fill, dtype: str | None = None) -> Any:
        return np.full_like(x, fill_value, dtype=_dtype(dtype))

    return filled


def _dtype(name: str | None) -> str | None:
    """Return NumPy's name of a dtype; bfloat16 is computed in float32."""
    return "float32" if name == "bfloat16" else name


def _cast(x: Any, dtype: str | None = None) -> Any:
    return np.asarray(x).astype(_dtype(dtype) or np.asarray(x).dtype)


def _saturate_cast(x: Any, dtype: str) -> Any:
    kind = np.dtype(_dtype(dtype))
    if kind.kind not in "iu":
        return np.asarray(x).astype(kind)
    ends = np.iinfo(kind)
    inside = np.clip(np.asarray(x, np.float64), ends.min, ends.max)
    return np.where(inside >= ends.max, ends.max, inside.astype(kind)).astype(kind)


def _power(x1: Any, x2: Any) -> Any:
    whole = np.asarray(x1).dtype.kind in "iu" and np.asarray(x2).dtype.kind in "iu"
    return np.power(np.asarray(x1, np.float64) if whole and np.any(np.asarray(x2) < 0) else x1, x2)


def _isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    return np.isclose(x1, x2, rtol, atol, equal_nan)


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    return np.select([np.asarray(each, bool) for each in condlist], choicelist, default)


_OTHERS: dict[str, Row] = {
    "Power": Row(broadcast, _power),
    "ZerosLike": Row(same, _like(0), ("dtype",)),
    "OnesLike": Row(same, _like(1), ("dtype",)),
    "EmptyLike": Row(same, _like(0), ("dtype",)),
    "FullLike": Row(same, _like(None), ("dtype",)),
    "Cast": Row(same, _cast, ("dtype",)),
    "SaturateCast": Row(same, _saturate_cast, ("dtype",)),
    "ConvertToTensor": Row(same, _cast, ("dtype",)),
    "Array": Row(same, _cast, ("dtype",)),
    "StopGradient": Row(same, lambda variable: variable),
    "Copy": Row(same, lambda x: x),
    "Clip": Row(same, lambda x, x_min, x_max: np.clip(x, x_min, x_max), ("x_min", "x_max")),
    "Round": Row(same, lambda x, decimals=0: np.round(x, decimals), ("decimals",)),
    "NanToNum": Row(same, "nan_to_num", ("nan", "posinf", "neginf")),
    "DivideNoNan": Row(broadcast, lambda x1, x2: tensors.divide_no_nan(x1, x2)),
    "Isclose": Row(broadcast, _isclose, ("equal_nan",)),
    "Rsqrt": Row(same, lambda x: 1 / np.sqrt(x)),
    "Erf": Row(same, lambda x: erf.erf(x)),
    "Erfc": Row(same, lambda x: 1 - erf.erf(np.asarray(x, np.float64))),
    "Erfinv": Row(same, lambda x: tensors.erfinv(x)),
    "Gelu": Row(same, lambda x, approximate=True: tensors.gelu(x, approximate), ("approximate",)),
    "LeakyRelu": Row(same, lambda x, negative_slope=0.2:
                     activation_layers.leaky_relu(negative_slope).function(x),
                     ("negative_slope",)),
    "Elu": Row(same, lambda x, alpha=1.0: activation_layers.elu(alpha).function(x), ("alpha",)),
    "Celu": Row(same, lambda x, alpha=1.0: tensors.celu(x, alpha), ("alpha",)),
    "HardShrink": Row(same, lambda x, threshold=0.5: np.where(np.abs(x) > threshold, x, 0 * x),
                      ("threshold",)),
    "SoftShrink": Row(same, lambda x, threshold=0.5:
                      np.sign(x) * np.maximum(np.abs(x) - threshold, 0), ("threshold",)),
    "Squareplus": Row(same, lambda x, b=4: (x + np.sqrt(x * x + b)) / 2, ("b",)),
    "Threshold": Row(same, lambda x, threshold, default_value:
                     np.where(x > threshold, x, default_value), ("threshold", "default_value")),
    "Polar": Row(broadcast, lambda abs_, angle: abs_ * np.exp(1j * np.asarray(angle))),
    "AddN": Row(broadcast, lambda inputs: sum(inputs[1:], inputs[0])),
    "SquaredDifference": Row(broadcast, lambda x, y: np.square(x - y)),
    "Select": Row(broadcast, _select),
    "Where": Row(broadcast, lambda condition, x1, x2: np.where(condition, x1, x2)),
}  # fmt: skip

TYPES = types(
    {
        **{keras: Row(same, name) for keras, name in _pairs(_UNARY)},
        **{keras: Row(broadcast, name) for keras, name in _pairs(_BINARY)},
        **{keras: Row(same, _activation(name)) for keras, name in _pairs(_ACTIVATIONS)},
        **_OTHERS,
    }
)
