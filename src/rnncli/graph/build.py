"""From layer configs and their connections to a `Model` with shapes and weights.

Flags, `--layer` expressions and files all come through here as a `ModelSpec`.
"""

from collections.abc import Mapping
from typing import Any

from rnncli.errors import RnncliError, ShapeError, UnsupportedError, UsageError
from rnncli.graph.order import in_order, keras_depths
from rnncli.graph.specs import UNKNOWN, CallSpec, LayerSpec, ModelSpec, on_inputs, sequential
from rnncli.layers import TABLE, complete, layer_type
from rnncli.layers.arguments import check_arguments
from rnncli.model import Call, Config, Layer, Model, Ref, Source, Weight
from rnncli.shapes import Shapes


class _Progress:
    """What is known so far while shapes travel through the graph."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.shapes: dict[Ref, Any] = {}  # Ref -> Shape | None
        self.calls: dict[str, list[Call | None]] = {}
        self.weights: dict[str, tuple[Weight, ...] | None] = {}
        self.models: dict[str, Model] = {}
        self.broken: set[str] = set()  # layers whose config is none of their kind
        self.warnings: list[str] = []

    def knows(self, spec: LayerSpec) -> bool:
        """Whether a layer is of a known kind, with a config that can be relied on."""
        return spec.class_name in TABLE and spec.name not in self.broken

    def warn(self, spec: LayerSpec, error: Exception) -> None:
        """Note what is wrong with a layer; nothing looks into a config that is none of its kind."""
        if not isinstance(error, ShapeError | UnsupportedError):
            self.broken.add(spec.name)
            self.weights.pop(spec.name, None)
        reason = f"its config lacks {error}" if isinstance(error, KeyError) else str(error)
        self.warnings.append(f"layer {spec.name!r} ({spec.type or spec.class_name}): {reason}")


# What a config raises that is none of its kind.
_MALFORMED = (RnncliError, KeyError, TypeError, ValueError, IndexError, AttributeError)


def build(spec: ModelSpec, source: Source, strict: bool = True) -> Model:
    """Return the model with the shape of every tensor and the weights of every layer.

    With `strict` a layer that does not fit raises a ShapeError; otherwise, as for files, it keeps
    its row, with what is known, and a warning is added.
    """
    progress = _Progress(strict)
    by_name = {layer.name: layer for layer in spec.layers}
    for ref in (*spec.inputs, *spec.outputs):
        if ref.layer not in by_name or not 0 <= ref.call < max(1, len(by_name[ref.layer].calls)):
            raise ShapeError(f"the model begins or ends with call {ref.call} of layer "
                             f"{ref.layer[:60]!r}, which it does not have")  # fmt: skip
    if not strict:
        for layer in spec.layers:
            _check(layer, progress)
    for layer, index in in_order(spec.layers):
        _run_call(layer, index, by_name, progress)
    layers = tuple(_finish(layer, spec.trainable, progress) for layer in _listed(spec))
    unknown = [f"{s.name!r} ({s.type})" for s in spec.layers if s.class_name.startswith(UNKNOWN)]
    if unknown:
        progress.warnings.append(
            f"not layers that rnncli knows: {', '.join(unknown)}; they keep their rows, with what "
            "the file says of them"
        )
    outputs = spec.outputs
    if spec.type == "Sequential" and layers and layers[-1].calls:
        last = layers[-1]
        tensors = range(len(last.output_shapes or (None,)))
        outputs = tuple(Ref(last.name, 0, tensor) for tensor in tensors)
    return Model(
        spec.name, spec.type, layers, spec.inputs, outputs, source,
        warnings=tuple(dict.fromkeys(progress.warnings)),
    )  # fmt: skip


def _check(spec: LayerSpec, progress: _Progress) -> None:
    """Warn of a config that is none of its kind, also where no call ever looks at it."""
    if spec.class_name not in TABLE or spec.model is not None:
        return
    try:
        config = complete(spec.class_name, spec.config)
        check_arguments(spec.class_name, config, activations=False)
    except _MALFORMED as error:
        progress.warn(spec, error)


def _listed(spec: ModelSpec) -> list[LayerSpec]:
    """Return the layers in the order in which Keras lists them."""
    if spec.type != "Functional":
        return list(spec.layers)
    order = keras_depths(spec.layers, spec.inputs, spec.outputs).layers
    rank = {name: index for index, name in enumerate(order)}
    return sorted(spec.layers, key=lambda layer: rank.get(layer.name, len(rank)))


def _run_call(
    spec: LayerSpec, index: int, by_name: Mapping[str, LayerSpec], progress: _Progress
) -> None:
    call = spec.calls[index]
    shapes = [progress.shapes.get(ref) for ref in call.inputs]
    inputs: Shapes | None = None if None in shapes else tuple(s for s in shapes if s is not None)
    if inputs is None or (not inputs and spec.build_shapes):
        inputs = spec.build_shapes
    try:
        outputs = _outputs(spec, inputs, index, progress)
    except _MALFORMED as error:
        if progress.strict:
            raise _misfit(spec, call, by_name, error) from error
        progress.warn(spec, error)
        outputs = spec.shapes
    progress.calls.setdefault(spec.name, [None] * len(spec.calls))[index] = Call(
        call.inputs, inputs, outputs, call.kwargs
    )
    for tensor, shape in enumerate(outputs or ()):
        progress.shapes[Ref(spec.name, index, tensor)] = shape


def _outputs(
    spec: LayerSpec, inputs: Shapes | None, index: int, progress: _Progress
) -> Shapes | None:
    """Return the output shapes of a call, and note the layer's weights at its first call."""
    if spec.model is not None:
        return _nested_outputs(spec, inputs, progress)
    if not progress.knows(spec) or inputs is None:
        return spec.shapes
    known, config = layer_type(spec.class_name), complete(spec.class_name, spec.config)
    if index == 0:
        check_arguments(spec.class_name, config, activations=progress.strict)
        dtype = _variable_dtype(config)
        progress.weights[spec.name] = tuple(
            weight._replace(dtype=dtype) if weight.dtype == "float32" else weight
            for weight in known.weights(config, inputs)
        )
    # Of inferred layers no file says what comes out: it depends on their arguments.
    return None if spec.inferred else known.outputs(config, inputs)


