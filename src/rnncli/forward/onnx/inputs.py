"""The inputs of an ONNX graph: of the dtypes that the file states, from files or from a seed."""

from typing import Any

import numpy as np

from rnncli.errors import FileError, ShapeError, UsageError
from rnncli.forward import memory
from rnncli.forward.inputs import STEPS, assigned
from rnncli.layers.op import Array
from rnncli.model import Model, Ref
from rnncli.shapes import Shape, show

# NumPy has none of these: they come as bytes, and go as what holds all their values.
_OTHERS = {"bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
           "float8_e8m0fnu", "float4_e2m1fn", "int4", "uint4", "int2", "uint2"}  # fmt: skip


class Given:
    """An input as it goes into the graph."""

    def __init__(self, array: Array) -> None:
        self.array, self.shape = array, array.shape

    def whole(self) -> Array:
        """Return all values."""
        return self.array


def dtype_of(name: str) -> "np.dtype[Any]":
    """Return the NumPy dtype of a file's name for one. Raises: UsageError for none."""
    if name == "?":
        raise UsageError("the file does not say what type its input has")
    if name == "string":
        return np.dtype(object)
    if name in _OTHERS:
        import ml_dtypes

        found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return found
    try:
        return np.dtype(name)
    except TypeError:
        raise UsageError(f"an input of the type {name!r} cannot be given") from None


def stored(array: Array) -> Array:
    """Return an output as a dtype that a file can hold."""
    if array.dtype.kind == "O":
        return array.astype(str)
    if array.dtype.name in _OTHERS:
        return array.astype(np.int8 if _whole(array.dtype) else np.float32)
    return array


def from_files(model: Model, given: Any) -> dict[Ref, Given]:
    """Return the inputs that files give. Raises: UsageError, FileError, ShapeError."""
    found = {}
    for ref, (what, source) in assigned(model, given, kinds="fiubUV").items():
        array = _fitted(source.open(), model.shape(ref), what)
        found[ref] = Given(_cast(array, dtype_of(_dtype(model, ref)), what))
    return found


def _dtype(model: Model, ref: Ref) -> str:
    return str(model.layer(ref.layer).config.get("dtype") or "float32")


def _fitted(array: Array, shape: Shape | None, what: str) -> Array:
    """Return an array with the axes that the graph states; one for a batch of 1 is added."""
    if shape is None:
        return array
    found = array[None] if array.ndim == len(shape) - 1 else array
    wrong = len(found.shape) != len(shape)
    if wrong or any(s not in (None, d) for s, d in zip(shape, found.shape, strict=True)):
        raise ShapeError(
            f"{what} has the shape {show(array.shape)}, but the model's input is {show(shape)}"
        )
    return found


def _cast(array: Array, dtype: "np.dtype[Any]", what: str) -> Array:
    """Return an array in the file's dtype, whole numbers the same. Raises: FileError."""
    if array.dtype.kind == "V" and array.dtype.itemsize == dtype.itemsize:
        return array.view(dtype)  # as NumPy saves what it has no name for
    if (array.dtype.kind in "UV") != (dtype.kind == "O") or array.dtype.kind == "V":
        raise FileError(f"{what} holds {array.dtype}, but the model's input is {_shown(dtype)}")
    result = np.asarray(array.astype(dtype)).reshape(array.shape)
    if _whole(dtype) and (result.astype(np.float64) != array.astype(np.float64)).any():
        raise FileError(f"{what} holds values that are none of {_shown(dtype)}, as the model's "
                        "input is")  # fmt: skip
    return result


def _whole(dtype: "np.dtype[Any]") -> bool:
    return dtype.name.startswith(("int", "uint", "bool"))


def _shown(dtype: "np.dtype[Any]") -> str:
    return "strings" if dtype.kind == "O" else dtype.name


def drawn(
    model: Model,
    rng: np.random.Generator,
    *,
    batch: int | None,
    steps: int | None,
    uniform: bool,
) -> dict[Ref, Given]:
    """Return random inputs.; open axes are filled by what they are: the batch's or the steps'."""
    found = {}
    for ref in model.inputs:
        shape, dtype = model.shape(ref), dtype_of(_dtype(model, ref))
        if shape is None:
            raise UsageError(f"the shape of input {ref.layer!r} is not known",
                             "give it with --input FILE")  # fmt: skip
        fill = {"batch": batch or 1, "steps": steps or STEPS}
        roles = model.layer(ref.layer).config.get("roles", ("batch",))
        named = dict(enumerate(roles))
        sizes = tuple(
            fill[named.get(axis) or "steps"] if dim is None else dim
            for axis, dim in enumerate(shape)
        )
        memory.check(memory.values(sizes, 1, 1) * max(4, dtype.itemsize))
        found[ref] = Given(
            _values(rng, sizes, dtype, uniform, tokens_of(model, ref), fill["steps"])
        )
    return found


def tokens_of(model: Model, ref: Ref) -> int | None:
    """Return how many rows the tables have that an input points into, None where it does not."""
    found = [
        layer.config["weights"][0].shape[0]
        for layer in model.layers
        for call in layer.calls
        if ref in call.inputs and layer.type == "Gather" and layer.config["weights"]
    ]
    return min(found, default=None)


def _values(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    dtype: "np.dtype[Any]",
    uniform: bool,
    tokens: int | None,
    steps: int,
) -> Array:
    if dtype.kind == "O":
        raise UsageError("an input of strings cannot be drawn", "give it with --input FILE")
    if dtype.kind == "b":
        return np.ones(shape, dtype)  # a mask that leaves nothing out
    if dtype.kind in "iu":
        if tokens is None:
            return np.full(shape, steps, dtype)  # lengths, most often
        return rng.integers(0, tokens, shape).astype(dtype)
    drawn_values = rng.random(shape, np.float32) if uniform else rng.standard_normal(
        shape, np.float32)  # fmt: skip
    return np.asarray(drawn_values).astype(dtype)
