"""Which cell an operator of TensorFlow Lite runs: fused ones, and loops that a cell was lowered to.

Sources: `lstm.cc`, `unidirectional_sequence_lstm.cc`, `unidirectional_sequence_rnn.cc` and
`basic_rnn.cc` of TensorFlow Lite for the order of a fused operator's inputs.
"""

from collections import Counter
from typing import NamedTuple

from rnncli.formats.tflite.flatbuffer import Contents, Graph, Operator, shapes_of
from rnncli.shapes import Dim, known


class Recurrence(NamedTuple):
    """The cell that an operator runs, its sizes, and how often it is run."""

    runs: str
    inputs: int
    units: int
    outputs: int
    steps: Dim
    directions: int = 1
    reset_after: bool = True


# Of the fused operators: the cell, the position of a recurrent kernel, and whether of a sequence.
_FUSED = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("LSTM", 5, True),
    "BIDIRECTIONAL_SEQUENCE_LSTM": ("LSTM", 5, True),
    "LSTM": ("LSTM", 5, False),
    "UNIDIRECTIONAL_SEQUENCE_RNN": ("SimpleRNN", 2, True),
    "BIDIRECTIONAL_SEQUENCE_RNN": ("SimpleRNN", 2, True),
    "RNN": ("SimpleRNN", 2, False),
}
_BASIC_LSTM_INPUTS = 5  # input, output before, weights, bias, state before
_PRODUCTS = ("FULLY_CONNECTED", "BATCH_MATMUL")


def recurrence(contents: Contents, graph: Graph, operator: Operator) -> Recurrence | None:
    """Return what recurrent cell an operator runs, None if it is none that is known."""
    if operator.op in _FUSED:
        return _fused(graph, operator)
    if operator.op == "WHILE":
        return _loop(contents, operator)
    return None


def _fused(graph: Graph, operator: Operator) -> Recurrence | None:
    cell, position, sequence = _FUSED[operator.op]
    shapes = shapes_of(graph.tensors, operator.inputs)
    basic = operator.op == "LSTM" and len(shapes) == _BASIC_LSTM_INPUTS
    kernel = shapes[2 if basic else position] if len(shapes) > position or basic else ()
    inputs = shapes[0][-1] if shapes and shapes[0] else None
    if len(kernel) != 2 or None in kernel or inputs is None:
        return None
    units, outputs = known(kernel[0], "units"), known(kernel[1], "outputs")
    if basic:  # one kernel of all gates, for inputs and outputs side by side
        units = outputs = units // 4
    steps: Dim = 1
    if sequence:
        steps = shapes[0][0 if operator.time_major else 1] if len(shapes[0]) == 3 else None
    ways = 2 if operator.op.startswith("BI") else 1
    return Recurrence(cell, inputs, units, outputs, steps, ways)


def _loop(contents: Contents, operator: Operator) -> Recurrence | None:
    """Tell the cell of a loop by its states, products and activations."""
    cond, body = (contents.graphs[each] for each in operator.graphs)
    used = Counter(each.op for each in body.operators)
    states = [
        body.tensors[new].shape
        for old, new in zip(body.inputs, body.outputs, strict=False)
        if old != new and len(body.tensors[new].shape) == 2 and _computed(body, new)
    ]
    kernels = [
        shapes_of(body.tensors, each.inputs)[1]
        for each in body.operators
        if each.op in _PRODUCTS and len(each.inputs) > 1
    ]
    if not states or any(shape != states[0] for shape in states):
        return None
    units = states[0][1]
    found = (len(states), used["LOGISTIC"], used["TANH"] + used["RELU"])
    cell = {(2, 3, 2): "LSTM", (1, 2, 1): "GRU", (1, 0, 1): "SimpleRNN"}.get(found)
    sizes = [shape[-1] for shape in kernels if len(shape) == 2]
    if cell is None or not units or units not in sizes or len(sizes) != len(kernels):
        return None
    others = [size for size in sizes if size is not None and size != units]
    inputs = others[0] if others else units
    return Recurrence(cell, inputs, units, units, _trips(contents, cond),
                      reset_after=len(kernels) == 2)  # fmt: skip


def _computed(body: Graph, tensor: int) -> bool:
    """Whether floating-point arithmetic of the body makes a tensor."""
    return body.tensors[tensor].dtype.startswith("float") and any(
        tensor in each.outputs and each.op in ("ADD", "MUL", "TANH", "RELU")
        for each in body.operators
    )


def _trips(contents: Contents, cond: Graph) -> Dim:
    """Return how often a loop runs: the constant that its counter is compared with, from 0."""
    for each in cond.operators:
        if each.op == "LESS" and len(each.inputs) == 2 and each.inputs[1] >= 0:
            limit = cond.tensors[each.inputs[1]]
            if limit.data is not None and limit.data[1] == 4 and limit.dtype == "int32":
                start = limit.data[0]
                return int.from_bytes(contents.data[start : start + 4], "little", signed=True)
    return None
