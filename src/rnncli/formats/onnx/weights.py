"""The constants of a graph as weights of its layers."""

from rnncli.cells import PEEPHOLE_LSTM
from rnncli.formats.onnx.constants import Constant
from rnncli.formats.onnx.roles import RECURRENT
from rnncli.layers.rnn.weight_layouts import LAYOUTS
from rnncli.model import Weight
from rnncli.storage import Stored

# The inputs of a recurrent operator.
NAMES = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


def weight_of(constant: Constant) -> Weight:
    """Return a constant as a weight that its file holds."""
    initializer = "glorot_uniform" if len(constant.shape) > 1 else "zeros"
    return Weight(
        constant.name, constant.shape, path=constant.name, dtype=constant.dtype,
        initializer=initializer,
        stored=Stored((constant.name,)), stored_bytes=constant.stored,
    )  # fmt: skip


def gates_of(operator: str, name: str) -> tuple[str, ...]:
    """Return the gates of a recurrent node's input, in stored order."""
    cell, layout = RECURRENT[operator], LAYOUTS["onnx"]
    if name == "B":
        return layout.order(cell)
    for term in (PEEPHOLE_LSTM if cell.name == "LSTM" else cell).weights:
        if layout.names[term.name] == name:
            return layout.stored_gates(cell, term)
    return ()


def is_turned(operator: str, position: int) -> bool:
    """Whether a kernel is stored transposed, `(directions, inputs, 4 * units)`."""
    return operator == "DynamicQuantizeLSTM" and position in (1, 2)


def as_stated(operator: str, weight: Weight, position: int) -> Weight:
    """Return a constant as ONNX's own operator takes it."""
    if not is_turned(operator, position) or len(weight.shape) != 3:
        return weight._replace(shared=False)
    ways, inputs, columns = weight.shape
    return weight._replace(name=NAMES[position], shape=(ways, columns, inputs), shared=False)
