"""ONNX's operators, as far as counting needs them: the file says their weights and shapes.

Products are counted on the shapes that ONNX infers, with the batch in them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from rnncli.layers import bare
from rnncli.layers.layer_type import LayerType
from rnncli.layers.rnn.onnx import CELLS, structure
from rnncli.model import Config, Layer, Model, Weight
from rnncli.shapes import Dim, Shape, Shapes, product

RECURRENT = tuple(f"onnx.{operator}" for operator in CELLS)
_KNOWN = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "ai.onnx.preview.training"}

Inputs = tuple[Shape | None, ...]  # one per input of the node, weights among them


def kind_of(operator: str, domain: str) -> str | None:
    """Return the layer type of a node, None for an operator of somebody's own."""
    if operator.removeprefix("DynamicQuantize") in CELLS:
        return f"onnx.{operator.removeprefix('DynamicQuantize')}"
    return "onnx.Node" if domain in _KNOWN else None


def batch_of(layer: Layer) -> Dim:
    """Return the batch size of a recurrent node's input, None where it is open."""
    shape = layer.config["input_shapes"][0] if layer.config["input_shapes"] else None
    first = bool(layer.config["attributes"].get("layout"))
    return shape[0 if first else 1] if shape is not None and len(shape) == 3 else None


def stated_batch(model: Model) -> Dim:
    """Return the batch size that a graph states, None where it leaves it open."""
    for layer in model.layers:
        if layer.kind in RECURRENT:
            return batch_of(layer)
    shape = model.shape(model.inputs[0]) if model.inputs else None
    return shape[0] if shape else None


def open_axes(model: Model) -> tuple[str, ...]:
    """Return the names of the axes that a graph's inputs leave open."""
    if model.type != "ONNX":
        return ()
    configs = [model.layer(ref.layer).config for ref in model.inputs]
    named = [
        zip(each.get("axes", ()), each.get("batch_shape") or (), strict=False) for each in configs
    ]
    return tuple(dict.fromkeys(axis for pairs in named for axis, dim in pairs if dim is None))


def _weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    return tuple(config["weights"])


def _outputs(config: Config, inputs: Shapes) -> Shapes:
    return tuple(tuple(shape) for shape in config["shapes"] or ())


def steps_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    """Count the products of the kernels `W` and `R` along the first two axes of X.

    Whichever of these is the steps and which the batch, together they count all.
    """
    given: Inputs = config["input_shapes"]
    x, *kernels = (*given, None, None, None)[:3]
    if x is None or len(x) != 3:
        return None
    each = product((*x[:2], _sum([_size(kernel) for kernel in kernels])))
    return _rounds(config, each)


def _rounds(config: Config, count: Dim) -> Dim:
    """Return what all rounds of the loops around a node take."""
    return count if count == 0 else product((count, config["times"]))


def _node_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    count = _MACS.get(config["operator"])
    if count is None:
        return 0
    given: Inputs = config["input_shapes"]
    made = config["shapes"]
    try:
        return _rounds(config, count(given, made[0] if made else None, config["attributes"]))
    except (IndexError, KeyError, TypeError, ValueError):  # shapes that the operator cannot take
        return None


def _matmul(inputs: Inputs, output: Shape | None, attributes: Any, first: int = 0) -> Dim:
    """Each value of the output takes one row of the first matrix."""
    a = inputs[first]
    if a is None or output is None:
        return None
    return product((*output, a[-2 if attributes.get("transA") and len(a) > 1 else -1]))


def _matmul_nbits(inputs: Inputs, output: Shape | None, attributes: Any) -> Dim:
    return None if output is None else product((*output, attributes["K"]))


def _conv(inputs: Inputs, output: Shape | None, attributes: Any, kernel: int = 1) -> Dim:
    """Each value of the output takes one window of its group's channels."""
    w = inputs[kernel]
    return None if w is None or output is None else product((*output, *w[1:]))


def _conv_transpose(inputs: Inputs, output: Shape | None, attributes: Any) -> Dim:
    """Each value of the input is spread over one window of its group's filters."""
    x, w = inputs[0], inputs[1]
    return None if x is None or w is None else product((*x, *w[1:]))


