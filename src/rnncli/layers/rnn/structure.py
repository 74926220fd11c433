"""What a recurrent layer is made of: a tree of cells, chains and pairs of directions.

Keras's layers, cuDNN's, PyTorch's modules and ONNX's nodes build this tree from their configs, each
in its own file. What counts, explains or runs a recurrent layer reads the tree: outputs and
products below, `run` for values, `report` for words.

A cell whose products are convolutions (ConvLSTM) is one of the same cells, with a tree of its own:
its `CellNode` names the cell and its filters as `units`, its layer type says its own shapes, and it
runs by `kernels.reference.Reference` with `multiply`, which convolves in place of multiplying, and
`space`, the sizes of the image that a state is.
"""

from collections.abc import Iterator
from typing import NamedTuple

from rnncli.activation_names import Applied
from rnncli.cell import Cell
from rnncli.errors import ShapeError
from rnncli.shapes import Dim, Shapes

Activation = str | Applied | None  # None: linear
MERGE_MODES = ("concat", "sum", "mul", "ave", None)


class CellNode(NamedTuple):
    """One cell of a layer. `path` leads to its variables, `""` where the layer is the cell.

    `outputs` is the size of the state `h`: `units`, unless PyTorch's `proj_size` projects it.
    `bias_rows` is how many bias values each unit of each gate has: 0, 1 or 2. `zeros`: a step that
    the mask leaves out gives zeros. `direction` and `label` are what the layer calls the direction
    and the cell in it, `""` where there is but one; `state` is how a final state is called.
    """

    cell: Cell
    inputs: int
    units: int
    outputs: int
    path: str = ""
    layout: str = "keras"
    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
    output_activation: Activation = "tanh"
    bias_rows: int = 1
    zeros: bool = False
    trainable: bool = True
    dtype: str = "float32"
    unit_forget_bias: bool = False
    direction: str = ""
    label: str = ""
    state: str = "{}"

    @property
    def projected(self) -> bool:
        """Whether `h` is projected to another size."""
        return self.outputs != self.units

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The sizes of the states, the output first."""
        return (self.outputs, *[self.units] * (len(self.cell.states) - 1))

    @property
    def macs_per_step(self) -> int:
        """The multiply-accumulates of one step of one sequence."""
        own = self.cell.macs_per_step(self.inputs, self.units, self.outputs)
        return own + (self.units * self.outputs if self.projected else 0)


class Chain(NamedTuple):
    """Parts of which each reads the sequence that the one before gives."""

    parts: tuple["Part", ...]


class Backwards(NamedTuple):
    """A part that reads from the last step to the first, and gives its outputs in that order.

    `zeroed`: once all steps are taken, outputs become zero where the mask leaves out the step of
    the same number in time: Keras's unrolled loop does not turn the mask round there.
    """

    part: "Part"
    zeroed: bool = False


class Pair(NamedTuple):
    """Two parts that read the same; the second's sequence is turned round before they are merged.

    `merge` is a merge mode of Keras's Bidirectional; None: both outputs are given.
    """

    forward: "Part"
    backward: "Part"
    merge: str | None = "concat"


Part = CellNode | Chain | Backwards | Pair


class Structure(NamedTuple):
    """A recurrent layer: the tree, and what is given of it.

    `time_major`: the axes are `(time, batch, inputs)`.
    """

    part: Part
    return_sequences: bool = False
    return_state: bool = False
    time_major: bool = False

    @property
    def cells(self) -> tuple[CellNode, ...]:
        """The cells, forward ones first, in the order of their weights and states."""
        return tuple(cell for cell, _ in walk(self.part))

    @property
    def directions(self) -> tuple[Part, ...]:
        """The parts that are read for an output each: two of a pair, else one."""
        part = self.part
        return (part.forward, part.backward) if isinstance(part, Pair) else (part,)

    def outputs(self, shape: tuple[Dim, ...]) -> Shapes:
        """Return the shapes of the output(s), then of the final states."""
        batch, steps = (shape[1], shape[0]) if self.time_major else (shape[0], shape[1])
        time = (steps,) if self.return_sequences else ()
        found: list[tuple[Dim, ...]] = []
        for size in output_sizes(self.part):
            whole = (steps, batch) if self.time_major and time else (batch, *time)
            found.append((*whole, size))
        if self.return_state:
            found += [(batch, size) for cell in self.cells for size in cell.state_sizes]
        return tuple(found)

    @property
    def macs_per_step(self) -> int:
        """The multiply-accumulates of one step of one sequence."""
        return sum(cell.macs_per_step for cell in self.cells)

    def macs(self, shape: tuple[Dim, ...]) -> Dim:
        """Return the multiply-accumulates of one sequence, None if its length is open."""
        steps = shape[0] if self.time_major else shape[1]
        return None if steps is None else steps * self.macs_per_step

    def streams(self) -> bool:
        """Whether steps can be taken as they come.

        Read backwards, only the last output can; of a pair, its parts in a pass each.
        """
        if self.time_major or any(map(_both_ways, self.directions)):
            return False
        forward = len(self.directions) == 1 and not any(back for _, back in walk(self.part))
        return forward or not self.return_sequences


def walk(part: Part, reverse: bool = False) -> Iterator[tuple[CellNode, bool]]:
    """Yield each cell, and whether it reads from the last step to the first."""
    if isinstance(part, CellNode):
        yield part, reverse
    elif isinstance(part, Chain):
        for each in part.parts:
            yield from walk(each, reverse)
    elif isinstance(part, Backwards):
        yield from walk(part.part, not reverse)
    else:
        yield from walk(part.forward, reverse)
        yield from walk(part.backward, reverse)


def _both_ways(part: Part) -> bool:
    """Whether cells of a part read in different directions."""
    return len({reverse for _, reverse in walk(part)}) > 1


def output_sizes(part: Part) -> tuple[int, ...]:
    """Return the features of each output of a part. Raises: ShapeError."""
    if isinstance(part, CellNode):
        return (part.outputs,)
    if isinstance(part, Chain):
        return output_sizes(part.parts[-1])
    if isinstance(part, Backwards):
        return output_sizes(part.part)
    sizes = output_sizes(part.forward) + output_sizes(part.backward)
    if part.merge is None:
        return sizes
    if part.merge == "concat":
        return (sum(sizes),)
    if len(set(sizes)) > 1:
        raise ShapeError(f"its directions give {' and '.join(map(str, sizes))} features, which "
                         f"merge_mode={part.merge!r} cannot merge")  # fmt: skip
    return sizes[:1]


def last_cells(part: Part) -> tuple[CellNode, ...]:
    """Return the cells that give the output: one per direction."""
    if isinstance(part, CellNode):
        return (part,)
    if isinstance(part, Chain):
        return last_cells(part.parts[-1])
    if isinstance(part, Backwards):
        return last_cells(part.part)
    return last_cells(part.forward) + last_cells(part.backward)
