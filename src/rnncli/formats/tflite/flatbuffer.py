"""The tensors and operators of a TensorFlow Lite file, as plain tuples.

Source: the schema `schema.fbs` of TensorFlow Lite, by way of the package `tflite`.
"""

import struct
from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.shapes import Shape, Shapes

# What flatbuffers raises where offsets and lengths do not fit.
_DAMAGED = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError)
_CUSTOM, _MOST_DIMENSIONS = 32, 32  # BuiltinOperator.CUSTOM; sizes of one tensor


class Constant(NamedTuple):
    """A tensor of one graph. `data` is where its values stand, None if it has none; a `variable`
    is a state that a run changes."""

    name: str
    shape: Shape
    dtype: str
    data: tuple[int, int] | None
    variable: bool = False


class Operator(NamedTuple):
    """An operator: its inputs and outputs are numbers of tensors, -1 where one is left out.

    `graphs` are the numbers of the graphs that it runs: cond and body of a WHILE.
    """

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    graphs: tuple[int, ...] = ()
    time_major: bool = False


class Graph(NamedTuple):
    """The main graph, or one that an operator runs."""

    name: str
    tensors: tuple[Constant, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]


class Contents(NamedTuple):
    """What a file holds; `data` is the file itself."""

    data: bytes
    version: int
    description: str
    runtime: str
    graphs: tuple[Graph, ...]


def shapes_of(tensors: tuple[Constant, ...], numbers: tuple[int, ...]) -> Shapes:
    """Return the shapes of an operator's operands; of one that is left out, none."""
    return tuple(tensors[each].shape if each >= 0 else () for each in numbers)


def parsed(data: bytes) -> Contents:
    """Return the graphs of a file. Raises: FileError if it is damaged."""
    try:
        import tflite
    except ImportError:
        raise FileError(
            "reading TensorFlow Lite needs tflite", 'pip install "rnncli[tflite]"'
        ) from None
    try:
        return _Reader(tflite, data).contents()
    except _DAMAGED as error:
        raise FileError(f"damaged or truncated TensorFlow Lite ({error})") from None


