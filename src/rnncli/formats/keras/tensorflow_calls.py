"""Calls of TensorFlow's functions in tf.keras's graphs (`TFOpLambda`, `SlicingOpLambda`), as the
operations of `keras.ops` that do the same.

Source: `keras/layers/core/tf_op_layer.py` of Keras 2.4 to 2.15, and TensorFlow's signatures.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rnncli.formats.keras.connections import is_record
from rnncli.layers.ops.row import Slot, Written
from rnncli.model import Call, Ref

LAYERS = ("TFOpLambda", "SlicingOpLambda")
_UNARY = (
    "math.abs=Absolute math.exp=Exp math.log=Log math.log1p=Log1p math.negative=Negative "
    "math.round=Round math.rsqrt=Rsqrt math.sigmoid=Sigmoid nn.sigmoid=Sigmoid math.sign=Sign "
    "math.softplus=Softplus math.sqrt=Sqrt math.square=Square math.tanh=Tanh nn.tanh=Tanh "
    "math.sin=Sin math.cos=Cos math.floor=Floor math.ceil=Ceil math.reciprocal=Reciprocal "
    "math.erf=Erf math.is_nan=Isnan math.logical_not=LogicalNot nn.relu=Relu nn.relu6=Relu6 "
    "nn.elu=Elu nn.selu=Selu nn.silu=Silu nn.swish=Silu nn.softsign=Softsign "
    "zeros_like=ZerosLike ones_like=OnesLike identity=Copy stop_gradient=StopGradient "
    "compat.v1.shape=Shape shape=Shape math.add_n=AddN convert_to_tensor=ConvertToTensor"
)
_BINARY = (
    "math.add=Add __operators__.add=Add math.subtract=Subtract math.multiply=Multiply "
    "math.divide=Divide math.truediv=TrueDivide math.floordiv=FloorDivide math.pow=Power "
    "compat.v1.floor_div=FloorDivide math.floormod=Mod math.mod=Mod math.maximum=Maximum "
    "math.minimum=Minimum math.greater=Greater math.greater_equal=GreaterEqual math.less=Less "
    "math.less_equal=LessEqual math.equal=Equal __operators__.eq=Equal math.not_equal=NotEqual "
    "__operators__.ne=NotEqual math.divide_no_nan=DivideNoNan math.logical_and=LogicalAnd "
    "math.logical_or=LogicalOr math.atan2=Arctan2 math.squared_difference=SquaredDifference"
)
_REDUCTIONS = (
    "math.reduce_mean=Mean math.reduce_sum=Sum math.reduce_max=Max math.reduce_min=Min "
    "math.reduce_prod=Prod math.reduce_std=Std math.reduce_variance=Var math.reduce_any=Any "
    "math.reduce_all=All math.reduce_logsumexp=Logsumexp math.argmax=Argmax math.argmin=Argmin"
)


class _Meaning(NamedTuple):
    """An operation of Keras: which arguments stand behind the first, and what the others are."""

    operation: str
    behind: tuple[str, ...] = ()
    named: Mapping[str, str] = {}
    fixed: Mapping[str, Any] = {}


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


_AXIS = {"axis": "axis"}
_MEANINGS = {
    **{name: _Meaning(keras) for name, keras in _pairs(_UNARY).items()},
    **{name: _Meaning(keras, ("y",)) for name, keras in _pairs(_BINARY).items()},
    **{
        name: _Meaning(keras, (), {"axis": "axis", "keepdims": "keepdims"})
        for name, keras in _pairs(_REDUCTIONS).items()
    },
    "__operators__.getitem": _Meaning("GetItem", ("slice_spec",)),
    "cast": _Meaning("Cast", (), {"dtype": "dtype"}),
    "clip_by_value": _Meaning("Clip", (), {"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "compat.v1.gather": _Meaning("Take", ("indices",), _AXIS, {"axis": 0}),
    "gather": _Meaning("Take", ("indices",), _AXIS, {"axis": 0}),
    "compat.v1.pad": _Meaning(
        "Pad", (), {"paddings": "pad_width", "mode": "mode", "constant_values": "constant_values"}
    ),
    "compat.v1.norm": _Meaning("Norm", (), {"ord": "ord", "axis": "axis", "keepdims": "keepdims"}),
    "compat.v1.squeeze": _Meaning("Squeeze", (), _AXIS),
    "squeeze": _Meaning("Squeeze", (), _AXIS),
    "compat.v1.transpose": _Meaning("Transpose", (), {"perm": "axes"}),
    "transpose": _Meaning("Transpose", (), {"perm": "axes"}),
    "concat": _Meaning("Concatenate", (), _AXIS),
    "stack": _Meaning("Stack", (), _AXIS),
    "unstack": _Meaning("Unstack", (), {"axis": "axis", "num": "num"}),
    "expand_dims": _Meaning("ExpandDims", (), _AXIS),
    "linalg.matmul": _Meaning(
        "Matmul", ("b",), {"transpose_a": "transpose_a", "transpose_b": "transpose_b"}
    ),
    "math.cumsum": _Meaning("Cumsum", (), _AXIS, {"axis": 0}),
    "math.l2_normalize": _Meaning("Normalize", (), _AXIS, {"axis": None, "epsilon": 1e-6}),
    "math.top_k": _Meaning("TopK", (), {"k": "k"}),
    "nn.softmax": _Meaning("Softmax", (), _AXIS),
    "nn.log_softmax": _Meaning("LogSoftmax", (), _AXIS),
    "nn.leaky_relu": _Meaning("LeakyRelu", (), {"alpha": "negative_slope"}),
    "nn.gelu": _Meaning("Gelu", (), {"approximate": "approximate"}, {"approximate": False}),
    "one_hot": _Meaning("OneHot", (), {"depth": "num_classes", "axis": "axis"}),
    "repeat": _Meaning("Repeat", (), {"repeats": "repeats", "axis": "axis"}),
    "reshape": _Meaning("Reshape", ("shape",)),
    "reverse": _Meaning("Flip", (), _AXIS),
    "roll": _Meaning("Roll", (), {"shift": "shift", "axis": "axis"}),
    "split": _Meaning("Split", (), {"num_or_size_splits": "indices_or_sections", "axis": "axis"}),
    "tile": _Meaning("Tile", (), {"multiples": "repeats"}),
    "where": _Meaning("Where", ("x", "y")),
    "broadcast_to": _Meaning("BroadcastTo", (), {"shape": "shape"}),
}


def operation_of(config: Mapping[str, Any]) -> str | None:
    """Return the operation that a layer's function is, None if there is none."""
    found = _MEANINGS.get(str(config.get("function")))
    return found.operation if found is not None else None


