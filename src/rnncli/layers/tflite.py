"""TensorFlow Lite's operators, as far as counting needs them: the file says all sizes."""

from rnncli.cells import cell_for
from rnncli.layers.layer_type import LayerType
from rnncli.layers.rnn.structure import Backwards, CellNode, Pair, Structure
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes


def _weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    return tuple(config["weights"])


def _outputs(config: Config, inputs: Shapes) -> Shapes:
    return tuple(config["shapes"])


def _macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    macs: Dim = config["macs"]
    return macs


def _structure(config: Config, size: int = 0) -> Structure:
    """Return the cell that an operator runs, in one direction or in both."""
    cell = cell_for(config["runs"], {"reset_after": config["reset_after"]})
    units, rows = config["units"], min(cell.bias_rows, config["biases"])
    node = CellNode(cell, config["inputs"], units, config["outputs"], layout="tflite",
                    bias_rows=rows)  # fmt: skip
    if config["directions"] == 1:
        return Structure(node)
    ways = (node._replace(path=name, direction=name) for name in ("forward", "backward"))
    return Structure(Pair(next(ways), Backwards(next(ways))))


_NOT_RUN = "operators of TensorFlow Lite are counted, not run"

TYPES = {
    "tflite.Operator": LayerType(outputs=_outputs, weights=_weights, not_run=_NOT_RUN),
    "tflite.Product": LayerType(outputs=_outputs, weights=_weights, macs=_macs, not_run=_NOT_RUN),
    "tflite.Recurrent": LayerType(
        outputs=_outputs, weights=_weights, macs=_macs, structure=_structure, not_run=_NOT_RUN
    ),
}
