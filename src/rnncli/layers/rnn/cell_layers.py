"""Cells called as layers: one step, of `(batch, features)` and the states before it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rnncli.cells import cell_for, names
from rnncli.errors import ShapeError
from rnncli.layers.layer_type import REQUIRED, LayerType, last_dim, rank
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Value, flat
from rnncli.layers.rnn.keras import arguments_of, structure
from rnncli.layers.rnn.structure import CellNode
from rnncli.layers.rnn.weight_layouts import placed_weights
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes

if TYPE_CHECKING:
    from rnncli.kernels import reference
    from rnncli.layers.rnn import unpacking
else:
    unpacking = lazy("rnncli.layers.rnn.unpacking")
    reference = lazy("rnncli.kernels.reference")


def _nodes(class_name: str, config: Config, size: int) -> tuple[CellNode, ...]:
    """Return the cells; the path of a cell alone is that of the layer."""
    own = {"class_name": class_name, "config": config}
    cells = structure("RNN", {"cell": own}, size).cells
    depth = 1 if class_name == "StackedRNNCells" else len(cells[0].path.split("/"))
    return tuple(cell._replace(path="/".join(cell.path.split("/")[depth:])) for cell in cells)


def _outputs(class_name: str, config: Config, inputs: Shapes) -> Shapes:
    batch, size = rank(inputs[0], 2, class_name, "(batch, features)")
    nodes = _nodes(class_name, config, size or 0)
    states = [(batch, size) for node in nodes for size in node.state_sizes]
    if len(inputs) - 1 not in (0, len(states)):
        raise ShapeError(f"{class_name} takes an input and {len(states)} states, "
                         f"but gets {len(inputs)} tensors")  # fmt: skip
    return ((batch, nodes[-1].outputs), *states)


def _weights(class_name: str, config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    nodes = _nodes(class_name, config, last_dim(inputs[0], class_name))
    return tuple(weight for node in nodes for weight in placed_weights(node))


def _macs(class_name: str, config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    nodes = _nodes(class_name, config, inputs[0][-1] or 0)
    return sum(node.macs_per_step for node in nodes)


class OneStep(Op):
    """The states after one step."""

    def __init__(self, setup: OpContext) -> None:
        kernel = next(w for path, w in setup.weights.items() if path.endswith("kernel"))
        self.cells = []
        for node in _nodes(setup.kind, setup.config, len(kernel)):
            weights = unpacking.unpacked(node, setup.weights.get)
            activations = (node.activation, node.recurrent_activation, node.output_activation)
            self.cells.append(
                reference.Reference(node.cell, weights, activations, dtype=setup.dtype.name)
            )

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the output, then all states."""
        x, *rest = inputs
        given = [each.array for each in rest or flat(options.get("states"))]
        wanted = sum(len(cell.cell.states) for cell in self.cells)
        if len(given) != wanted:
            raise ShapeError(f"a cell called as a layer takes {wanted} states, not {len(given)}")
        states, output = iter(given), x.array
        found: list[Array] = []
        for cell in self.cells:
            before = [next(states) for _ in cell.cell.states]
            after, _ = cell.step(output, before)
            output = after[0]
            found += after
        return tuple(map(Value, (output, *found)))


def _type(name: str, arguments: Mapping[str, Any]) -> LayerType:
    return LayerType(
        arguments, partial(_outputs, name), partial(_weights, name), partial(_macs, name),
        run=OneStep,
    )  # fmt: skip


TYPES = {
    **{
        f"{name}Cell": _type(f"{name}Cell", arguments_of(cell_for(name), layer=False))
        for name in names()
    },
    "StackedRNNCells": _type("StackedRNNCells", {"cells": REQUIRED}),
}
