"""A model with the shape of every tensor and the weights of every layer, for inputs of any sizes.

Flags, `--layer` expressions and files all come through here, models inside models too.
"""

from typing import Any

from rnncli.errors import RnncliError, ShapeError, UnsupportedError, UsageError
from rnncli.graph.order import in_order, keras_depths
from rnncli.layers import TABLE, complete, layer_type
from rnncli.layers.arguments import check_arguments
from rnncli.layers.layer_type import trains, typed
from rnncli.model import Call, Config, Layer, Model, Ref, Weight, sequential
from rnncli.shapes import Shape, Shapes


class _Progress:
    """What is known so far while shapes travel through the graph."""

    def __init__(self, model: Model) -> None:
        self.source = model.source
        self.strict = model.source.kind != "file"
        self.chained = model.type == "Sequential"
        self.by_name = {layer.name: layer for layer in model.layers}
        self.shapes: dict[Ref, Shape] = {}
        self.calls: dict[str, list[Call]] = {}
        self.configs: dict[str, Config] = {}
        self.weights: dict[str, tuple[Weight, ...]] = {}
        self.models: dict[str, Model] = {}
        self.broken: set[str] = set()  # layers whose config is none of their kind
        self.warnings: list[str] = []

    def knows(self, layer: Layer) -> bool:
        """Whether a layer is of a known kind, with a config that can be relied on."""
        return layer.kind in TABLE and layer.name not in self.broken

    def config(self, layer: Layer) -> Config:
        """Return the full config of a layer of a known kind, checked once."""
        if layer.name not in self.configs:
            assert layer.kind is not None
            config = complete(layer.kind, layer.config)
            check_arguments(layer.kind, config, activations=self.strict)
            self.configs[layer.name] = config
        return self.configs[layer.name]

    def warn(self, layer: Layer, error: Exception) -> None:
        """Note what is wrong with a layer; nothing looks into a config that is none of its kind."""
        if not isinstance(error, ShapeError | UnsupportedError):
            self.broken.add(layer.name)
            self.weights.pop(layer.name, None)
        reason = f"its config lacks {error}" if isinstance(error, KeyError) else str(error)
        self.warnings.append(f"layer {layer.name!r} ({layer.type or layer.kind}): {reason}")


# What a config raises that is none of its kind.
_MALFORMED = (RnncliError, KeyError, TypeError, ValueError, IndexError, AttributeError)


def infer(model: Model, inputs: Shapes | None = None) -> Model:
    """Return the model with its shapes and weights; `inputs` are other sizes than its own.

    A weight whose place in a file is known keeps it, and its dtype. Of a file, a layer that does
    not fit keeps its row, with what is known, and a warning is added.
    Raises: ShapeError if a layer that the user wrote does not fit.
    """
    if inputs is not None:
        model = _on_inputs(model, inputs)
    progress = _Progress(model)
    for ref in (*model.inputs, *model.outputs):
        found = progress.by_name.get(ref.layer)
        if found is None or not 0 <= ref.call < max(1, len(found.calls)):
            raise ShapeError(f"the model begins or ends with call {ref.call} of layer "
                             f"{ref.layer[:60]!r}, which it does not have")  # fmt: skip
    if not progress.strict:
        for layer in model.layers:
            _check(layer, progress)
    for layer, index in in_order(model.layers):
        _run_call(layer, index, progress)
    layers = tuple(_finished(layer, progress) for layer in _listed(model))
    outputs = model.outputs
    if model.type == "Sequential" and layers and layers[-1].calls:
        last = layers[-1]
        tensors = range(len(last.output_shapes or (None,)))
        outputs = tuple(Ref(last.name, 0, tensor) for tensor in tensors)
    warnings = tuple(dict.fromkeys((*progress.warnings, *model.warnings)))
    return model._replace(layers=layers, outputs=outputs, warnings=warnings)


