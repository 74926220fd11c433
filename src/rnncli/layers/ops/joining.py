"""Operations that put tensors together or take them apart, and that make new ones."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rnncli.layers.lazy import lazy
from rnncli.layers.ops.row import Row, argument, axes_of, plain, shapes_of, together, types
from rnncli.model import Config
from rnncli.shapes import Dim, Shape, Shapes, product

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


def _joined(axis: int | None, least: int = 1) -> Any:
    """Return the rule of a concatenation along `axis`, None: along the config's; what the first
    does not state of the other sizes stays open, as in Keras."""

    def shape_of(config: Config, inputs: Shapes) -> Shapes:
        shapes = [(1,) * (least - len(shape)) + shape for shape in shapes_of(config, inputs)]
        (at,) = axes_of(config.get("axis", 0) if axis is None else axis, len(shapes[0]))
        sizes = [shape[at] for shape in shapes]
        whole = None if None in sizes else sum(size or 0 for size in sizes)
        others = [tuple(1 if a == at else d for a, d in enumerate(shape)) for shape in shapes]
        together(others)  # which checks that they fit
        return ((*shapes[0][:at], whole, *shapes[0][at + 1 :]),)

    return shape_of


def _beside(config: Config, inputs: Shapes) -> Shapes:
    one = len(shapes_of(config, inputs)[0]) < 2
    return _joined(0 if one else 1)(config, inputs)  # type: ignore[no-any-return]


def _deep(config: Config, inputs: Shapes) -> Shapes:
    shapes = tuple(map(_three, shapes_of(config, inputs)))
    return _joined(2)({}, shapes)  # type: ignore[no-any-return]


def _three(shape: Shape) -> Shape:
    if len(shape) < 2:
        return (1, *(shape or (1,)), 1)
    return shape if len(shape) > 2 else (*shape, 1)


def _appended(config: Config, inputs: Shapes) -> Shapes:
    if config.get("axis") is None:
        sizes = [product(shape) for shape in shapes_of(config, inputs)]
        return ((None if None in sizes else sum(size or 0 for size in sizes),),)
    return _joined(None)(config, inputs)  # type: ignore[no-any-return]


def _stacked(config: Config, inputs: Shapes) -> Shapes:
    shapes = shapes_of(config, inputs)
    shape = list(together(shapes))
    shape.insert(config.get("axis", 0) % (len(shape) + 1), len(shapes))
    return (tuple(shape),)


def _split(axis: int | None, uneven: bool = False) -> Any:
    def shape_of(config: Config, inputs: Shapes) -> Shapes:
        shape, places = inputs[0], plain(config["indices_or_sections"])
        wanted = config.get("axis", 0) if axis is None else axis
        (at,) = axes_of(0 if len(shape) == 1 else wanted, len(shape))
        sizes = _parts(shape[at], places, uneven)
        return tuple((*shape[:at], size, *shape[at + 1 :]) for size in sizes)

    return shape_of


def _parts(dim: Dim, places: Any, uneven: bool) -> list[Dim]:
    if isinstance(places, int):
        if dim is None:
            return [None] * places
        more = dim % places if uneven else 0
        return [dim // places + (number < more) for number in range(places)]
    ends = [0, *places] if dim is None else [min(end, dim) for end in (0, *places)]
    return [*(max(0, b - a) for a, b in pairwise(ends)), None if dim is None else dim - ends[-1]]


def _unstacked(config: Config, inputs: Shapes) -> Shapes:
    shape = inputs[0]
    (axis,) = axes_of(config.get("axis", 0), len(shape))
    many = config.get("num") or shape[axis] or 0
    return ((*shape[:axis], *shape[axis + 1 :]),) * many


def _unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    return list(np.moveaxis(x, axis, 0))


def _mesh(config: Config, inputs: Shapes) -> Shapes:
    sizes = [product(shape) for shape in shapes_of(config, inputs)]
    if config.get("indexing", "xy") == "xy" and len(sizes) > 1:
        sizes[0], sizes[1] = sizes[1], sizes[0]
    return (tuple(sizes),) * len(sizes)


def _full(config: Config, inputs: Shapes) -> Shapes:
    return (tuple(config["shape"]) if isinstance(config["shape"], list) else (config["shape"],),)


def _fill(fill_value: Any, shape: Any, dtype: str | None = None) -> Any:
    return np.broadcast_to(np.asarray(fill_value, dtype), shape)


def _spaced(config: Config, inputs: Shapes) -> Shapes:
    shape = list(together(shapes_of(config, inputs)))
    axis = config.get("axis", 0)
    shape.insert(axis % (len(shape) + 1), config.get("num", 50))
    return (tuple(shape),) * (2 if config.get("retstep") else 1)


def _geometric(start: Any, stop: Any, **rest: Any) -> Any:
    """Return a geometric row with the sign of its start, whatever that of its end."""
    return np.geomspace(np.abs(start), np.abs(stop), **rest) * np.sign(start)


def _counted(config: Config, inputs: Shapes) -> Shapes:
    ends = [argument(config, index, name) for index, name in
            enumerate(("start", "stop", "step"))]  # fmt: skip
    if not all(each is None or isinstance(each, int) for each in ends):
        return ((None,),)
    start, stop, step = ends
    first, last = (0, start) if stop is None else (start, stop)
    return ((len(range(first, last, step or 1)),),)


_SPACE = ("num", "endpoint", "dtype", "axis")
_SECTIONS = ("indices_or_sections",)
TYPES = types(
    {
        "Concatenate": Row(_joined(None), lambda xs, axis=0: np.concatenate(xs, axis), ("axis",)),
        "Append": Row(_appended, lambda x1, x2, axis=None: np.append(x1, x2, axis), ("axis",)),
        "Stack": Row(_stacked, lambda x, axis=0: np.stack(x, axis), ("axis",)),
        "Hstack": Row(_beside, lambda xs: np.hstack(xs)),
        "Vstack": Row(_joined(0, least=2), lambda xs: np.vstack(xs)),
        "Dstack": Row(_deep, lambda xs: np.dstack(xs)),
        "Split": Row(_split(None), "split", ("indices_or_sections", "axis")),
        "ArraySplit": Row(_split(None, uneven=True), "array_split",
                          ("indices_or_sections", "axis")),
        "Hsplit": Row(_split(1), "hsplit", _SECTIONS),
        "Vsplit": Row(_split(0), "vsplit", _SECTIONS),
        "Dsplit": Row(_split(2), "dsplit", _SECTIONS),
        "Unstack": Row(_unstacked, _unstack, ("num", "axis")),
        "Meshgrid": Row(_mesh, "meshgrid", ("indexing",)),
        "Full": Row(_full, _fill, ("shape", "dtype")),
        "Arange": Row(_counted, "arange", ("dtype",)),
        "Linspace": Row(_spaced, "linspace", (*_SPACE, "retstep")),
        "Logspace": Row(_spaced, "logspace", (*_SPACE, "base")),
        "Geomspace": Row(_spaced, _geometric, _SPACE),
    }
)  # fmt: skip
