"""Which outputs of a model are asked for, and what its layers say of them."""

from rnncli.errors import UnsupportedError, UsageError
from rnncli.layers import complete
from rnncli.model import Layer, Model, Ref


def outputs_of(model: Model, until: str | None) -> tuple[Ref, ...]:
    """Return the outputs to compute: the model's own, or those of the last call of a layer."""
    if not model.inputs and model.type != "ONNX":  # whose graphs may begin with constants
        raise UnsupportedError(
            f"model {model.name!r} does not say what its input is, so it cannot be run",
            'begin it with an input, as in --layer "Input((100, 32))"',
        )
    if until is None:
        return model.outputs
    try:
        layer = model.layer(until)
    except KeyError:
        names = ", ".join(layer.name for layer in model.layers[:20])
        raise UsageError(f"the model has no layer called {until!r}", f"it has: {names}") from None
    tensors = range(len(layer.output_shapes or (None,)))
    return tuple(Ref(until, len(layer.calls) - 1, tensor) for tensor in tensors)


def sequences_of(layer: Layer) -> bool | None:
    """Return the `return_sequences` of a layer, None where it has no such argument."""
    inner = layer.config.get("layer") if layer.kind == "Bidirectional" else None
    config = complete(inner["class_name"], inner["config"]) if inner else layer.config
    value = config.get("return_sequences")
    return None if value is None else bool(value)
