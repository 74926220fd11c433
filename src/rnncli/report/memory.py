"""The bytes of what a model computes: states, outputs, and what of them is alive at once."""

from rnncli.graph.order import in_order
from rnncli.layers import cells_of, layer_type, streams, structure_of, torch_modules
from rnncli.layers.layer_type import no_macs
from rnncli.layers.onnx import batch_of
from rnncli.layers.rnn.structure import walk
from rnncli.model import Config, Layer, Model, Ref
from rnncli.report.macs import one_step, outputs_of, times, total
from rnncli.shapes import Dim, Shape, Shapes, product
from rnncli.storage import ITEM_SIZE


def item_size(layer: Layer, dtype: str | None) -> int:
    """Return the bytes of one value that the layer computes: in `dtype`, else in its own."""
    own = layer.config.get("dtype")
    if layer.dialect == "onnx" and dtype is None:
        return ITEM_SIZE.get(str(own), ITEM_SIZE["float32"])
    if isinstance(own, str):
        own = own.rpartition("_from_")[2].removeprefix("mixed_")  # of a quantized layer too
    return ITEM_SIZE[dtype or (own if own in ("float16", "bfloat16", "float64") else "float32")]


def state_bytes(layer: Layer, dtype: str | None) -> Dim:
    """Return the bytes that a layer carries from step to step, for one sequence."""
    if layer.model is not None:
        return total(state_bytes(inner, dtype) for inner in layer.model.layers)
    if layer.kind is None:
        return None if _at_step(layer) is None else 0
    if layer.kind == "onnx.Node":
        return 0
    call = layer.calls[0] if layer.calls else None
    if call is None or call.input_shapes is None or outputs_of(layer, call) is None:
        return 0 if layer_type(layer.kind).macs is no_macs else None
    if layer.dialect == "keras":
        states = _states(layer.kind, layer.config, call.input_shapes)
    else:
        states = sum(sum(node.state_sizes) for node in cells_of(layer))
        if layer.dialect == "onnx" and states:
            states = product((states, batch_of(layer)))
    return times(states, item_size(layer, dtype))


def _states(name: str, config: Config, inputs: Shapes) -> Dim:
    """Return the scalars of the states that `return_state` would give."""
    made = layer_type(name).structure
    found = made(config, inputs[0][-1] or 0) if made is not None else None
    if found is not None:
        return sum(sum(node.state_sizes) for node in found.cells)
    if name == "TimeDistributed":
        inner, (batch, _, *rest) = config["layer"], inputs[0]
        return _states(inner["class_name"], inner["config"], ((batch, *rest),))
    if "return_state" not in layer_type(name).signature:
        return 0
    asked = {**config, "return_state": True, "return_sequences": False}
    return total(product(state[1:]) for state in layer_type(name).outputs(asked, inputs)[1:])


def _at_step(layer: Layer) -> torch_modules.AtStep | None:
    """Return what a module of PyTorch's files does at a step, None of any other layer."""
    told = layer.kind is None and layer.dialect == "torch"
    return torch_modules.at_step(layer) if told else None


def output_bytes(layer: Layer, dtype: str | None) -> Dim:
    """Return the bytes of a layer's outputs, over all its calls, for one sequence."""
    found = _at_step(layer)
    if found is not None:
        steps = torch_modules.steps_of(layer)
        return times(None if steps is None or found.outputs is None else steps * found.outputs,
                     item_size(layer, dtype))  # fmt: skip
    if not layer.calls:
        return None
    shapes = [shape for call in layer.calls for shape in call.output_shapes or (None,)]
    return times(total(_size(layer, shape) for shape in shapes), item_size(layer, dtype))


def _size(layer: Layer, shape: Shape | None) -> Dim:
    """Return the values of an output for one sequence; of a graph, of its whole batch."""
    if shape is None:
        return None
    return product(shape if layer.dialect == "onnx" else shape[1:])


def peak_bytes(model: Model, dtype: str | None, streaming: bool) -> Dim:
    """Return the most bytes of layers' inputs and outputs alive at once, for one sequence.

    Each is kept until its last use. A layer without matrix products may write its output over an
    input of the same size that nothing else needs. `streaming` counts one step of each sequence
    that can be passed on step by step.
    """
    calls = [(layer, index, layer.calls[index]) for layer, index in in_order(model.layers)]
    if not model.inputs or any(not layer.calls for layer in model.layers):
        return None
    passed = _passed_on(model) if streaming else {}
    last: dict[Ref, int] = {}
    for position, (_, _, call) in enumerate(calls):
        last |= dict.fromkeys(call.tensors(), position)
    last |= dict.fromkeys(model.outputs, len(calls))
    alive: dict[Ref, int] = {}
    peak = 0
    for position, (layer, index, call) in enumerate(calls):
        made: dict[Ref, int] = {}
        for tensor, shape in enumerate(call.output_shapes or (None,)):
            ref = Ref(layer.name, index, tensor)
            size = _size(layer, passed.get(ref, shape))
            if size is None:
                return None
            made[ref] = size * item_size(layer, dtype)
        dying = [alive.get(ref, 0) for ref in set(call.tensors()) if last[ref] == position]
        peak = max(peak, sum(alive.values()) + sum(made.values()) - _shared(layer, made, dying))
        alive = {ref: size for ref, size in (alive | made).items() if last.get(ref, -1) > position}
    return peak


def _shared(layer: Layer, made: dict[Ref, int], dying: list[int]) -> int:
    """Return the bytes of an output that can take the place of an input."""
    if layer.kind is None or layer_type(layer.kind).macs is not no_macs or len(made) != 1:
        return 0
    (size,) = made.values()
    return size if size in dying else 0


def _passed_on(model: Model) -> dict[Ref, Shape]:
    """Return one step of each tensor that can be passed on step by step.

    The model's inputs can be read again, so that a layer may read those from their end.
    """
    found: dict[Ref, Shape] = {}
    whole: set[Ref] = set()
    inputs = set(model.inputs)
    for layer in model.layers:
        for index, call in enumerate(layer.calls):
            made = {Ref(layer.name, index, n): s for n, s in enumerate(call.output_shapes or ())}
            found |= dict(zip(made, one_step(tuple(made.values())), strict=True))
            if layer.kind == "InputLayer":
                continue
            structure = structure_of(layer)
            reverse = {back for _, back in walk(structure.part)} if structure else set()
            if len(reverse) > 1:  # it takes its steps from both ends
                whole |= {*(set(call.tensors()) - inputs), *made}
            elif not streams(layer, call):
                whole |= {*call.tensors(), *made}
            elif True in reverse:
                whole |= set(call.tensors()) - inputs
            elif layer.kind == "Embedding":
                found |= dict.fromkeys(call.inputs, (None, 1))
    return {ref: shape for ref, shape in found.items() if ref not in whole}