def _einsum(inputs: Inputs, output: Shape | None, attributes: Any) -> Dim:
    """Each combination of indices takes one product for every operand but the first."""
    terms = attributes["equation"].replace(" ", "").partition("->")[0].split(",")
    if len(terms) < 2:
        return 0
    sizes: dict[str, Dim] = {}
    for term, shape in zip(terms, inputs, strict=True):
        letters = term.replace("...", "")
        if shape is None or ("..." not in term and len(letters) != len(shape)):
            return None
        rest = len(shape) - len(letters)
        before = len(term.partition("...")[0]) if "..." in term else 0
        names = [*term[:before], *(f".{rest - n}" for n in range(rest)), *letters[before:]]
        sizes.update((n, d) for n, d in zip(names, shape, strict=True) if sizes.get(n, 1) in (1, d))
    return product((*sizes.values(), len(terms) - 1))


def _attention(inputs: Inputs, output: Shape | None, attributes: Any) -> Dim:
    """Count the products of queries with keys and of weights with values (opset 23)."""
    q, k, v = inputs[:3]
    if q is None or k is None or v is None:
        return None
    if len(q) == 4:
        (batch, heads, steps, size), seen, out = q, k[2], v[3]
    else:
        batch, steps, width = q
        heads, seen = attributes["q_num_heads"], k[1]
        size = None if width is None else width // heads
        out = None if v[2] is None else v[2] // attributes["kv_num_heads"]
    past = inputs[4] if len(inputs) > 4 else None
    seen = _sum([seen, past[2]]) if past is not None else seen
    return product((batch, heads, steps, seen, _sum([size, out])))


def _own_attention(inputs: Inputs, output: Shape | None, attributes: Any) -> Dim:
    """Count ONNX Runtime's Attention, which holds the projections of its input."""
    x, w = inputs[0], inputs[1]
    if x is None or w is None or len(x) != 3:
        return None
    batch, steps, _ = x
    inner = None if w[1] is None else w[1] // 3
    return _sum([product((batch, steps, *w)), product((2, batch, steps, steps, inner))])


def _multi_head(inputs: Inputs, output: Shape | None, attributes: Any) -> Dim:
    """Count ONNX Runtime's MultiHeadAttention, whose inputs are projected already."""
    q, k, v = inputs[:3]
    if q is None or k is None or v is None or len(q) != 3 or len(k) != 3 or len(v) != 3:
        return None
    return product((q[0], q[1], k[1], _sum([q[2], v[2]])))


def _sum(counts: list[Dim]) -> Dim:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _size(shape: Shape | None) -> Dim:
    return None if shape is None else product(shape)


_MACS: dict[str, Callable[..., Dim]] = {
    **dict.fromkeys(("MatMul", "Gemm", "FusedMatMul", "TransposeMatMul", "FusedGemm", "QGemm",
                     "MatMulInteger", "MatMulInteger16", "QLinearMatMul", "DynamicQuantizeMatMul",
                     "MatMulIntegerToFloat"), _matmul),
    "MatMulNBits": _matmul_nbits,
    **dict.fromkeys(("Conv", "FusedConv", "ConvInteger", "DeformConv"), _conv),
    "QLinearConv": lambda inputs, output, attributes: _conv(inputs, output, attributes, 3),
    "ConvTranspose": _conv_transpose,
    "Einsum": _einsum,
    "Attention": lambda inputs, output, attributes: (
        _attention if "q_num_heads" in attributes or len(inputs[0] or ()) == 4 else _own_attention
    )(inputs, output, attributes),
    "MultiHeadAttention": _multi_head,
    "QAttention": _own_attention,
}  # fmt: skip
_NOT_RUN = "ONNX's own reference runs the graph"
TYPES = {
    **{
        name: LayerType(
            outputs=_outputs,
            weights=_weights,
            macs=steps_macs,
            not_run=_NOT_RUN,
            structure=partial(structure, bare(name)),
        )
        for name in RECURRENT
    },
    "onnx.Node": LayerType(outputs=_outputs, weights=_weights, macs=_node_macs, not_run=_NOT_RUN),
}  # fmt: skip
