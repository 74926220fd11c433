"""Weights that an ONNX graph puts together: PyTorch slices its gates apart and orders them anew.

Only nodes that move values are run, and only where they lead from constants to the weights of a
recurrent node, which then has them as if the file held them so.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from math import prod
from typing import Any

from rnncli.formats import limits
from rnncli.formats.onnx.nodes import RECURRENT, Constant

_MOVES = {"Concat", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
_WEIGHTS = slice(1, 4)  # the inputs W, R and B
_AXES = {"int32", "int64"}  # of the constants that say where to cut


class Folder:
    """Runs the nodes that only move constants, as far as memory allows."""

    def __init__(self, proto: Any) -> None:
        self.opsets = list(proto.opset_import)
        self.wanted = _wanted(proto.graph)
        self.left = limits.UNPACKED_BYTES

    def fold(self, node: Any, inputs: Sequence[Constant | None]) -> list[Constant]:
        """Return a node's outputs as constants; [] where it is none that can be folded."""
        known = [each for each in inputs if each is not None]
        if not known or len(known) < len(inputs) or not self.wanted.issuperset(node.output):
            return []
        size = sum(prod(each.shape) for each in known) * 8
        if size > self.left:
            return []
        try:
            arrays = self._run(node, known)
        except Exception:  # whatever a node that is none raises, it keeps its row
            return []
        self.left -= sum(array.nbytes for array in arrays)
        return [
            Constant(name, array.shape, array.dtype.name, True, partial(_same, array),
                     _key(node, index, known, array.size))
            for index, (name, array) in enumerate(zip(node.output, arrays, strict=True))
        ]  # fmt: skip

    def _run(self, node: Any, inputs: Sequence[Constant]) -> list[Any]:
        from onnx import TypeProto, helper
        from onnx.reference import ReferenceEvaluator

        inward, outward = (
            [helper.make_value_info(name, TypeProto()) for name in dict.fromkeys(names)]
            for names in (node.input, node.output)
        )
        graph = helper.make_graph([node], "moves", inward, outward)
        model = helper.make_model(graph, opset_imports=self.opsets)
        given = {each.name: each.values() for each in inputs}
        return list(ReferenceEvaluator(model).run(None, given))


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
                graphs += (each.g, *each.graphs) if each.type in (5, 10) else ()
    wanted: set[str] = set()
    while names:
        for node in makers.pop(names.pop(), ()):
            wanted.update(node.output)
            names += node.input
    return wanted - {each.name for each in graph.output}


def _key(node: Any, output: int, inputs: Sequence[Constant], size: int) -> str:
    """Return what tells values from others: the branches of an If may cut the same tensor alike."""
    first = inputs[0]
    if size == prod(first.shape) and node.op_type != "Concat":
        return first.key
    parts = [repr(each.values().tolist()) if each.dtype in _AXES else each.key for each in inputs]
    own = [attribute.SerializeToString() for attribute in node.attribute]
    return sha256(repr((node.op_type, output, own, parts)).encode()).hexdigest()


def _same(array: Any) -> Any:
    return array
