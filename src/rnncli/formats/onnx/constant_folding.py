"""Weights that an ONNX graph puts together: PyTorch slices its gates apart and orders them anew.

Nodes that only move values, where they lead from constants to the weights of a recurrent node, are
no rows: the node has its weights as if the file held them so. Their values are made when asked for.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from math import prod
from typing import Any

from rnncli.formats import limits
from rnncli.formats.onnx.constants import Constant
from rnncli.formats.onnx.functions import graphs_in
from rnncli.formats.onnx.roles import RECURRENT
from rnncli.shapes import Shape

_MOVES = {"Cast", "Concat", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose",
          "Unsqueeze"}  # fmt: skip
_WEIGHTS = slice(1, 4)  # the inputs W, R and B
_AXES = {"int32", "int64"}  # of the constants that say where to cut
_FEW = 64  # values of such a constant
_MANY = 1 << 24  # values of a constant that is looked at for its shape


class Folder:
    """Knows which nodes only move constants to where weights are taken."""

    def __init__(self, proto: Any) -> None:
        self.opsets = list(proto.opset_import)
        self.wanted = _wanted(proto.graph)

    def fold(
        self, node: Any, inputs: Sequence[Constant | None], shapes: Sequence[Shape | None]
    ) -> list[Constant]:
        """Return a node's outputs as constants; [] where it is none that can be folded."""
        known = [each for each in inputs if each is not None]
        if not known or len(known) < len(inputs) or not self.wanted.issuperset(node.output):
            return []
        axes = (each for each in known if each.dtype in _AXES)
        if any(each.beside or each.size > _FEW for each in axes):
            return []
        try:
            return [
                Constant(name, shape, known[0].dtype, True, partial(self._run, node, known, index),
                         _key(node, index, known, prod(shape)), None,
                         any(each.beside for each in known))
                for index, (name, shape) in enumerate(
                    zip(node.output, self._shapes(node, known, shapes), strict=True)
                )
            ]  # fmt: skip
        except Exception:  # whatever a node that is none raises, it keeps its row
            return []

    def _shapes(
        self, node: Any, inputs: Sequence[Constant], shapes: Sequence[Shape | None]
    ) -> list[tuple[int, ...]]:
        """Return the shapes of the outputs: those inferred, else those of the values."""
        if all(shape is not None and None not in shape for shape in shapes):
            return [tuple(dim or 0 for dim in shape or ()) for shape in shapes]
        if any(each.beside or each.size > _MANY for each in inputs):
            raise ValueError
        return [self._run(node, inputs, index).shape for index in range(len(node.output))]

    def _run(self, node: Any, inputs: Sequence[Constant], index: int) -> Any:
        from onnx import TypeProto, helper
        from onnx.reference import ReferenceEvaluator

        limits.check("bytes of a tensor", sum(each.size * 8 for each in inputs),
                     limits.TENSOR_BYTES)  # fmt: skip
        inward, outward = (
            [helper.make_value_info(name, TypeProto()) for name in dict.fromkeys(names)]
            for names in (node.input, node.output)
        )
        graph = helper.make_graph([node], "moves", inward, outward)
        model = helper.make_model(graph, opset_imports=self.opsets)
        given = {name: each.values() for name, each in zip(node.input, inputs, strict=True)}
        return list(ReferenceEvaluator(model).run(None, given))[index]


def _wanted(graph: Any) -> set[str]:
    """Return the tensors, in all graphs, that nodes make only for the weights of recurrent ones."""
    makers, names, graphs = defaultdict(list), [], [graph]
    while graphs:
        for node in graphs.pop().node:
            for name in node.output if node.op_type in _MOVES else ():
                makers[name].append(node)
            if node.op_type in RECURRENT:
                names += node.input[_WEIGHTS]
            for each in node.attribute:
                graphs += graphs_in(each)
    wanted: set[str] = set()
    while names:
        for node in makers.pop(names.pop(), ()):
            wanted.update(node.output)
            names += node.input
    return wanted - {each.name for each in graph.output}


def _key(node: Any, output: int, inputs: Sequence[Constant], size: int) -> str:
    """Return what tells values from others: the branches of an If may cut the same tensor alike."""
    first = inputs[0]
    if size == first.size and node.op_type != "Concat":
        return first.key
    parts = [repr(each.values().tolist()) if each.dtype in _AXES else each.key for each in inputs]
    own = [attribute.SerializeToString() for attribute in node.attribute]
    return sha256(repr((node.op_type, output, own, parts)).encode()).hexdigest()