def _variable_dtype(config: Config) -> str:
    """Return the dtype of a layer's variables; under a mixed policy they are float32."""
    dtype = config.get("dtype")
    return dtype if dtype in ("float16", "bfloat16", "float64") else "float32"


def _nested_outputs(spec: LayerSpec, inputs: Shapes | None, progress: _Progress) -> Shapes | None:
    """Return what a nested model gives; called on other sizes than its own, that of those sizes."""
    assert spec.model is not None
    inner = spec.model
    if spec.class_name == "TimeDistributed" and inputs:
        batch, steps, *rest = inputs[0]
        outputs = _nested_outputs(spec._replace(class_name=""), ((batch, *rest),), progress)
        return outputs and tuple((batch, steps, *shape[1:]) for shape in outputs)
    if not inner.inputs and inputs:  # a Sequential without Input takes its caller's shape
        first = LayerSpec("InputLayer", f"{inner.name}_input", {"batch_shape": inputs[0]})
        inner = sequential((first, *inner.layers), inner.name)
    if spec.name not in progress.models:
        model = build(inner, Source("file"), progress.strict)
        progress.warnings += model.warnings
        progress.models[spec.name] = model
    model = progress.models[spec.name]
    if inputs and inputs != tuple(model.shape(ref) for ref in model.inputs):
        model = build(on_inputs(inner, inputs), Source("file"), progress.strict)
    if model.type == "Sequential":  # all that the last layer gives, as with return_state
        return model.layers[-1].output_shapes if model.layers else None
    shapes = [model.shape(ref) for ref in model.outputs]
    return None if None in shapes else tuple(shape for shape in shapes if shape is not None)


def _finish(spec: LayerSpec, trainable: bool, progress: _Progress) -> Layer:
    trainable = trainable and bool(spec.config.get("trainable", True))
    known = progress.knows(spec)
    weights = progress.weights.get(spec.name, spec.stored)
    if weights is None and known and layer_type(spec.class_name).built_at_init:
        weights = ()
    if weights is not None and not trainable:
        weights = tuple(weight._replace(trainable=False) for weight in weights)
    model = progress.models.get(spec.name)
    if model is None and spec.model is not None:  # never called: built from its own input, if any
        model = build(spec.model, Source("file"), progress.strict)
    return Layer(
        spec.name,
        spec.type or spec.class_name.rpartition(".")[2],
        complete(spec.class_name, spec.config) if known else spec.config,
        tuple(call for call in progress.calls.get(spec.name, []) if call is not None),
        () if model is not None else weights,
        spec.class_name if known else None,
        trainable,
        model,
        spec.inferred,
    )


def _misfit(
    spec: LayerSpec, call: CallSpec, by_name: Mapping[str, LayerSpec], error: Exception
) -> RnncliError:
    """Return the error that names both layers, the shape between them and the fix."""
    reason = error.message if isinstance(error, RnncliError) else f"cannot be built: {error}"
    hint = error.hint if isinstance(error, RnncliError) else None
    if not call.inputs or isinstance(error, UsageError):
        return ShapeError(f"{spec.name}: {reason}", hint)
    before = by_name[call.inputs[0].layer]
    inner = before.config.get("layer", {}).get("config", before.config)
    sequences = complete(before.class_name, inner).get("return_sequences", True)
    if not sequences and "expects 3" in reason:
        hint = f"give {before.name!r} return_sequences=True"
    return ShapeError(f"{spec.name} does not fit on {before.name}: {reason}", hint)
