"""What a model is: layers called on tensors, with their weights and shapes.

Everything here is plain, immutable data. Flags, `--layer` expressions and files make a `Model`
whose calls have no shapes yet; `graph.infer` fills them in, reports and the forward pass read it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import Any, NamedTuple

from rnncli.shapes import Shape, Shapes
from rnncli.storage import ITEM_SIZE, PACKED, Store, Stored

Config = Mapping[str, Any]


class Weight(NamedTuple):
    """One variable of a layer. `path` is relative to the layer: `lstm_cell/kernel`.

    `shared`: it is not counted, being another weight's values too, or a buffer of PyTorch's. Not
    `saved`: files of Keras 3 leave it out, and it is zero where they are loaded.
    """

    name: str
    shape: tuple[int, ...]
    formula: str = ""
    gates: tuple[str, ...] = ()
    path: str = ""
    trainable: bool = True
    dtype: str = "float32"
    initializer: str = "zeros"
    stored: Stored | None = None
    shared: bool = False
    saved: bool = True
    stored_bytes: int | None = None  # where they do not follow from the shape and the dtype

    @property
    def key(self) -> str:
        """What tells it apart within its layer: its path, or its name where it has none."""
        return self.path or self.name

    @property
    def params(self) -> int:
        """The number of scalars; 0 of one that is not counted here."""
        return 0 if self.shared else prod(self.shape)

    @property
    def bytes(self) -> int:
        """The size in bytes, in the weight's own dtype."""
        if self.stored_bytes is not None and not self.shared:
            return self.stored_bytes
        return -(-self.params * ITEM_SIZE.get(self.dtype, 4) // PACKED.get(self.dtype, 1))


class Ref(NamedTuple):
    """A tensor of the graph: output `tensor` of call `call` of layer `layer`."""

    layer: str
    call: int = 0
    tensor: int = 0


class Constant(NamedTuple):
    """An array that a file gives to a call: a number or nested lists; `dtype` is empty where the
    file does not say it."""

    value: Any
    dtype: str = ""

    @property
    def shape(self) -> Shape:
        """The shape of the array."""
        found, value = [], self.value
        while isinstance(value, list | tuple):
            found.append(len(value))
            value = value[0] if value else None
        return tuple(found)


class Call(NamedTuple):
    """One use of a layer.

    `kwargs` holds the call's other arguments; a `Ref` (or a nest of lists with Refs) among them is
    a tensor, such as `initial_state`. `inputs` are the positional tensors, in order; `constants`
    are what stands between them, by their places; `listed` is the order of all tensors in Keras's
    lists, where that is another. Shapes are None where they are unknown, and before inference.
    """

    inputs: tuple[Ref, ...] = ()
    kwargs: Mapping[str, Any] = MappingProxyType({})
    input_shapes: Shapes | None = None
    output_shapes: Shapes | None = None
    listed: tuple[Ref, ...] = ()
    constants: tuple[tuple[int, Constant], ...] = ()

    def arguments(self, tensors: Iterable[Any], made: Callable[[Constant], Any]) -> list[Any]:
        """Return `tensors`, which stand for the inputs, with what `made` gives for constants."""
        found = list(tensors)
        for place, constant in self.constants:
            found.insert(place, made(constant))
        return found

    def tensors(self) -> tuple[Ref, ...]:
        """Return every tensor the call depends on, positional ones first."""
        return self.listed or self.inputs + tuple(refs_in(self.kwargs))


class Layer(NamedTuple):
    """A layer: `kind` is its entry in the table of layer types, None if rnncli does not know it.

    `type` is the class name to show, where it is not that of the kind. `weights` is None where
    their number is unknown: before inference, and of an unknown layer without stored weights.
    `build_shapes` is the input that a file says it was built with, `stated_shapes` the output that
    a file states for a layer rnncli does not know. `inferred`: no file says its arguments, so that
    what it returns is unknown. `dialect` is whose convention its weights are in: `keras`, `torch`,
    `onnx`, `tflite`.
    """

    kind: str | None
    name: str
    config: Config
    calls: tuple[Call, ...] = ()
    model: "Model | None" = None
    stated_shapes: Shapes | None = None
    build_shapes: Shapes | None = None
    weights: tuple[Weight, ...] | None = None
    inferred: bool = False
    type: str = ""
    dialect: str = "keras"
    trainable: bool = True

    @property
    def output_shapes(self) -> Shapes | None:
        """The shapes of the last call, which is the one that Keras's summary prints."""
        return self.calls[-1].output_shapes if self.calls else None

    def all_weights(self) -> tuple[Weight, ...]:
        """Return the layer's weights, those of a nested model included."""
        if self.model is not None:
            return tuple(weight for layer in self.model.layers for weight in layer.all_weights())
        return self.weights or ()

    @property
    def built(self) -> bool:
        """Whether the weights are known."""
        if self.model is not None:
            return all(layer.built for layer in self.model.layers)
        return self.weights is not None

    @property
    def params(self) -> int:
        """The number of scalars in all weights, trainable or not."""
        return sum(weight.params for weight in self.all_weights())

    @property
    def trainable_params(self) -> int:
        """The number of scalars that training would change."""
        return sum(weight.params for weight in self.all_weights() if weight.trainable)

    @property
    def bytes(self) -> int:
        """The size of all weights in bytes."""
        return sum(weight.bytes for weight in self.all_weights())


class Source(NamedTuple):
    """Where a model came from. `details` is what a file says of itself, in the order to show it."""

    kind: str  # "flags", "layers" or "file"
    path: str | None = None
    format: str | None = None
    written_by: str | None = None
    details: Mapping[str, str] = MappingProxyType({})


FLAGS = Source("flags")

# Takes the batch size, the steps and other axes by their names; None: left open.
Resize = Callable[[int | None, int | None, Mapping[str, int]], "Model"]


class _Fields(NamedTuple):
    """What a `Model` holds."""

    name: str
    type: str  # "Sequential" or "Functional"
    layers: tuple[Layer, ...]
    inputs: tuple[Ref, ...] = ()
    outputs: tuple[Ref, ...] = ()
    source: Source = FLAGS
    store: Callable[[], AbstractContextManager[Store]] | None = None
    optimizer: tuple[Weight, ...] | None = None
    warnings: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    buffers: tuple[Weight, ...] = ()
    constants: tuple[Weight, ...] = ()
    resized: "Resize | None" = None


class Model(_Fields):
    """A graph of layers in Keras's order.

    `store` opens the file's weights; None where the model has none. `optimizer` holds the shape and
    dtype of each optimizer variable of a compiled checkpoint, `buffers` the tensors that PyTorch's
    modules keep beside their parameters, which no count holds. `warnings` are lines for stderr;
    `gaps` those of them that say what the counts leave out. `constants` are what a graph holds
    beside its weights: initial states, shapes, scales. `resized` gives the model on other sizes of
    its open axes, where only its file can say what follows from them.
    """

    @property
    def rows(self) -> tuple[Layer, ...]:
        """The layers that a summary lists: Keras's Sequential hides its input layer."""
        if self.type != "Sequential":
            return self.layers
        return tuple(layer for layer in self.layers if layer.kind != "InputLayer")

    def layer(self, name: str) -> Layer:
        """Return the layer called `name`. Raises: KeyError."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    def shape(self, ref: Ref) -> Shape | None:
        """Return the shape of a tensor, None where it is unknown. Raises: KeyError."""
        calls = self.layer(ref.layer).calls
        shapes = calls[ref.call].output_shapes if ref.call < len(calls) else None
        return shapes[ref.tensor] if shapes and ref.tensor < len(shapes) else None

    @property
    def unknown(self) -> int:
        """The number of layers, those of nested models included, whose weights are not known."""
        return unknown_in(self.layers)

    @property
    def complete(self) -> bool:
        """Whether the counts hold all that the model has."""
        return not self.gaps and not self.unknown

    @property
    def lacks(self) -> int | None:
        """The number of layers that the counts leave out, 0 for other gaps, None if complete."""
        return None if self.complete else self.unknown

    def with_gaps(self, *sentences: str) -> "Model":
        """Return the model with warnings of what its counts leave out."""
        gaps = tuple(sentence for sentence in sentences if sentence not in self.gaps)
        return self._replace(gaps=(*self.gaps, *gaps), warnings=(*self.warnings, *gaps))

    @property
    def params(self) -> int:
        """The number of scalars in all layers, each layer counted once."""
        return sum(layer.params for layer in self.layers)

    @property
    def trainable_params(self) -> int:
        """The number of scalars that training would change."""
        return sum(layer.trainable_params for layer in self.layers)

    @property
    def bytes(self) -> int:
        """The size of all weights in bytes."""
        return sum(layer.bytes for layer in self.layers)


def unknown_in(layers: Iterable[Layer]) -> int:
    """Return the number of layers, those of nested models included, whose weights are not known."""
    return sum(not layer.built if layer.model is None else layer.model.unknown for layer in layers)


def sequential(
    layers: tuple[Layer, ...], name: str = "sequential", source: Source = FLAGS
) -> Model:
    """Return a chain: each layer called once, on the output of the one before."""
    chained: list[Layer] = []
    before = None
    for layer in layers:
        if before is not None:
            calls: tuple[Call, ...] = (Call((Ref(before),)),)
        else:
            calls = (Call(),) if layer.kind == "InputLayer" else ()
        chained.append(layer._replace(calls=calls))
        before = layer.name if calls else None
    inputs = (Ref(chained[0].name),) if chained and chained[0].calls else ()
    outputs = (Ref(chained[-1].name),) if inputs else ()
    return Model(name, "Sequential", tuple(chained), inputs, outputs, source)


def refs_in(value: Any) -> Iterator[Ref]:
    """Yield the tensors inside a nest of lists, tuples and dicts, in Keras's order: keys sorted."""
    return (each for each in arrays_in(value) if isinstance(each, Ref))


def arrays_in(value: Any) -> Iterator[Ref | Constant]:
    """Yield the tensors and constants inside a nest, in the same order."""
    if isinstance(value, Ref | Constant):
        yield value
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from arrays_in(value[key])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from arrays_in(item)
