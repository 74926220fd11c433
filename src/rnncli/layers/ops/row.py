"""What an operation is: the rule of its shape, and the function that computes it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, Outputs, pair
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Op, OpContext, Value, array_of, unsupported
from rnncli.model import Config, Constant
from rnncli.shapes import Dim, Shape, Shapes

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


class Slot(NamedTuple):
    """The place of one of a call's tensors among its arguments."""

    number: int


class Written(NamedTuple):
    """The arguments of a call as a file has them, with a `Slot` for each tensor."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}


class Row(NamedTuple):
    """An operation: its shape's rule, and its function, one of NumPy's where it is a name.

    The function is given what the call is given, then `arguments` of the config by their names.
    """

    shape: Outputs
    function: str | Callable[..., Any]
    arguments: tuple[str, ...] = ()


def written(config: Config, inputs: Sequence[Any]) -> Written:
    """Return the arguments of the call: those that a file states, else its tensors alone."""
    found = config.get("call")
    if isinstance(found, Written):
        return found
    return Written(tuple(Slot(index) for index in range(len(inputs))))


def shapes_of(config: Config, inputs: Shapes) -> list[Shape]:
    """Return the shapes of the call's tensors and constants, in the order of the call."""
    call = written(config, inputs)
    return list(_shapes([*call.args, *call.kwargs.values()], inputs))


def _shapes(value: Any, inputs: Shapes) -> Iterator[Shape]:
    if isinstance(value, Slot):
        yield inputs[value.number]
    elif isinstance(value, Constant):
        yield value.shape
    elif isinstance(value, list | tuple) and any(map(_holds_tensor, value)):
        for each in value:
            yield from _shapes(each, inputs)
    elif isinstance(value, list) and value and is_numeric(value):
        yield shape_of(value)
    elif isinstance(value, int | float):
        yield ()


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, Slot | Constant):
        return True
    return isinstance(value, list | tuple) and any(map(_holds_tensor, value))


def is_numeric(value: Any) -> bool:
    """Whether a value is a number, or a nest of lists of numbers."""
    if isinstance(value, list):
        return all(map(is_numeric, value))
    return isinstance(value, int | float)


def shape_of(value: Any) -> Shape:
    """Return the shape of a constant, or of a list that a file has in its place."""
    return (value if isinstance(value, Constant) else Constant(value)).shape


def argument(config: Config, index: int, name: str, default: Any = None) -> Any:
    """Return what a call is given at a place or by a name."""
    call = written(config, ())
    value = call.args[index] if len(call.args) > index else call.kwargs.get(name, default)
    return plain(value)


def plain(value: Any) -> Any:
    """Return a value of a file as Python has it: slices, …, tuples."""
    if isinstance(value, Mapping):
        inner = value.get("config")
        inner = inner if isinstance(inner, Mapping) else {}
        name = value.get("class_name")
        if name == "__slice__":
            return slice(*(inner.get(end) for end in ("start", "stop", "step")))
        if name == "__ellipsis__":
            return Ellipsis
        if name == "__tuple__":
            return tuple(map(plain, value.get("items") or inner.get("value") or ()))
        return value
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def same(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape of the first tensor."""
    return inputs[:1]


def scalar(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape of a single number."""
    return ((),)


def broadcast(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape that all tensors and constants take together."""
    return (together(shapes_of(config, inputs)),)


def together(shapes: Sequence[Shape]) -> Shape:
    """Return the shape that shapes take together. Raises: ShapeError."""
    rank = max(map(len, shapes), default=0)
    longer = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(_common(column) for column in zip(*longer, strict=True))


def _common(dims: Sequence[Dim]) -> Dim:
    sizes = {dim for dim in dims if dim not in (None, 1)}
    if len(sizes) > 1:
        raise ShapeError(f"sizes {sorted(size for size in sizes if size)} do not fit together")
    return sizes.pop() if sizes else (None if None in dims else 1)


def axes_of(axis: Any, rank: int) -> tuple[int, ...]:
    """Return axes counted from the front; None: all. Raises: ShapeError."""
    found = tuple(range(rank)) if axis is None else pair(axis)
    if not all(isinstance(each, int) and -rank <= each < rank for each in found):
        raise ShapeError(f"axis {axis} is not among {rank} axes")
    return tuple(each % rank for each in found)


def without(shape: Shape, axis: Any, keep: bool = False) -> Shape:
    """Return a shape without some axes, or with 1 in their place."""
    gone = axes_of(axis, len(shape))
    if keep:
        return tuple(1 if at in gone else dim for at, dim in enumerate(shape))
    return tuple(dim for at, dim in enumerate(shape) if at not in gone)


class Operation(Op):
    """An operation on the call's tensors and constants."""

    def __init__(self, setup: OpContext, row: Row) -> None:
        self.setup, self.row = setup, row

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the results, in the run's type where they are no truth values or integers."""
        config = {**self.setup.config, **options}
        arrays = [value.array for value in inputs]
        call = written(config, arrays)
        args = [_filled(each, arrays) for each in call.args]
        kwargs = {key: _filled(each, arrays) for key, each in call.kwargs.items()}
        named = {key: _tuple(config[key]) for key in self.row.arguments if key in config}
        function = self.row.function
        if isinstance(function, str):
            function = getattr(np, function)
        try:
            result = function(*args, **kwargs, **named)
        except (TypeError, KeyError, np.linalg.LinAlgError) as error:  # an argument that is none
            raise ValueError(str(error)) from error
        except NotImplementedError as error:
            raise unsupported(self.setup.name, self.setup.kind, str(error)) from error
        parts = result if isinstance(result, list | tuple) else (result,)
        return tuple(self._value(part) for part in parts)

    def _value(self, result: Any) -> Value:
        array, dtype = np.asarray(result), self.setup.dtype
        if array.dtype.kind == "c" and dtype.itemsize < 8:
            return Value(array.astype(np.complex64))
        return Value(array.astype(dtype) if array.dtype.kind == "f" else array)


def _filled(value: Any, arrays: Sequence[Any]) -> Any:
    if isinstance(value, Slot):
        return arrays[value.number]
    if isinstance(value, Constant):
        return array_of(value)
    if isinstance(value, list | tuple):
        return [_filled(each, arrays) for each in value]
    if isinstance(value, Mapping) and value.get("class_name") == "__slice__":
        ends = value["config"]
        return slice(*(_filled(ends.get(end), arrays) for end in ("start", "stop", "step")))
    return plain(value)


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else plain(value)


def types(rows: Mapping[str, Row]) -> dict[str, LayerType]:
    """Return the layer types of operations, by their names in the table."""
    return {f"keras.{name}": _type(row) for name, row in rows.items()}


def _type(row: Row) -> LayerType:
    return LayerType({}, row.shape, run=lambda setup: Operation(setup, row))
