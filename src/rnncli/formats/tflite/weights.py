"""Which constants of a TensorFlow Lite file are weights, and of which operator."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rnncli.formats.tflite.flatbuffer import Constant, Contents, Graph, Operator
from rnncli.model import Weight
from rnncli.shapes import product
from rnncli.storage import Stored

_VALUES = ("float", "bfloat", "int8", "uint8", "int4", "int2")  # how the dtypes of weights begin
# Operators that take integers as biases, and the first operand that may be one.
_BIASED = {
    "FULLY_CONNECTED": 2, "CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "CONV_3D": 2, "TRANSPOSE_CONV": 3,
    "CONV_3D_TRANSPOSE": 3, "UNIDIRECTIONAL_SEQUENCE_LSTM": 9, "BIDIRECTIONAL_SEQUENCE_LSTM": 9,
    "LSTM": 3, "UNIDIRECTIONAL_SEQUENCE_RNN": 3, "BIDIRECTIONAL_SEQUENCE_RNN": 3, "RNN": 3,
    "SVDF": 3,
}  # fmt: skip
_GATES = ("input", "forget", "cell", "output")
_LSTM_NAMES = (
    "input", *(f"input_to_{gate}_weights" for gate in _GATES),
    *(f"recurrent_to_{gate}_weights" for gate in _GATES),
    *(f"cell_to_{gate}_weights" for gate in ("input", "forget", "output")),
    *(f"{gate}_gate_bias" for gate in _GATES), "projection_weights", "projection_bias",
    "output_state", "cell_state", *(f"{gate}_layer_norm_coefficients" for gate in _GATES),
)  # fmt: skip
_PLAIN_NAMES = ("", "kernel", "bias")
_RNN_NAMES = ("", "kernel", "recurrent_kernel", "bias")
_NAMES = {
    **dict.fromkeys(("UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM"), _LSTM_NAMES),
    **dict.fromkeys(("UNIDIRECTIONAL_SEQUENCE_RNN", "RNN"), _RNN_NAMES),
    **dict.fromkeys(("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D"), _PLAIN_NAMES),
}
_CONTROL = ("WHILE", "IF", "CALL_ONCE", "DEQUANTIZE")  # what they are given, others use


class Place(NamedTuple):
    """A constant of the file: its graph, its number there, and what it is."""

    graph: int
    number: int
    constant: Constant

    @property
    def key(self) -> str:
        """Return the name under which its values are read."""
        return f"{self.graph}:{self.number}"


class Constants:
    """The constants of a graph, those that it is given from outside among them."""

    def __init__(self, contents: Contents, number: int, given: Mapping[int, Place]) -> None:
        self.graph, self.number = contents.graphs[number], number
        self.found = {
            index: Place(number, index, each)
            for index, each in enumerate(self.graph.tensors)
            if each.data is not None
        } | dict(given)
        for each in self.graph.operators:  # float16 weights are made float32 where they are used
            if each.op == "DEQUANTIZE" and each.inputs and each.inputs[0] in self.found:
                place = self.found[each.inputs[0]]
                self.found |= dict.fromkeys(each.outputs, place)

    def handed(self, operator: Operator, inner: Graph) -> dict[int, Place]:
        """Return the constants that an operator hands to a graph it runs, by their numbers there.

        What a loop changes is no constant: only its first value is one.
        """
        given = operator.inputs[1:] if operator.op == "IF" else operator.inputs
        kept = inner.inputs if operator.op == "IF" else set(inner.inputs) & set(inner.outputs)
        return {
            number: self.found[outer]
            for number, outer in zip(inner.inputs, given, strict=False)
            if outer in self.found and number in kept
        }

    def weights(self, operator: Operator, counted: set[str]) -> tuple[Weight, ...]:
        """Return the weights of an operator; none if one before it has the same kernels.

        Equal biases of different kernels, which the converter stores once, count each time.
        """
        if operator.op in _CONTROL:
            return ()
        found = list(self._places(operator))
        every = {place.key for _, place in found}
        kernels = {place.key for _, place in found if len(place.constant.shape) > 1}
        if (kernels or every) <= counted:
            return ()
        counted |= every
        return tuple(_weight(operator, position, place) for position, place in found)

    def products(self, operator: Operator) -> int:
        """Return how many values the kernels of a fused operator have: its products of one step."""
        shapes = [place.constant.shape for _, place in self._places(operator)]
        return sum(product(shape) or 0 for shape in shapes if len(shape) == 2)

    def _places(self, operator: Operator) -> Iterator[tuple[int, Place]]:
        first_bias = _BIASED.get(operator.op, len(operator.inputs))
        first = 1 if operator.op in _BIASED else 0
        for position, number in enumerate(operator.inputs[first:], first):
            place = self.found.get(number)
            if place is None or not place.constant.shape or self.graph.tensors[number].variable:
                continue
            integers = place.constant.dtype in ("int32", "int64", "int16")
            if place.constant.dtype.startswith(_VALUES) or (integers and position >= first_bias):
                yield position, place


def _weight(operator: Operator, position: int, place: Place) -> Weight:
    names, constant = _NAMES.get(operator.op, ()), place.constant
    name = names[position] if position < len(names) else ""
    name = name or constant.name.rpartition("/")[2] or f"operand_{position}"
    shape = tuple(size or 0 for size in constant.shape)
    return Weight(
        name, shape, path=f"{position}", dtype=constant.dtype, stored=Stored((place.key,))
    )
