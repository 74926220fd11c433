"""What an operation is: one layer with its weights prepared, ready to run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import ShapeError, UnsupportedError
from rnncli.layers.lazy import lazy
from rnncli.model import Config, Constant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
else:
    np = lazy("numpy")
    Array = Any  # describing layers loads no numpy
Carry = Any  # what an operation keeps from one block of steps to the next
Sizes = tuple[int, ...]


def array_of(constant: Constant) -> Array:
    """Return a constant as an array, bfloat16 in float32. Raises: ShapeError if it is none."""
    dtype = "float32" if constant.dtype == "bfloat16" else constant.dtype
    try:
        array = np.asarray(constant.value)
        return array.astype(dtype) if dtype else array
    except (TypeError, ValueError, OverflowError) as error:
        raise ShapeError(f"a constant of dtype {constant.dtype!r} cannot be read") from error


class Value(NamedTuple):
    """A tensor of the graph, and its mask: True where a step counts."""

    array: Array
    mask: Array | None = None


def flat(value: Any) -> Iterator[Value]:
    """Yield the tensors in a nest of lists."""
    if isinstance(value, Value):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from flat(item)


class Notes:
    """What recurrent layers leave behind: final states, and how many outputs are near a bound."""

    def __init__(self) -> None:
        self.states: dict[str, list[tuple[str, Sizes]]] = {}
        self.bounded = self.saturated = 0


class OpContext(NamedTuple):
    """What an operation is made of. `weights` are in Keras's layout, by path within the layer;
    `keras` is the major version whose rules hold."""

    name: str
    kind: str
    config: Config
    weights: Mapping[str, Array]
    dtype: "np.dtype[Any]"
    keras: int
    notes: Notes

    def inside(self, prefix: str, kind: str, config: Config) -> "OpContext":
        """Return the setup of a layer within this one, whose weights begin with `prefix`."""
        start = f"{prefix}/"
        weights = {
            path.removeprefix(start): array
            for path, array in self.weights.items()
            if path.startswith(start)
        }
        return self._replace(kind=kind, config=config, weights=weights)


class Op:
    """One layer. Called on whole tensors, or, where its type `streams`, on blocks of steps."""

    remembers = False  # whether a block depends on the blocks before it

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the outputs; `options` are the other arguments of the call."""
        raise NotImplementedError

    def reads(self) -> tuple[bool, ...] | None:
        """Return the passes over the steps that give the last output (True: from the end).

        None: the layer gives every step, in one pass from the start.
        """
        return None

    def block(self, value: Value, carry: Carry, reading: int = 0) -> tuple[Value, Carry]:
        """Return the output of a block of steps, and what to carry to the next block."""
        return self((value,), {})[0], None

    def finish(self, value: Value, carries: Sequence[Carry]) -> tuple[Value, ...]:
        """Return all outputs, `value` being what the blocks gave and `carries` one per pass."""
        return (value,)


def alone(inputs: Sequence[Value]) -> Value:
    """Return the only input. Raises: ValueError where there are others."""
    if len(inputs) != 1:  # Keras builds such a model, which fails as it runs
        raise ValueError(f"it computes one tensor, and gets {len(inputs)}")
    return inputs[0]


class Through(Op):
    """A layer that hands its inputs on, with their masks."""

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the inputs."""
        return tuple(inputs)


class Plain(Op):
    """A layer of one input and no memory; `keeps_mask` says whether Keras hands the mask on."""

    def __init__(self, function: Callable[[Array], Array], keeps_mask: bool = False) -> None:
        self.function, self.keeps_mask = function, keeps_mask

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the function of the only input."""
        value = alone(inputs)
        return (Value(self.function(value.array), value.mask if self.keeps_mask else None),)


def masked(function: Callable[[Array], Array]) -> Plain:
    """Return the operation of a layer of one input that hands the mask on."""
    return Plain(function, keeps_mask=True)


def unsupported(name: str, kind: str, why: str = "") -> UnsupportedError:
    """Return the error that says which layer cannot be run."""
    reason = f"; {why}" if why else ""
    return UnsupportedError(
        f"layer {name!r} ({kind}) cannot be run{reason}",
        "--until LAYER runs the model up to a layer before it",
    )
