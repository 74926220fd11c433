"""The inputs of a model: from files, or drawn from a seed."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from rnncli.errors import ShapeError, UsageError
from rnncli.forward.arrays import Source, read_named
from rnncli.forward.fitting import Input, Taken
from rnncli.forward.npy import NUMBERS
from rnncli.graph.infer import infer
from rnncli.layers.op import Array
from rnncli.model import Config, Layer, Model, Ref
from rnncli.shapes import LARGEST, Shape, show

# The layers that take whole numbers, and the argument that says how many there are.
_WHOLE = {"Embedding": "input_dim", "ReversibleEmbedding": "input_dim",
          "CategoryEncoding": "num_tokens", "Hashing": "num_bins", "HashedCrossing": "num_bins",
          "IntegerLookup": "vocabulary_size", "StringLookup": "vocabulary_size"}  # fmt: skip
_SOME = 100  # of them, where a layer does not say
STEPS = 100  # of a random sequence, where the model leaves their number open
_WHOLE_DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
)  # fmt: skip


class Drawn:
    """Random values: normal, or even from 0 to 1, or tokens; drawn when they are asked for."""

    def __init__(
        self, shape: tuple[int, ...], rng: np.random.Generator, uniform: bool, tokens: int | None
    ) -> None:
        self.shape, self.rng, self.uniform, self.tokens = shape, rng, uniform, tokens
        self.array: Array | None = None

    def open(self) -> Array:
        """Return the values, in float32 or whole numbers."""
        if self.array is None:
            if self.tokens is not None:
                self.array = self.rng.integers(0, self.tokens, self.shape)
            elif self.uniform:
                self.array = self.rng.random(self.shape, np.float32)
            else:
                self.array = self.rng.standard_normal(self.shape, np.float32)
        return self.array


def random_inputs(
    model: Model,
    rng: np.random.Generator,
    *,
    batch: int | None = None,
    steps: int | None = None,
    uniform: bool = False,
    dtype: str = "float32",
) -> dict[Ref, Input]:
    """Return random inputs; open sizes are filled with `batch` (1) and `steps` (100)."""
    found = {}
    for ref in model.inputs:
        shape, taken = _shape(model, ref), taken_by(model, ref, dtype)
        if taken.dtype == "str":
            raise UsageError(f"input {ref.layer!r} takes text", "give it with --input FILE")
        tokens = tokens_of(model, ref) or (_SOME if taken.whole else None)
        if len(shape) > 1 and shape[-1] is None and tokens is None:
            raise UsageError(f"input {ref.layer!r} has the open shape {show(shape)}",
                             "give it with --input FILE")  # fmt: skip
        first = batch or (shape or (None,))[0] or 1
        sizes = (first, *(dim if dim is not None else steps or STEPS for dim in shape[1:]))
        if 0 in sizes:
            raise ShapeError(f"input {ref.layer!r} is empty: its shape is {show(shape)}")
        source = Drawn(sizes[: len(shape)], rng, uniform, tokens)
        found[ref] = Input(source, "the random input", taken)
    return found


def file_inputs(
    model: Model, given: Sequence[tuple[str | None, str]], dtype: str
) -> dict[Ref, Input]:
    """Return the inputs read from `(name or None, path)`: named, or in the model's order.

    Raises: UsageError for inputs too many, too few or of unknown names; FileError; ShapeError.
    """
    found = {}
    takes = {ref: taken_by(model, ref, dtype) for ref in model.inputs}
    kinds = "".join(dict.fromkeys("".join(each.kinds for each in takes.values())))
    texts = [ref.layer for ref in model.inputs if takes[ref].dtype == "str"]
    for ref, (what, source) in assigned(model, given, kinds, texts).items():
        array = Input(source, what, takes[ref])
        array.fit(_shape(model, ref))
        found[ref] = array
    return found


def assigned(
    model: Model,
    given: Sequence[tuple[str | None, str]],
    kinds: str = NUMBERS,
    texts: Collection[str] = (),
) -> dict[Ref, tuple[str, Source]]:
    """Return what each input is read from, and how to call that, in the model's order.

    `kinds` are those of NumPy's dtypes that are taken, `texts` the inputs that take text.
    Raises: UsageError; FileError.
    """
    names = [ref.layer for ref in model.inputs]
    found: dict[str, tuple[str, Source]] = {}
    for name, path in given:
        free = [each for each in names if each not in found]
        label = name or (free or names)[0]
        arrays = read_named(path, kinds, label in texts)
        for label, source in _labelled(name, path, names, free, arrays):
            found[label] = ("stdin" if path == "-" else path, source)
    missing = [name for name in names if name not in found]
    if missing:
        raise UsageError(f"the model has {len(names)} inputs, and {missing[0]!r} is not given",
                         f"give each with --input NAME=FILE: {', '.join(names)}")  # fmt: skip
    return {ref: found[ref.layer] for ref in model.inputs}


def _labelled(
    name: str | None,
    path: str,
    names: list[str],
    free: list[str],
    arrays: dict[str | None, Source],
) -> Iterator[tuple[str, Source]]:
    """Yield the inputs that a file gives, with their names; `free` are not given yet."""
    if name is not None and name not in names:
        raise UsageError(f"the model has no input called {name!r}", f"it has: {', '.join(names)}")
    if name is None and len(arrays) > 1 and set(arrays) >= set(free):
        yield from ((each, arrays[each]) for each in free)
        return
    if name is None and not free:
        raise UsageError(f"the model has {len(names)} inputs, and {path} is one more")
    label = name or free[0]
    if len(arrays) > 1 and label not in arrays:
        held = ", ".join(map(str, arrays))
        raise UsageError(f"{path} holds several arrays ({held})",
                         f"name the one to use {label!r}, or save it alone")  # fmt: skip
    yield label, arrays[label] if label in arrays else next(iter(arrays.values()))


def check_batches(model: Model, inputs: dict[Ref, Input]) -> None:
    """Check that all inputs whose batch is open have the same. Raises: ShapeError."""
    sizes = {
        ref.layer: array.shape[0]
        for ref, array in inputs.items()
        if array.shape and (_shape(model, ref) or (None,))[0] is None
    }
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} has {size:,}" for name, size in sizes.items())
        raise ShapeError(f"the inputs differ in their batch: {listed}")


def fitted(model: Model, inputs: dict[Ref, Input]) -> Model:
    """Return the model for inputs of these shapes, which may have other steps than it says.

    Raises: ShapeError if a layer was made for the number of steps that the model says.
    """
    shapes = [_shape(model, ref) for ref in inputs]
    given = [array.shape for array in inputs.values()]
    if all(_agree(shape, size) for shape, size in zip(shapes, given, strict=True)):
        return model
    other = infer(model, tuple(given))
    for layer in other.layers:
        before = model.layer(layer.name)
        if _sizes(layer) != _sizes(before):
            raise ShapeError(
                f"the input has the shape {', '.join(map(show, given))}, but layer {layer.name!r} "
                f"({layer.type}) was made for {', '.join(map(show, shapes))}"
            )
    return other


def _sizes(layer: Layer) -> list[tuple[int, ...]] | None:
    return None if layer.weights is None else [weight.shape for weight in layer.weights]


def _agree(shape: Shape, given: tuple[int, ...]) -> bool:
    pairs = list(zip(shape, given, strict=True))[1:]
    return all(dim is None or dim == size for dim, size in pairs)


def _shape(model: Model, ref: Ref) -> Shape:
    shape = model.shape(ref)
    if shape is None:
        raise ShapeError(f"the shape of input {ref.layer!r} is not known")
    return shape


def taken_by(model: Model, ref: Ref, dtype: str) -> Taken:
    """Return what an input takes in a run of `dtype`.

    One that feeds embeddings alone, or operations on tensors alone, keeps its whole numbers or
    truth values; such operations also take complex numbers and what is no number.
    """
    stated = str(model.layer(ref.layer).config.get("dtype"))
    if stated == "string":
        return Taken("str")
    if tokens_of(model, ref) is not None:
        return Taken("int64", whole=True)
    kinds = [str(layer.kind) for layer in model.layers for call in layer.calls
             if ref in call.tensors()]  # fmt: skip
    if not kinds or not all(kind.startswith("keras.") for kind in kinds):
        return Taken(dtype)
    if stated in _WHOLE_DTYPES:
        return Taken(stated, whole=True)
    if stated.startswith("complex"):
        return Taken("complex64" if np.dtype(dtype).itemsize < 8 else "complex128", nan=True)
    return Taken(dtype, nan=True)


def tokens_of(model: Model, ref: Ref) -> int | None:
    """Return how many tokens an input that feeds embeddings alone may hold, else None."""
    sizes: list[int | None] = []
    for layer in model.layers:
        for call in layer.calls:
            if ref not in call.tensors():
                continue
            if layer.model is not None and ref in call.inputs:
                inner = layer.model.inputs[call.inputs.index(ref) :][:1]
                sizes.append(tokens_of(layer.model, inner[0]) if inner else None)
            else:
                back = call.kwargs.get("reverse")  # of a ReversibleEmbedding: rows to tokens
                sizes.append(None if back else _tokens(layer.kind, layer.config))
    if not sizes or None in sizes:
        return None
    return min(size for size in sizes if size is not None)


def _tokens(kind: str | None, config: Config) -> int | None:
    if kind == "TimeDistributed":
        return _tokens(config["layer"]["class_name"], config["layer"]["config"])
    size = _WHOLE.get(kind or "")
    return None if size is None else min(config.get(size) or _SOME, LARGEST)