def call_of(config: Mapping[str, Any], node: Any) -> tuple[Call, dict[str, Any]]:
    """Return a call, and what the config of Keras's operation says of it."""
    meaning = _MEANINGS[str(config.get("function"))]
    refs: list[Ref] = []
    kwargs: dict[str, Any] = {}

    def placed(value: Any) -> Any:
        if is_record(value):
            if len(value) > 3 and isinstance(value[3], dict):
                kwargs.update(value[3])
            if value[0] == "_CONSTANT_VALUE":
                return value[2]
            refs.append(Ref(value[0], value[1], value[2]))
            return Slot(len(refs) - 1)
        return [placed(each) for each in value] if isinstance(value, list) else _slice(value)

    several = isinstance(node, list) and node and isinstance(node[0], list)
    first = placed(node[0] if several and len(node) == 1 else node)
    behind = [placed(kwargs[name]) for name in meaning.behind if kwargs.get(name) is not None]
    said = {new: kwargs[old] for old, new in meaning.named.items() if kwargs.get(old) is not None}
    found = {**meaning.fixed, **said}
    if meaning.operation == "Split" and isinstance(found.get("indices_or_sections"), list):
        sizes = found["indices_or_sections"]
        found["indices_or_sections"] = [sum(sizes[: at + 1]) for at in range(len(sizes) - 1)]
    return Call(tuple(refs)), {**found, "call": Written((first, *behind))}


def _slice(value: Any) -> Any:
    """Return a part of a slice as Keras 3 writes it."""
    if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": value}
    return value
