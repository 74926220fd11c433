"""Operations on tensors (`keras.ops`) that Keras 3 writes into functional models.

One table: what computes an operation and which rule gives its shape. Constants stand in the call,
arguments in the config. Sources: `keras/src/ops/{core,numpy,nn,math,linalg}.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, Outputs, pair
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Op, OpContext, Value
from rnncli.model import Config
from rnncli.shapes import Dim, Shape, Shapes, product, show

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import tensors
else:
    np, tensors = lazy("numpy"), lazy("rnncli.kernels.tensors")


def _constant(value: Any) -> Any:
    """Return the numbers of a constant that a file holds as a list with its dtype."""
    if isinstance(value, Mapping):
        config = value.get("config")
        return config.get("value") if isinstance(config, Mapping) else None
    return value


def _shape_of(value: Any) -> Shape:
    if not isinstance(value, list | tuple):
        return ()
    return (len(value), *(_shape_of(value[0]) if value else ()))


def _operands(config: Config, inputs: Shapes) -> Shapes:
    """Return the shapes of the tensors and constants, in the order of the call."""
    tensors = iter(inputs)
    stated = config.get("operands") or [None] * len(inputs)
    return tuple(
        next(tensors, ()) if each is None else _shape_of(_constant(each)) for each in stated
    ) + tuple(tensors)


def _broadcast(config: Config, inputs: Shapes) -> Shapes:
    shapes = _operands(config, inputs)
    columns = zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1)
    return (tuple(_common(column) for column in columns)[::-1],)


def _common(dims: Sequence[Dim]) -> Dim:
    sizes = {dim for dim in dims if dim not in (None, 1)}
    if len(sizes) > 1:
        raise ShapeError(f"sizes {sorted(size for size in sizes if size)} do not fit together")
    return sizes.pop() if sizes else (None if None in dims else 1)


def _same(config: Config, inputs: Shapes) -> Shapes:
    return inputs[:1]


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    found = tuple(range(rank)) if axis is None else pair(axis)
    if not all(-rank <= each < rank for each in found):
        raise ShapeError(f"axis {axis} is not among {rank} axes")
    return tuple(each % rank for each in found)


def _reduced(config: Config, inputs: Shapes) -> Shapes:
    shape, gone = inputs[0], _axes(config.get("axis"), len(inputs[0]))
    if config.get("keepdims"):
        return (tuple(1 if at in gone else dim for at, dim in enumerate(shape)),)
    return (tuple(dim for at, dim in enumerate(shape) if at not in gone),)


def _expanded(config: Config, inputs: Shapes) -> Shapes:
    shape = list(inputs[0])
    for axis in sorted(each % (len(shape) + 1) for each in pair(config["axis"])):
        shape.insert(axis, 1)
    return (tuple(shape),)


def _squeezed(config: Config, inputs: Shapes) -> Shapes:
    shape, axis = inputs[0], config.get("axis")
    if axis is None:
        return (tuple(dim for dim in shape if dim != 1),)
    gone = _axes(axis, len(shape))
    return (tuple(dim for at, dim in enumerate(shape) if at not in gone),)


def _joined(config: Config, inputs: Shapes) -> Shapes:
    from rnncli.layers import layer_type

    return layer_type("Concatenate").outputs({"axis": config["axis"]}, inputs)


def _stacked(config: Config, inputs: Shapes) -> Shapes:
    shape = list(inputs[0])
    shape.insert(config["axis"] % (len(shape) + 1), len(inputs))
    return (tuple(shape),)


def _split(config: Config, inputs: Shapes) -> Shapes:
    shape, places = inputs[0], config["indices_or_sections"]
    (axis,) = _axes(config["axis"], len(shape))
    dim = shape[axis]
    if isinstance(places, int):
        sizes: list[Dim] = [None if dim is None else dim // places] * places
    else:
        ends = [0, *places, dim]
        sizes = [None if b is None else b - a for a, b in pairwise(ends)]
    return tuple((*shape[:axis], size, *shape[axis + 1 :]) for size in sizes)


def _transposed(config: Config, inputs: Shapes) -> Shapes:
    axes = config.get("axes")
    return (tuple(inputs[0][a] for a in (axes or range(len(inputs[0]) - 1, -1, -1))),)


def _moved(config: Config, inputs: Shapes) -> Shapes:
    shape, order = inputs[0], list(range(len(inputs[0])))
    source = _axes(config["source"], len(shape))
    order = [axis for axis in order if axis not in source]
    for to, axis in sorted(zip(_axes(config["destination"], len(shape)), source, strict=True)):
        order.insert(to, axis)
    return (tuple(shape[axis] for axis in order),)


def _swapped(config: Config, inputs: Shapes) -> Shapes:
    shape = list(inputs[0])
    one, other = _axes([config["axis1"], config["axis2"]], len(shape))
    shape[one], shape[other] = shape[other], shape[one]
    return (tuple(shape),)


def _reshaped(config: Config, inputs: Shapes) -> Shapes:
    target: list[Dim] = list(pair(config["newshape"]))
    whole = product(inputs[0])
    if -1 in target:
        rest = prod(dim for dim in target if dim not in (-1, None))
        target[target.index(-1)] = None if whole is None else whole // max(1, rest)
    elif whole is not None and product(target) not in (None, whole):
        raise ShapeError(f"{show(inputs[0])} cannot be given the shape {show(target)}")
    return (tuple(target),)


def _tiled(config: Config, inputs: Shapes) -> Shapes:
    times, shape = pair(config["repeats"]), inputs[0]
    rank = max(len(times), len(shape))
    longer, many = (1,) * (rank - len(shape)) + shape, (1,) * (rank - len(times)) + times
    return (tuple(None if d is None else d * m for d, m in zip(longer, many, strict=True)),)


def _repeated(config: Config, inputs: Shapes) -> Shapes:
    shape, axis, times = list(inputs[0]), config.get("axis"), config["repeats"]
    many = sum(times) if isinstance(times, list | tuple) and len(times) > 1 else None
    once = pair(times)[0]
    if axis is None:
        whole = product(shape)
        return ((many if many is not None else None if whole is None else whole * once,),)
    dim = shape[axis]
    shape[axis] = many if many is not None else None if dim is None else dim * once
    return (tuple(shape),)


def _padded(config: Config, inputs: Shapes) -> Shapes:
    width = [pair(each, 2) for each in config["pad_width"]]
    width = width if len(width) > 1 else width * len(inputs[0])
    sides = zip(inputs[0], width, strict=True)
    return (tuple(None if dim is None else dim + sum(ends) for dim, ends in sides),)


def _taken(config: Config, inputs: Shapes) -> Shapes:
    shape, picked = _operands(config, inputs)[:2]
    if config.get("axis") is None:
        return (picked,)
    (axis,) = _axes(config["axis"], len(shape))
    return ((*shape[:axis], *picked, *shape[axis + 1 :]),)


def _one_hot(config: Config, inputs: Shapes) -> Shapes:
    shape = list(inputs[0])
    axis = config["axis"]
    shape.insert(axis if axis >= 0 else axis + len(shape) + 1, config["num_classes"])
    return (tuple(shape),)


def _multiplied(config: Config, inputs: Shapes) -> Shapes:
    one, other = _operands(config, inputs)[:2]
    if len(one) < 2 or len(other) < 2:
        return ((*one[:-1], *other[:-2], *other[-1:][: len(other) - 1]),)
    (head,) = _broadcast({}, (one[:-2], other[:-2]))
    return ((*head, one[-2], other[-1]),)


def _dotted(config: Config, inputs: Shapes) -> Shapes:
    one, other = _operands(config, inputs)[:2]
    if not one or not other:
        return (one or other,)
    return ((*one[:-1], *other[:-2], *other[-1:][: len(other) - 1]),)


def _contracted(config: Config, inputs: Shapes) -> Shapes:
    one, other = _operands(config, inputs)[:2]
    axes = config["axes"]
    if isinstance(axes, int):
        return ((*one[: len(one) - axes], *other[axes:]),)
    first, second = _axes(axes[0], len(one)), _axes(axes[1], len(other))
    left = tuple(dim for at, dim in enumerate(one) if at not in first)
    return ((*left, *(dim for at, dim in enumerate(other) if at not in second)),)


def _summed(config: Config, inputs: Shapes) -> Shapes:
    left, _, right = str(config["subscripts"]).replace(" ", "").partition("->")
    if "." in left or not right:
        raise ShapeError(f"the shape of einsum {left[:40]!r} is not known")
    sizes = {
        letter: dim
        for letters, shape in zip(left.split(","), _operands(config, inputs), strict=True)
        for letter, dim in zip(letters, shape, strict=True)
    }
    return (tuple(sizes[letter] for letter in right),)


def _top(config: Config, inputs: Shapes) -> Shapes:
    shape = (*inputs[0][:-1], config["k"])
    return shape, shape


def _flat(config: Config, inputs: Shapes) -> Shapes:
    return ((product(inputs[0]),),)


def _broadcast_to(config: Config, inputs: Shapes) -> Shapes:
    return (tuple(config["shape"]),)


def _part(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape of `x[key]`; the reader puts the call's key into the config."""
    shape, keys = list(inputs[0]), key_of(config.get("key", ()))
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        named = sum(each is not None and each is not Ellipsis for each in keys)
        keys = (*keys[:at], *[slice(None)] * (len(shape) - named), *keys[at + 1 :])
    found: list[Dim] = []
    for each in keys:
        if each is None:
            found.append(1)
            continue
        if not shape:
            raise ShapeError(f"{show(inputs[0])} has not as many axes as its key")
        dim = shape.pop(0)
        if isinstance(each, slice):
            found.append(_length(dim, each))
    return ((*found, *shape),)


