"""The multiply-accumulates of a model: those of its matrix products and convolutions."""

from collections.abc import Iterable

from rnncli.errors import ShapeError
from rnncli.graph.infer import infer
from rnncli.layers import cells_of, layer_type, streams, torch_modules
from rnncli.layers.layer_type import channels_first, no_macs
from rnncli.model import Call, Config, Layer, Model
from rnncli.shapes import Dim, Shapes

Macs = tuple[Dim, Dim]  # per step and per sequence


def model_macs(model: Model) -> Dim:
    """Return the MACs of one sequence, None where a layer's are unknown.

    Of a graph that has the batch in its shapes, those of the batch that it states.
    """
    if model.resized is not None:
        model = model.resized(1, None, {})
    return total(macs_of(layer)[1] for layer in model.layers)


def macs_of(layer: Layer) -> Macs:
    """Return a layer's MACs per step and per sequence, over all its calls.

    The first is None for a layer that does not work step by step, both are None where unknown.
    """
    if layer.model is not None:
        found = [_nested(layer, call.input_shapes) for call in layer.calls]
    elif layer.kind is None:
        return torch_modules.macs_of(layer) if layer.dialect == "torch" else (None, None)
    elif layer_type(layer.kind).macs is no_macs:
        return 0, 0
    else:
        found = [_called(layer, call) for call in layer.calls]
    if not found:
        return None, None
    return total(per_step for per_step, _ in found), total(macs for _, macs in found)


def _called(layer: Layer, call: Call) -> Macs:
    inputs, outputs = call.input_shapes, outputs_of(layer, call)
    if layer.dialect == "onnx" and layer.kind is not None:
        return _of_node(layer.kind, layer.config)
    if layer.kind is None or inputs is None or outputs is None:
        return None, None
    count = layer_type(layer.kind).macs
    macs = count(layer.config, inputs, outputs)
    graph = layer.dialect == "tflite"  # whose operators differ in which axis is that of the steps
    if graph or not inputs or channels_first(layer.config) or len(inputs[0]) < 3:
        return None, macs
    try:
        per_step = count(layer.config, one_step(inputs), one_step(outputs))
        twice = count(layer.config, one_step(inputs, 2), one_step(outputs, 2))
    except ShapeError:  # one step is shorter than its window
        return None, macs
    if twice != times(per_step, 2) or _is_image(layer, call):
        return None, macs  # it does not do the same work at each step
    return per_step, 0 if per_step == 0 else macs


def _of_node(kind: str, config: Config) -> Macs:
    """Return the MACs of a node of a graph; of a recurrent one also those of a step."""
    macs = layer_type(kind).macs(config, (), ())
    if not macs or kind == "onnx.Node":
        return (0 if macs == 0 else None), macs
    steps = config["input_shapes"][0][1 if config["attributes"].get("layout") else 0]
    return macs // steps, macs


def _is_image(layer: Layer, call: Call) -> bool:
    """Whether axis 1 is that of an image's rows, or of one of several inputs, not of steps."""
    inputs = call.input_shapes or ((),)
    return (len(inputs) > 1 or len(inputs[0]) > 3) and not streams(layer, call)


def outputs_of(layer: Layer, call: Call) -> Shapes | None:
    """Return a call's output shapes; of an inferred recurrent layer those of default arguments.

    What it returns does not change its products and states, which are all that this is for.
    """
    if layer.kind is None or not layer.inferred or not cells_of(layer):
        return call.output_shapes
    return layer_type(layer.kind).outputs(layer.config, call.input_shapes or ())


def _nested(layer: Layer, inputs: Shapes | None) -> Macs:
    """Return the MACs of one call of a nested model, on the sizes that it is called with."""
    assert layer.model is not None
    if inputs is None:
        return None, None
    distributed = layer.kind == "TimeDistributed"
    own = ((inputs[0][0], *inputs[0][2:]),) if distributed else inputs
    model = layer.model
    if own != tuple(model.shape(ref) for ref in model.inputs):
        model = infer(model, own)
    if distributed:
        each, steps = model_macs(model), inputs[0][1]
        return each, None if each is None or steps is None else steps * each
    found = [macs_of(inner) for inner in model.layers]
    per_step = [count for count, _ in found if count is not None]
    return sum(per_step) if per_step else None, total(macs for _, macs in found)


def one_step(shapes: Shapes, steps: int = 1) -> Shapes:
    """Return the shapes with sequences one step long, or `steps`."""
    return tuple((shape[0], steps, *shape[2:]) if len(shape) >= 3 else shape for shape in shapes)


def total(counts: Iterable[Dim]) -> Dim:
    """Return the sum, None if a part is unknown."""
    parts = tuple(counts)
    return None if None in parts else sum(part for part in parts if part is not None)


def times(count: Dim, factor: int) -> Dim:
    """Return the product, None if `count` is unknown."""
    return None if count is None else count * factor
