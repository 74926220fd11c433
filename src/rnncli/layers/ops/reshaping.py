"""Operations that arrange the numbers of a tensor otherwise, or repeat them."""

from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import pair
from rnncli.layers.lazy import lazy
from rnncli.layers.ops.row import Row, Slot, argument, axes_of, same, scalar, types, without
from rnncli.model import Config
from rnncli.shapes import Dim, Shape, Shapes, product, show

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import rearranging
else:
    np, rearranging = lazy("numpy"), lazy("rnncli.kernels.rearranging")


def _expanded(config: Config, inputs: Shapes) -> Shapes:
    shape = list(inputs[0])
    rank = len(shape) + len(pair(config["axis"]))
    for axis in sorted(each % rank for each in pair(config["axis"])):
        shape.insert(axis, 1)
    return (tuple(shape),)


def _squeezed(config: Config, inputs: Shapes) -> Shapes:
    if config.get("axis") is None:
        return (tuple(dim for dim in inputs[0] if dim != 1),)
    return (without(inputs[0], config["axis"]),)


def _transposed(config: Config, inputs: Shapes) -> Shapes:
    axes = config.get("axes") or range(len(inputs[0]) - 1, -1, -1)
    return (tuple(inputs[0][axis] for axis in axes),)


def _moved(config: Config, inputs: Shapes) -> Shapes:
    shape, order = inputs[0], list(range(len(inputs[0])))
    source = axes_of(config["source"], len(shape))
    order = [axis for axis in order if axis not in source]
    for to, axis in sorted(zip(axes_of(config["destination"], len(shape)), source, strict=True)):
        order.insert(to, axis)
    return (tuple(shape[axis] for axis in order),)


def _swapped(one: str, other: str) -> Any:
    def shape_of(config: Config, inputs: Shapes) -> Shapes:
        shape = list(inputs[0])
        a, b = axes_of([config[one], config[other]], len(shape))
        shape[a], shape[b] = shape[b], shape[a]
        return (tuple(shape),)

    return shape_of


def _turned(config: Config, inputs: Shapes) -> Shapes:
    shape = list(inputs[0])
    a, b = axes_of(config.get("axes") or (0, 1), len(shape))
    if config.get("k", 1) % 2:
        shape[a], shape[b] = shape[b], shape[a]
    return (tuple(shape),)


def _reshaped(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape asked for, in the config or, in TensorFlow's calls, beside the tensor."""
    given = config.get("newshape")
    given = argument(config, 1, "newshape") if given is None else given
    target: list[Dim] = [None if isinstance(dim, Slot) else dim for dim in pair(given)]
    whole = product(inputs[0])
    if -1 in target:
        at = target.index(-1)
        rest = prod(dim for dim in target if dim not in (-1, None))
        target[at] = None if whole is None or None in target else whole // max(1, rest)
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


def _widths(given: Any, rank: int) -> list[tuple[int, ...]]:
    if isinstance(given, int):
        return [(given, given)] * rank
    found = [pair(each, 2) for each in given] if any(
        isinstance(each, list | tuple) for each in given) else [tuple(given)]  # fmt: skip
    found = [each * 2 if len(each) == 1 else each for each in found]
    return found if len(found) > 1 else found * rank


def _padded(config: Config, inputs: Shapes) -> Shapes:
    sides = zip(inputs[0], _widths(config["pad_width"], len(inputs[0])), strict=True)
    return (tuple(None if dim is None else dim + sum(ends) for dim, ends in sides),)


def _pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    widths = _widths(pad_width, x.ndim)
    if mode.lower() != "constant":
        return np.pad(x, widths, mode.lower())  # type: ignore[call-overload]
    return np.pad(x, widths, constant_values=constant_values or 0)


def _flat(config: Config, inputs: Shapes) -> Shapes:
    return ((product(inputs[0]),),)


def _broadcast_to(config: Config, inputs: Shapes) -> Shapes:
    return (tuple(config["shape"]),)


def _stretch(x: Any, shape: Any) -> Any:
    return np.broadcast_to(x, [len(x) if dim is None else dim for dim in shape])


def _diag(config: Config, inputs: Shapes) -> Shapes:
    shape, k = inputs[0], config.get("k", 0)
    if len(shape) == 1:
        return ((None, None) if shape[0] is None else (shape[0] + abs(k),) * 2,)
    return (_diagonal_of(shape[0], shape[1], k),)


def _diagonal_of(rows: Dim, columns: Dim, offset: int) -> Shape:
    if rows is None or columns is None:
        return (None,)
    return (max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns)),)


def _diagflat(config: Config, inputs: Shapes) -> Shapes:
    whole = product(inputs[0])
    return ((None, None) if whole is None else (whole + abs(config.get("k", 0)),) * 2,)