class _Reader:
    """Reads one file."""

    def __init__(self, tflite: Any, data: bytes) -> None:
        self.tflite, self.data = tflite, data
        self.model = tflite.Model.GetRootAs(data, 0)
        self.names = _names(tflite.BuiltinOperator)
        self.dtypes = {code: name.lower() for code, name in _names(tflite.TensorType).items()}
        self.characters = 0
        self.numbers = 0

    def contents(self) -> Contents:
        model = self.model
        limits.check("graphs", model.SubgraphsLength(), limits.LAYERS)
        limits.check("buffers", model.BuffersLength(), limits.TENSORS)
        graphs = tuple(
            self._graph(model.Subgraphs(each)) for each in range(model.SubgraphsLength())
        )
        if not graphs or not graphs[0].operators:
            raise FileError("TensorFlow Lite without an operator: not a model")
        limits.check("operators", sum(len(each.operators) for each in graphs), limits.LAYERS)
        return Contents(
            self.data, model.Version(), self._text(model.Description()), self._runtime(), graphs
        )

    def _graph(self, graph: Any) -> Graph:
        limits.check("tensors", graph.TensorsLength(), limits.TENSORS)
        limits.check("operators", graph.OperatorsLength(), limits.LAYERS)
        tensors = tuple(self._tensor(graph.Tensors(n)) for n in range(graph.TensorsLength()))
        operators = tuple(
            self._operator(graph.Operators(n), len(tensors)) for n in range(graph.OperatorsLength())
        )
        inputs = self._list(graph.Inputs, graph.InputsLength(), len(tensors))
        outputs = self._list(graph.Outputs, graph.OutputsLength(), len(tensors))
        return Graph(self._text(graph.Name()), tensors, inputs, outputs, operators)

    def _tensor(self, tensor: Any) -> Constant:
        length = tensor.ShapeLength()
        limits.check("dimensions of a tensor", length, _MOST_DIMENSIONS)
        sizes: list[int | None] = [tensor.Shape(axis) for axis in range(length)]
        if tensor.ShapeSignatureLength() == length:  # -1 where the size is open
            sizes = [
                None if tensor.ShapeSignature(axis) < 0 else size for axis, size in enumerate(sizes)
            ]
        if any(size is not None and size < 0 for size in sizes):
            raise FileError(f"a tensor has the shape {sizes}")
        dtype = self.dtypes.get(tensor.Type(), "?")
        place, variable = self._place(tensor.Buffer()), bool(tensor.IsVariable())
        return Constant(self._text(tensor.Name()), tuple(sizes), dtype, place, variable)

    def _place(self, number: int) -> tuple[int, int] | None:
        """Return offset and length of a buffer's values, None if it is empty."""
        if not 0 <= number < self.model.BuffersLength():
            raise FileError(f"a tensor names buffer {number}, which is not there")
        buffer = self.model.Buffers(number)
        length = buffer.DataLength()
        if not length:
            return None
        table = buffer._tab
        start = table.Vector(table.Offset(4))
        if start + length > len(self.data):
            raise FileError(f"buffer {number} lies outside the file")
        return start, length

    def _operator(self, operator: Any, tensors: int) -> Operator:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        custom = self._text(code.CustomCode()) if number == _CUSTOM else ""
        name = custom or self.names.get(number, f"operator {number}")
        graphs, time_major = self._options(name, operator)
        return Operator(
            name,
            self._list(operator.Inputs, operator.InputsLength(), tensors),
            self._list(operator.Outputs, operator.OutputsLength(), tensors),
            graphs,
            time_major,
        )

    def _options(self, name: str, operator: Any) -> tuple[tuple[int, ...], bool]:
        """Return the graphs that an operator runs, and whether its steps come before the batch."""
        known = _OPTIONS.get(name)
        table = operator.BuiltinOptions()
        if known is None or table is None:
            return (), False
        options = getattr(self.tflite, known[0])()
        options.Init(table.Bytes, table.Pos)
        if known[1] == ("TimeMajor",):
            return (), bool(options.TimeMajor())
        found = tuple(getattr(options, each)() for each in known[1])
        if any(not 0 < each < self.model.SubgraphsLength() for each in found):
            raise FileError(f"{name} runs a graph that is not there")
        return found, False

    def _list(self, at: Any, length: int, tensors: int) -> tuple[int, ...]:
        self.numbers += length
        limits.check("connections", self.numbers, limits.CALLS * 4)
        found = tuple(at(index) for index in range(length))
        if any(not -1 <= each < tensors for each in found):
            raise FileError("an operator names a tensor that is not there")
        return found

    def _text(self, value: bytes | None) -> str:
        limits.check("characters in a name", len(value or b""), limits.NAME_CHARACTERS)
        self.characters += len(value or b"")
        limits.check("characters in names", self.characters, limits.NAMES_CHARACTERS)
        return (value or b"").decode("utf-8", "replace")

    def _runtime(self) -> str:
        """Return the least version of the runtime that the file asks for, "" if it does not."""
        for index in range(min(self.model.MetadataLength(), 100)):
            metadata = self.model.Metadata(index)
            if metadata.Name() == b"min_runtime_version":
                place = self._place(metadata.Buffer())
                if place is not None:
                    text = self.data[place[0] : place[0] + min(place[1], 16)]
                    return text.rstrip(b"\0").decode("ascii", "replace")
        return ""


def _names(enumeration: Any) -> dict[int, str]:
    """Return the names of an enumeration by their numbers."""
    return {code: name for name, code in vars(enumeration).items() if isinstance(code, int)}


# The options that matter here: which class holds them, and their fields.
_OPTIONS = {
    "WHILE": ("WhileOptions", ("CondSubgraphIndex", "BodySubgraphIndex")),
    "IF": ("IfOptions", ("ThenSubgraphIndex", "ElseSubgraphIndex")),
    "CALL_ONCE": ("CallOnceOptions", ("InitSubgraphIndex",)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("UnidirectionalSequenceLSTMOptions", ("TimeMajor",)),
    "UNIDIRECTIONAL_SEQUENCE_RNN": ("SequenceRNNOptions", ("TimeMajor",)),
    "BIDIRECTIONAL_SEQUENCE_LSTM": ("BidirectionalSequenceLSTMOptions", ("TimeMajor",)),
    "BIDIRECTIONAL_SEQUENCE_RNN": ("BidirectionalSequenceRNNOptions", ("TimeMajor",)),
}
