"""One recurrent layer of a file, on its own."""

from typing import Any

from rnncli.errors import UnsupportedError, UsageError
from rnncli.graph.infer import infer
from rnncli.layers import layer_type
from rnncli.model import Layer, Model, Ref, sequential


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
    plain = layer.dialect == "torch" and layer.type.startswith("RNN")
    if activation is not None and not plain:
        raise UsageError(f"--activation: {layer.name!r} ({layer.type}) has its own")
    size = (layer.calls[0].input_shapes or ((None,),))[0][-1]
    entry = Layer("InputLayer", "input", {"batch_shape": (None, None, size)})
    config = {**layer.config, "name": layer.name, **_on_its_own(layer)}
    if activation is not None:
        config["nonlinearity"] = activation
    elif plain and config["nonlinearity"] is None:
        warning = f"the file does not say the nonlinearity of {layer.name!r}: tanh is taken"
        model = model._replace(warnings=(*model.warnings, warning))
    chain = sequential((entry, layer._replace(config=config)), model.name, model.source)
    return infer(chain)._replace(
        type="ONNX" if model.type == "ONNX" else "Functional",
        outputs=(Ref(layer.name),), store=model.store, warnings=model.warnings,
    )  # fmt: skip


def _stands_alone(layer: Layer) -> bool:
    """Whether a layer of a file is a recurrent module, all of whose weights the file holds."""
    return layer.kind is not None and (
        layer.dialect == "torch"
        or (layer.dialect == "onnx" and layer_type(layer.kind).structure is not None)
    )


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
