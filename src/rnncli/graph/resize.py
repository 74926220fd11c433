"""A model built again: for inputs of other sizes, or one layer of it on its own."""

from typing import Any

from rnncli.errors import UnsupportedError, UsageError
from rnncli.graph.build import build
from rnncli.graph.specs import UNKNOWN, CallSpec, LayerSpec, ModelSpec, on_inputs, sequential
from rnncli.model import Layer, Model, Ref
from rnncli.shapes import Dim, Shape, Shapes


def respec(model: Model) -> ModelSpec:
    """Return the spec that `build` made `model` of, to build it again with other sizes."""
    layers = tuple(
        LayerSpec(
            layer.kind or f"{UNKNOWN}{layer.type}",
            layer.name,
            layer.config,
            tuple(CallSpec(call.inputs, call.kwargs) for call in layer.calls),
            respec(layer.model) if layer.model is not None else None,
            layer.output_shapes if layer.kind is None else None,
            None,
            layer.weights if layer.kind is None else None,
            layer.inferred,
            layer.type,
        )
        for layer in model.layers
    )
    return ModelSpec(model.name, model.type, layers, model.inputs, model.outputs)


def with_sizes(model: Model, batch: Dim, steps: Dim) -> Model:
    """Return the model with its inputs' open batch and time sizes filled in; None: leave open."""
    shapes = tuple(_sized(model.shape(ref) or (), batch, steps) for ref in model.inputs)
    built = build(on_inputs(respec(model), shapes), model.source, strict=False)
    return built._replace(store=model.store, optimizer=model.optimizer, warnings=model.warnings)


def with_input_shapes(model: Model, shapes: Shapes) -> Model:
    """Return the model for inputs of other shapes than its own, without its weights' stores."""
    return build(on_inputs(respec(model), shapes), model.source, strict=False)


def alone(model: Model, name: str | None, activation: str | None = None) -> Model:
    """Return the model of one recurrent layer of a file, on `(batch, time, inputs)`.

    `name` None means its only one; `activation` is the nonlinearity of an `nn.RNN` whose file does
    not say it. Raises: UsageError, UnsupportedError.
    """
    runnable = [layer for layer in model.layers if _stands_alone(layer)]
    names = ", ".join(layer.name for layer in runnable[:20])
    found = [layer for layer in runnable if name is None or layer.name == name]
    if not runnable:
        raise UnsupportedError(
            f"{model.source.format} of {model.name!r} does not say how its layers are connected",
            "give the architecture (JSON or --layer) and this file as --weights",
        )
    if len(found) != 1:
        wrong = f"{name!r} is none of its" if name else f"the file holds {len(runnable)}"
        raise UsageError(f"{wrong} recurrent layers", f"choose with --layer-name: {names}")
    (layer,) = found
    if activation is not None and not (layer.kind or "").startswith("torch.RNN"):
        raise UsageError(f"--activation: {layer.name!r} ({layer.type}) has its own")
    size = (layer.calls[0].input_shapes or ((None,),))[0][-1]
    entry = LayerSpec("InputLayer", "input", {"batch_shape": (None, None, size)})
    config = {**layer.config, "name": layer.name, **_on_its_own(layer)}
    if activation is not None:
        config["nonlinearity"] = activation
    elif (layer.kind or "").startswith("torch.RNN") and config["nonlinearity"] is None:
        warning = f"the file does not say the nonlinearity of {layer.name!r}: tanh is taken"
        model = model._replace(warnings=(*model.warnings, warning))
    body = LayerSpec(layer.kind or "", layer.name, config, type=layer.type)
    built = build(sequential((entry, body), model.name), model.source)
    first, last = built.layers
    outputs = (Ref(layer.name),)
    return built._replace(
        type="ONNX" if model.type == "ONNX" else "Functional",
        layers=(first, last._replace(weights=layer.weights)),
        outputs=outputs, store=model.store, warnings=model.warnings,
    )  # fmt: skip


def _stands_alone(layer: Layer) -> bool:
    """Whether a layer of a file is a recurrent module, all of whose weights the file holds."""
    return (layer.kind or "").startswith("torch.") or layer.kind in (
        "onnx.RNN", "onnx.LSTM", "onnx.GRU",
    )  # fmt: skip


def _on_its_own(layer: Layer) -> dict[str, Any]:
    """Return what an ONNX node's config must say where only its first input is there."""
    operands = layer.config.get("operands")
    if operands is None:
        return {}
    if any(each[0] == "tensor" for each in operands[1:4]):
        raise UnsupportedError(
            f"node {layer.name!r} cannot be run on its own; other nodes compute its weights"
        )
    return {"alone": True, "attributes": {**layer.config["attributes"], "layout": 1},
            "shapes": None}  # fmt: skip


def _sized(shape: Shape, batch: Dim, steps: Dim) -> Shape:
    given = (batch, steps, *(None for _ in shape[2:]))
    return tuple(new if dim is None else dim for dim, new in zip(shape, given, strict=False))
