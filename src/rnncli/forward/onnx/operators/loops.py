"""Loop and Scan, which say how far they are.

The reference stacks what they give wrongly, and knows no directions and axes.
"""

from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from rnncli.errors import ShapeError
from rnncli.forward.onnx.operators.entry import ENTRIES, stated
from rnncli.layers.op import Array

MOST_ROUNDS = 1_000_000  # of a loop that its condition alone is to end


def _stacked(parts: list[Any], axis: int = 0) -> Array:
    return np.stack([np.asarray(part) for part in parts], axis=axis)


class Loop(OpRun):
    """Runs its body while a condition holds, or so many times."""

    op_domain = ""
    body: Any

    def need_context(self) -> bool:
        """Whether the body may take tensors of the graph around it."""
        return True

    def _run(
        self, count: Any, go: Any, *states: Any, context: Any = None, body: Any = None,
        attributes: Any = None, **_: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        body, session = self.body, self.run_params["evaluator_cls"].session
        total = None if count is None else int(np.asarray(count).reshape(()))
        going, now, number = go is None or bool(np.all(go)), list(states), 0
        rows: list[list[Any]] = [[] for _ in body.output_names[1 + len(states) :]]
        while going and (total is None or number < total):
            given = (np.array(number, np.int64), np.array(going), *now)
            outputs = body.run(None, {**context, **dict(zip(body.input_names, given, strict=True))},
                               attributes=attributes)  # fmt: skip
            going = bool(np.all(outputs[0]))
            now = outputs[1 : 1 + len(states)]
            for row, value in zip(rows, outputs[1 + len(states) :], strict=True):
                row.append(value)
            number += 1
            session.looped(number, total, rows)
            if going and (total is None or total > MOST_ROUNDS):
                _check_ends(body, number)
        return (*now, *(_collected(row, self, index) for index, row in enumerate(rows)))


def _check_ends(body: Any, number: int) -> None:
    """Check that a loop may end. Raises: ShapeError."""
    if number == 1 and body.output_names[0] not in _changing(body):
        raise ShapeError("nothing in its body changes the condition, so that it never ends")
    if number == MOST_ROUNDS:
        raise ShapeError(f"its condition still holds after {number:,} rounds")


def _changing(body: Any) -> set[str]:
    """Return the tensors of a body that depend on the round or on a state."""
    found = {body.input_names[0], *body.input_names[2:]}
    for node in body.rt_nodes_:
        holds_graphs = any(each.HasField("g") for each in node.onnx_node.attribute)
        if holds_graphs or found.intersection(node.input):
            found.update(node.output)
    return found


def _collected(row: list[Any], node: Any, index: int) -> Any:
    """Return what the rounds of a loop gave; of none, an empty tensor of the body's type."""
    if row:
        return _stacked(row)
    from onnx import helper

    stated_type = node.body.output_types_[index - len(node.onnx_node.output)].tensor_type
    dims = [dim.dim_value for dim in stated_type.shape.dim]
    dtype = helper.tensor_dtype_to_np_dtype(stated_type.elem_type or 1)
    return np.empty((0, *dims), dtype)


class Scan(OpRun):
    """Runs its body on each slice of some inputs."""

    op_domain = ""
    body: Any

    def need_context(self) -> bool:
        """Whether the body may take tensors of the graph around it."""
        return True

    def _run(self, *inputs: Any, context: Any = None, attributes: Any = None, **_: Any) -> Any:
        if self.run_params["opsets"].get("", 9) < 9:
            if inputs[0] is not None:
                raise ShapeError("Scan of opset 8 with lengths of sequences")
            batches = [
                self._scan([each[row] for each in inputs[1:]], context, attributes)
                for row in range(len(inputs[1]))
            ]
            return tuple(_stacked(list(parts)) for parts in zip(*batches, strict=True))
        return self._scan(list(inputs), context, attributes)

    def _scan(self, inputs: list[Any], context: Any, attributes: Any) -> tuple[Any, ...]:
        body, session, count = self.body, self.run_params["evaluator_cls"].session, int(
            stated(self, "num_scan_inputs", 1))  # fmt: skip
        split = len(inputs) - count
        now, outer = inputs[:split], len(body.output_names) - split
        reverse = [bool(each) for each in stated(self, "scan_input_directions", None)
                   or stated(self, "directions", None) or [0] * count]  # fmt: skip
        axes = stated(self, "scan_input_axes", None) or [0] * count
        slices = [
            np.moveaxis(each, axis, 0) for each, axis in zip(inputs[split:], axes, strict=True)
        ]
        rows: list[list[Any]] = [[] for _ in range(outer)]
        for number in range(len(slices[0])):
            taken = [each[-1 - number if back else number]
                     for each, back in zip(slices, reverse, strict=True)]  # fmt: skip
            given = dict(zip(body.input_names, (*now, *taken), strict=True))
            outputs = body.run(None, {**context, **given}, attributes=attributes)
            now = outputs[:split]
            for row, value in zip(rows, outputs[split:], strict=True):
                row.append(value)
            session.looped(number + 1, len(slices[0]), rows)
        turned = stated(self, "scan_output_directions", None) or [0] * outer
        places = stated(self, "scan_output_axes", None) or [0] * outer
        return (*now, *(
            _stacked(row[::-1] if back else row, axis) if row else _collected(row, self, index)
            for index, (row, back, axis) in enumerate(zip(rows, turned, places, strict=True))
        ))  # fmt: skip


ENTRIES += [(Loop, None), (Scan, None)]