def _on_inputs(model: Model, inputs: Shapes) -> Model:
    """Return the model with `inputs` for the shapes of its input layers."""
    given = {ref.layer: shape for ref, shape in zip(model.inputs, inputs, strict=False)}
    layers = tuple(
        layer._replace(config={**layer.config, "batch_shape": given[layer.name]})
        if layer.name in given and layer.kind == "InputLayer"
        else layer
        for layer in model.layers
    )
    return model._replace(layers=layers)


def _check(layer: Layer, progress: _Progress) -> None:
    """Warn of a config that is none of its kind, also where no call ever looks at it."""
    if layer.kind not in TABLE or layer.model is not None:
        return
    try:
        progress.config(layer)
    except _MALFORMED as error:
        progress.warn(layer, error)


def _listed(model: Model) -> tuple[Layer, ...]:
    """Return the layers in the order in which Keras lists them."""
    if model.type != "Functional":
        return model.layers
    order = keras_depths(model).layers
    rank = {name: index for index, name in enumerate(order)}
    return tuple(sorted(model.layers, key=lambda layer: rank.get(layer.name, len(rank))))


def _run_call(layer: Layer, index: int, progress: _Progress) -> None:
    call = _call(layer, index, progress)
    shapes = call.arguments(map(progress.shapes.get, call.inputs), lambda each: each.shape)
    inputs: Shapes | None = None if None in shapes else tuple(s for s in shapes if s is not None)
    if inputs is None or (not inputs and layer.build_shapes):
        inputs = layer.build_shapes
    try:
        if progress.chained and len(inputs or ()) > 1:
            from rnncli.graph.misfit import check_single

            check_single(layer, inputs or ())
        outputs = _outputs(layer, inputs, index, progress)
    except _MALFORMED as error:
        if progress.strict:
            raise _misfit(layer, call, progress, error) from error
        progress.warn(layer, error)
        outputs = layer.stated_shapes
    calls = progress.calls.setdefault(layer.name, list(layer.calls))
    calls[index] = call._replace(input_shapes=inputs, output_shapes=outputs)
    for tensor, shape in enumerate(outputs or ()):
        progress.shapes[Ref(layer.name, index, tensor)] = shape


def _call(layer: Layer, index: int, progress: _Progress) -> Call:
    """Return a call; in a chain it takes all tensors that the layer before gives."""
    call = layer.calls[index]
    if not progress.chained or len(call.inputs) != 1:  # Keras 1's may begin with a Merge of others
        return call
    ref = call.inputs[0]
    before = progress.calls[ref.layer][ref.call].output_shapes or ((),)
    return call._replace(inputs=tuple(ref._replace(tensor=each) for each in range(len(before))))


def _outputs(layer: Layer, inputs: Shapes | None, index: int, progress: _Progress) -> Shapes | None:
    """Return the output shapes of a call, and note the layer's weights at its first call."""
    if layer.model is not None:
        return _nested_outputs(layer, layer.model, inputs, progress)
    if not progress.knows(layer) or inputs is None:
        return layer.stated_shapes
    known, config = layer_type(layer.kind or ""), progress.config(layer)
    if index == 0:
        found = tuple(map(_checked, known.weights(config, inputs)))
        progress.weights[layer.name] = typed(layer.kind or "", config, found)
    # Of inferred layers no file says what comes out: it depends on their arguments.
    if layer.inferred:
        return None
    if known.lists and len(inputs) > 1:
        return inputs
    shapes = known.outputs({**config, **_switches(layer.calls[index])}, inputs)
    for shape in shapes:
        if not all(size is None or isinstance(size, int) for size in shape or ()):
            raise UsageError(f"its output has the shape {shape}, which is none")
    return shapes


def _checked(weight: Weight) -> Weight:
    """Return a weight. Raises: UsageError if its sizes are none."""
    if all(type(size) is int and size >= 0 for size in weight.shape):
        return weight
    raise UsageError(f"its weight {weight.name!r} has the shape {weight.shape}, which is none")


def _switches(call: Call) -> dict[str, Any]:
    """Return what a call asks for beside tensors, such as `return_attention_scores`."""
    return {key: value for key, value in call.kwargs.items() if isinstance(value, bool)}