def _length(dim: Dim, part: slice) -> Dim:
    if dim is None:
        return None
    return len(range(dim)[part])


def key_of(stated: Any) -> tuple[Any, ...]:
    """Return the key of `x[key]`: numbers, None, … and slices. Raises: ShapeError for another."""
    items = stated if isinstance(stated, list | tuple) else [stated]
    found: list[Any] = []
    for each in items:
        name = each.get("class_name") if isinstance(each, Mapping) else None
        if name == "__slice__":
            ends = each.get("config")
            ends = ends if isinstance(ends, Mapping) else {}
            found.append(slice(*(_end(ends.get(end)) for end in ("start", "stop", "step"))))
        elif name == "__ellipsis__":
            found.append(Ellipsis)
        elif each is None or type(each) is int:
            found.append(each)
        else:
            raise ShapeError(f"a key of {str(each)[:40]} is not known")
    return tuple(found)


def _end(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise ShapeError(f"a slice to {str(value)[:40]} is not known")
    return value


class Row(NamedTuple):
    """An operation: its shape's rule, and what of the config its function takes by which name.

    `function` is one of NumPy's, or one of `kernels.tensors` where it begins with a dot.
    """

    shape: Outputs
    function: str
    arguments: tuple[str, ...] = ()
    joins: bool = False  # its tensors are one argument, a list


def _rows() -> Iterator[tuple[str, Row]]:
    """Yield the rows whose names follow from their functions', then the others."""
    for name in _UNARY.split():
        keras, _, function = name.partition("=")
        yield keras, Row(_same, function or keras.lower())
    for name in _BINARY.split():
        keras, _, function = name.partition("=")
        yield keras, Row(_broadcast, function)
    for name in _REDUCTIONS.split():
        keras, _, function = name.partition("=")
        yield keras, Row(_reduced, function or keras.lower(), ("axis", "keepdims"))
    yield from _OTHERS.items()


_UNARY = (
    "Absolute=abs Abs Arccos Arccosh Arcsin Arcsinh Arctan Arctanh Ceil Cos Cosh Exp Exp2 Expm1 "
    "Floor Isfinite Isinf Isnan Isneginf Isposinf Log Log10 Log1p Log2 LogicalNot=logical_not "
    "BitwiseNot=invert Invert=invert Negative Reciprocal Rint Sign Signbit Sin Sinh Sqrt Square "
    "Tan Tanh Trunc Deg2rad Rad2deg Sinc Cbrt Real Imag Conjugate=conj "
    "Rsqrt=.rsqrt Erf=.erf Sigmoid=.sigmoid Relu=.relu Relu6=.relu6 Softplus=.softplus "
    "Softsign=.softsign Silu=.silu LogSigmoid=.log_sigmoid HardSigmoid=.hard_sigmoid "
    "HardSilu=.hard_silu Selu=.selu Mish=.mish TanhShrink=.tanh_shrink HardTanh=.hard_tanh "
    "SparsePlus=.sparse_plus SparseSigmoid=.sparse_sigmoid Squareplus=.squareplus "
    "Sparsemax=.sparsemax StopGradient=.identity Copy=.identity Nonzero=.nonzero"
).replace(" Nonzero=.nonzero", "")
_BINARY = (
    "NotEqual=not_equal Equal=equal Greater=greater GreaterEqual=greater_equal Less=less "
    "LessEqual=less_equal LogicalOr=logical_or LogicalAnd=logical_and LogicalXor=logical_xor "
    "Add=add Subtract=subtract Multiply=multiply TrueDivide=divide Divide=divide "
    "DivideNoNan=.divide_no_nan FloorDivide=floor_divide Mod=mod Power=power Maximum=maximum "
    "Minimum=minimum Arctan2=arctan2 Hypot=hypot Logaddexp=logaddexp Logaddexp2=logaddexp2 "
    "Heaviside=heaviside Where=where BitwiseAnd=bitwise_and BitwiseOr=bitwise_or "
    "BitwiseXor=bitwise_xor LeftShift=left_shift RightShift=right_shift FullLike=.full_like "
    "Isclose=isclose"
)
_REDUCTIONS = (
    "Any All Sum Mean Max Min Amax Amin Prod Std Var Median Nansum Nanmean Nanmax Nanmin Nanstd "
    "Nanvar Nanprod Logsumexp=.logsumexp Argmax=argmax Argmin=argmin CountNonzero=count_nonzero"
)
_OTHERS: dict[str, Row] = {
    "ZerosLike": Row(_same, ".zeros_like", ("dtype",)),
    "OnesLike": Row(_same, ".ones_like", ("dtype",)),
    "Cast": Row(_same, ".cast", ("dtype",)),
    "Clip": Row(_same, "clip", ("x_min", "x_max")),
    "Round": Row(_same, "round", ("decimals",)),
    "Softmax": Row(_same, ".softmax", ("axis",)),
    "LogSoftmax": Row(_same, ".log_softmax", ("axis",)),
    "Gelu": Row(_same, ".gelu", ("approximate",)),
    "LeakyRelu": Row(_same, ".leaky_relu", ("negative_slope",)),
    "Elu": Row(_same, ".elu", ("alpha",)),
    "Celu": Row(_same, ".celu", ("alpha",)),
    "HardShrink": Row(_same, ".hard_shrink", ("threshold",)),
    "SoftShrink": Row(_same, ".soft_shrink", ("threshold",)),
    "Threshold": Row(_same, ".threshold", ("threshold", "default_value")),
    "Normalize": Row(_same, ".normalize", ("axis", "order", "epsilon")),
    "Cumsum": Row(_same, "cumsum", ("axis",)),
    "Cumprod": Row(_same, "cumprod", ("axis",)),
    "Flip": Row(_same, "flip", ("axis",)),
    "Roll": Row(_same, "roll", ("shift", "axis")),
    "Sort": Row(_same, "sort", ("axis",)),
    "Argsort": Row(_same, "argsort", ("axis",)),
    "Tril": Row(_same, "tril", ("k",)),
    "Triu": Row(_same, "triu", ("k",)),
    "NanToNum": Row(_same, "nan_to_num", ("nan",)),
    "Norm": Row(_reduced, ".norm", ("ord", "axis", "keepdims")),
    "Average": Row(_reduced, "average", ("axis",)),
    "ExpandDims": Row(_expanded, "expand_dims", ("axis",)),
    "Squeeze": Row(_squeezed, "squeeze", ("axis",)),
    "Concatenate": Row(_joined, "concatenate", ("axis",), joins=True),
    "Stack": Row(_stacked, "stack", ("axis",), joins=True),
    "Split": Row(_split, "split", ("indices_or_sections", "axis")),
    "Transpose": Row(_transposed, "transpose", ("axes",)),
    "Moveaxis": Row(_moved, "moveaxis", ("source", "destination")),
    "Swapaxes": Row(_swapped, "swapaxes", ("axis1", "axis2")),
    "Reshape": Row(_reshaped, ".reshape", ("newshape",)),
    "Ravel": Row(_flat, "ravel"),
    "Tile": Row(_tiled, "tile", ("repeats",)),
    "Repeat": Row(_repeated, "repeat", ("repeats", "axis")),
    "Pad": Row(_padded, ".pad", ("pad_width", "mode", "constant_values")),
    "BroadcastTo": Row(_broadcast_to, ".broadcast_to", ("shape",)),
    "Take": Row(_taken, ".take", ("axis",)),
    "TakeAlongAxis": Row(lambda config, inputs: inputs[1:2], ".take_along_axis", ("axis",)),
    "OneHot": Row(_one_hot, ".one_hot", ("num_classes", "axis")),
    "Matmul": Row(_multiplied, "matmul"),
    "Dot": Row(_dotted, "dot"),
    "Tensordot": Row(_contracted, ".tensordot", ("axes",)),
    "Einsum": Row(_summed, ".einsum", ("subscripts",)),
    "TopK": Row(_top, ".top_k", ("k",)),
    "GetItem": Row(_part, ".part"),
}
ROWS = dict(_rows())

# What is named otherwise by NumPy.
_RENAMED = {"x_min": "a_min", "x_max": "a_max"}


class Operation(Op):
    """An operation whose operands are the call's tensors and constants, in their order."""

    def __init__(self, setup: OpContext) -> None:
        self.setup, self.row = setup, ROWS[setup.kind.removeprefix("keras.")]

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the results, in the run's type where they are no truth values or integers."""
        arrays = iter([value.array for value in inputs])
        config = {**self.setup.config, **options}
        stated = config.get("operands") or [None] * len(inputs)
        operands = [next(arrays) if each is None else self._array(each) for each in stated]
        operands += arrays
        try:
            result = self._result(operands, config)
        except TypeError as error:  # an argument that is none
            raise ValueError(str(error)) from error
        parts = result if isinstance(result, list | tuple) else (result,)
        return tuple(self._value(part) for part in parts)

    def _array(self, constant: Any) -> Any:
        value = _constant(constant)
        return np.asarray(value) if isinstance(value, list | tuple) else value

    def _value(self, result: Any) -> Value:
        array = np.asarray(result)
        return Value(array.astype(self.setup.dtype) if array.dtype.kind == "f" else array)

    def _result(self, operands: list[Any], config: Mapping[str, Any]) -> Any:
        row = self.row
        if row.function == ".part":
            return operands[0][key_of(config.get("key", ()))]
        given = {_RENAMED.get(key, key): _tuple(config[key]) for key in row.arguments
                 if key in config}  # fmt: skip
        if row.function.startswith("."):
            function: Callable[..., Any] = tensors.function(row.function[1:])
        else:
            function = getattr(np, row.function)
        if row.joins:
            return function(operands, **given)
        if row.function in _BY_PLACE:
            return function(*operands, *given.values())
        return function(*operands, **given)


_BY_PLACE = frozenset(
    ("clip", "split", "transpose", "moveaxis", "swapaxes", "tile", "repeat", "roll")
)


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


TYPES = {
    f"keras.{name}": LayerType(
        {"axis": None} if "axis" in row.arguments and name not in ("ExpandDims",) else {},
        row.shape,
        run=Operation,
    )
    for name, row in ROWS.items()
}
