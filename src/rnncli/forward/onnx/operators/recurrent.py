"""The recurrent operators: our kernels in the place of the reference's."""

from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from rnncli.forward.onnx.operators.entry import ENTRIES, MICROSOFT
from rnncli.forward.onnx.operators.quantized import dequantized, dynamic, quantized
from rnncli.kernels.reference import Reference, multiplied
from rnncli.layers.op import Array
from rnncli.layers.rnn.onnx import CELLS
from rnncli.layers.rnn.run import Running
from rnncli.layers.rnn.run_onnx import Given, OnnxRnn


class _Recurrent(OpRun):
    """Makes its runner as it is prepared, so that it can be looked into; one for all its runs."""

    op_domain = ""
    runner_type: type[OnnxRnn] = OnnxRnn

    def __init__(self, onnx_node: Any, run_params: Any, schema: Any = None) -> None:
        super().__init__(onnx_node, run_params, schema)
        session, name = run_params["evaluator_cls"].session, onnx_node.name
        if name not in session.recurrent:
            own = {each.name: getattr(self, each.name) for each in onnx_node.attribute}
            operator = onnx_node.op_type.removeprefix("DynamicQuantize")
            session.recurrent[name] = self.runner_type(name, operator, own, session.notes)
        self.runner: OnnxRnn = session.recurrent[name]

    def _run(self, *inputs: Any, **attributes: Any) -> tuple[Array, ...]:
        return self.runner.run(inputs)


class _Quantized(OnnxRnn):
    """An LSTM whose kernels are stored transposed, `(directions, inputs, 4 * units)`, in bytes.

    As ONNX Runtime does on one thread, it rounds the whole of X to bytes, and the states of the
    batch at every step. (On several it may round parts of the batch on their own.)
    """

    takes = (1, 2, 3, 7, 8, 9, 10, 11)
    held: tuple[Any, ...] = ()  # the bytes, and the kernels that they stand for

    def run(self, arrays: Any) -> tuple[Array, ...]:
        """Return Y and the final states."""
        given = [*arrays, *[None] * (12 - len(arrays))]
        w, r, b, p = self.weights_of([given[place] for place in self.takes])
        return super().run((_rounded(given[0]), w, r, b, *given[4:7], p))

    def weights_of(self, given: Any) -> Given:
        """Return W, R, B and P as a node without bytes has them."""
        w, r, b, p, *scales = given
        if not self.held or self.held[0] is not w or self.held[1] is not r:
            if any(each is None for each in (w, r, scales[0], scales[2])):
                return (None, None, b, p)
            kernels = (_kernel(w, *scales[:2]), _kernel(r, *scales[2:]))
            self.held = (w, r, *kernels)
        return (*self.held[2:], b, p)

    def prepare(self, weights: Given, dtype: Any) -> Running:
        """Return the node ready to run. Raises: ShapeError."""
        running = super().prepare(weights, dtype)
        running.runners = [
            Reference(
                node.cell, own,
                (node.activation, node.recurrent_activation, node.output_activation),
                dtype=running.dtype.name, multiply=_rounding,
            )
            for node, own in zip(running.structure.cells, running.weights, strict=True)
        ]  # fmt: skip
        return running


def _rounding(term: Any, value: Array, weights: Array) -> Array:
    """Return the product of a value with weights, the state rounded to bytes before it."""
    return multiplied(term, _rounded(value) if term.reads == "units" else value, weights)


def _rounded(x: Array) -> Array:
    """Return what is left of values that have been rounded to bytes, with one scale for all."""
    scale, zero = dynamic(x)
    return dequantized(quantized(x, scale, zero), scale, zero)


def _kernel(stored: Array, scale: Array, zero: Any) -> Array:
    """Return the kernel that bytes stand for; a scale is per direction or per column."""
    shape = (len(stored), 1, -1)
    values = stored.astype(np.float32)
    if zero is not None:
        values = values - zero.astype(np.float32).reshape(shape)
    return np.ascontiguousarray((values * scale.reshape(shape)).swapaxes(1, 2))


for _name in CELLS:
    ENTRIES.append((type(_name, (_Recurrent,), {}), None))
ENTRIES.append(
    (type("DynamicQuantizeLSTM", (_Recurrent,),
          {"op_domain": MICROSOFT, "runner_type": _Quantized}), None)
)  # fmt: skip