def _nested_outputs(
    layer: Layer, inner: Model, inputs: Shapes | None, progress: _Progress
) -> Shapes | None:
    """Return what a nested model gives; called on other sizes than its own, that of those sizes."""
    if layer.kind == "TimeDistributed" and inputs:
        batch, steps, *rest = inputs[0]
        each = layer._replace(kind=None)
        outputs = _nested_outputs(each, inner, ((batch, *rest),), progress)
        return outputs and tuple((batch, steps, *shape[1:]) for shape in outputs)
    if not inner.inputs and inputs:  # a Sequential without Input takes its caller's shape
        name = f"{inner.name}_input"
        first = Layer("InputLayer", name, {"batch_shape": inputs[0]}, type="InputLayer")
        inner = sequential((first, *inner.layers), inner.name)
    if layer.name not in progress.models:
        model = _own(inner, progress)
        progress.warnings += model.warnings
        progress.models[layer.name] = model
    model = progress.models[layer.name]
    if inputs and inputs != tuple(model.shape(ref) for ref in model.inputs):
        model = infer(model, inputs)
    if model.type == "Sequential":  # all that the last layer gives, as with return_state
        return model.layers[-1].output_shapes if model.layers else None
    shapes = [model.shape(ref) for ref in model.outputs]
    return None if None in shapes else tuple(shape for shape in shapes if shape is not None)


def _own(inner: Model, progress: _Progress) -> Model:
    """Return a nested model on its own input, if it has one."""
    return infer(inner._replace(source=progress.source))


def _finished(layer: Layer, progress: _Progress) -> Layer:
    trainable = layer.trainable and trains(layer.kind, layer.config)
    known = progress.knows(layer)
    weights = _weights(layer, trainable, progress)
    if weights is None and known and layer_type(layer.kind or "").built_at_init:
        weights = ()
    model = progress.models.get(layer.name)
    if model is None and layer.model is not None:  # never called
        model = _own(layer.model, progress)
    config = layer.config
    if known:
        config = progress.configs.get(layer.name) or complete(layer.kind or "", layer.config)
    return layer._replace(
        kind=layer.kind if known else None,
        type=layer.type or layer.kind or "?",
        config=config,
        calls=tuple(progress.calls.get(layer.name, ())),
        model=model,
        weights=() if model is not None else weights,
        trainable=trainable,
    )


def _weights(layer: Layer, trainable: bool, progress: _Progress) -> tuple[Weight, ...] | None:
    """Return a layer's weights, those that a file was seen to hold where they are in it."""
    weights = progress.weights.get(layer.name)
    if weights is None:
        weights = layer.weights
    else:
        placed = {each.path: each for each in layer.weights or () if each.stored is not None}
        weights = tuple(_placed(weight, placed.pop(weight.path, None)) for weight in weights)
        if layer.dialect == "torch":  # what a module has beside its kind's weights
            weights += tuple(placed.values())
    if weights is None or trainable:
        return weights
    return tuple(weight._replace(trainable=False) for weight in weights)


def _placed(weight: Weight, before: Weight | None) -> Weight:
    if before is None or before.shape != weight.shape:
        return weight
    return weight._replace(
        stored=before.stored, dtype=before.dtype, trainable=before.trainable, shared=before.shared
    )


def _misfit(layer: Layer, call: Call, progress: _Progress, error: Exception) -> RnncliError:
    """Return the error of a layer with the layers of the stack before it."""
    from rnncli.graph.misfit import Placed, misfit

    before: list[Placed] = []
    ref = next(iter(call.inputs), None)
    while ref is not None:
        own = progress.by_name[ref.layer]
        found = progress.calls[own.name][ref.call]
        config = progress.configs.get(own.name, own.config)
        before.append(Placed(own, config, found.input_shapes, found.output_shapes))
        ref = next(iter(found.inputs), None)
    return misfit(before[::-1], layer, error)