def _diagonal(config: Config, inputs: Shapes) -> Shapes:
    shape = inputs[0]
    a, b = axes_of([config.get("axis1", 0), config.get("axis2", 1)], len(shape))
    rest = tuple(dim for at, dim in enumerate(shape) if at not in (a, b))
    return ((*rest, *_diagonal_of(shape[a], shape[b], config.get("offset", 0))),)


def _traced(config: Config, inputs: Shapes) -> Shapes:
    return (_diagonal(config, inputs)[0][:-1],)


def _vander(config: Config, inputs: Shapes) -> Shapes:
    columns = config.get("N")
    return ((inputs[0][0], inputs[0][0] if columns is None else columns),)


def _rearranged(config: Config, inputs: Shapes) -> Shapes:
    from rnncli.layers.ops.patterns import rearranged

    sizes = {key: value for key, value in config["call"].kwargs.items() if isinstance(value, int)}
    return (rearranged(inputs[0], argument(config, 1, "pattern"), sizes),)


def _rearrange(tensor: Any, pattern: str, **sizes: int) -> Any:
    from rnncli.layers.ops.patterns import rearrange

    return rearrange(tensor, pattern, sizes)


def _blocks(grow: bool) -> Any:
    def shape_of(config: Config, inputs: Shapes) -> Shapes:
        size, first = config["block_size"], config.get("data_format") == "channels_first"
        batch, *rest = inputs[0]
        channels, plane = (rest[0], rest[1:]) if first else (rest[-1], rest[:-1])
        by = [None if d is None else d * size if grow else d // size for d in plane]
        each = size * size
        deep = None if channels is None else channels // each if grow else channels * each
        return ((batch, deep, *by) if first else (batch, *by, deep),)

    return shape_of


def _complex_parts(config: Config, inputs: Shapes) -> Shapes:
    return ((*inputs[0], 2),)


def _as_many_as_axes(config: Config, inputs: Shapes) -> Shapes:
    """Return what Keras says, though the result is one number."""
    return ((len(inputs[0]),),)


def _without_last(config: Config, inputs: Shapes) -> Shapes:
    return (inputs[0][:-1],)


TYPES = types(
    {
        "ExpandDims": Row(_expanded, "expand_dims", ("axis",)),
        "Squeeze": Row(_squeezed, "squeeze", ("axis",)),
        "Transpose": Row(_transposed, "transpose", ("axes",)),
        "Moveaxis": Row(_moved, "moveaxis", ("source", "destination")),
        "Swapaxes": Row(_swapped("axis1", "axis2"), "swapaxes", ("axis1", "axis2")),
        "Reshape": Row(
            _reshaped,
            lambda x, newshape: x.reshape([-1 if dim is None else dim for dim in pair(newshape)]),
            ("newshape",),
        ),
        "Ravel": Row(_flat, "ravel"),
        "Tile": Row(_tiled, lambda x, repeats: np.tile(x, repeats), ("repeats",)),
        "Repeat": Row(_repeated, "repeat", ("repeats", "axis")),
        "Pad": Row(_padded, _pad, ("pad_width", "mode", "constant_values")),
        "BroadcastTo": Row(_broadcast_to, _stretch, ("shape",)),
        "Flip": Row(same, "flip", ("axis",)),
        "Fliplr": Row(same, "fliplr"),
        "Flipud": Row(same, "flipud"),
        "Roll": Row(same, "roll", ("shift", "axis")),
        "Rot90": Row(_turned, lambda array, k=1, axes=(0, 1): np.rot90(array, k, axes),
                     ("k", "axes")),
        "Tril": Row(same, "tril", ("k",)),
        "Triu": Row(same, "triu", ("k",)),
        "Diag": Row(_diag, "diag", ("k",)),
        "Diagflat": Row(_diagflat, "diagflat", ("k",)),
        "Diagonal": Row(_diagonal, "diagonal", ("offset", "axis1", "axis2")),
        "Trace": Row(_traced, "trace", ("offset", "axis1", "axis2")),
        "Vander": Row(_vander, "vander", ("N", "increasing")),
        "Ndim": Row(_as_many_as_axes, "ndim"),
        "Shape": Row(_as_many_as_axes, lambda x: np.array(np.shape(x))),
        "Size": Row(scalar, "size"),
        "Rearrange": Row(_rearranged, _rearrange),
        "DepthToSpace": Row(_blocks(grow=True), lambda x, **rest:
                            rearranging.depth_to_space(x, **rest), ("block_size", "data_format")),
        "SpaceToDepth": Row(_blocks(grow=False), lambda x, **rest:
                            rearranging.space_to_depth(x, **rest), ("block_size", "data_format")),
        "ViewAsComplex": Row(_without_last, lambda x: x[..., 0] + 1j * x[..., 1]),
        "ViewAsReal": Row(_complex_parts, lambda x: np.stack([x.real, x.imag], -1)),
    }
)  # fmt: skip
