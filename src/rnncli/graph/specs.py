"""A model as its layers' configs and their connections describe it, before shapes are known."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rnncli.model import Config, Ref, Weight, refs_in
from rnncli.shapes import Shapes

UNKNOWN = "custom."  # before the class name of a layer that is none of Keras's


class CallSpec(NamedTuple):
    """One use of a layer, before shapes are known."""

    inputs: tuple[Ref, ...] = ()
    kwargs: Mapping[str, Any] = {}

    def tensors(self) -> tuple[Ref, ...]:
        """Return every tensor the call depends on."""
        return self.inputs + tuple(refs_in(self.kwargs))


class LayerSpec(NamedTuple):
    """A layer as its config describes it.

    `shapes` is the output that a file states for a layer rnncli does not know; `build_shapes` the
    input it was built with; `stored` the weights that the file holds for it; `type` the class name
    to show where it is not that of the kind.
    """

    class_name: str
    name: str
    config: Config
    calls: tuple[CallSpec, ...] = ()
    model: "ModelSpec | None" = None
    shapes: Shapes | None = None
    build_shapes: Shapes | None = None
    stored: tuple[Weight, ...] | None = None
    inferred: bool = False
    type: str = ""


class ModelSpec(NamedTuple):
    """A model before its shapes are known."""

    name: str
    type: str
    layers: tuple[LayerSpec, ...]
    inputs: tuple[Ref, ...] = ()
    outputs: tuple[Ref, ...] = ()
    trainable: bool = True


def sequential(specs: tuple[LayerSpec, ...], name: str = "sequential") -> ModelSpec:
    """Return the spec of a chain: each layer called once, on the output of the one before."""
    chained, before = [], None
    for spec in specs:
        calls = () if before is None and spec.class_name != "InputLayer" else (
            CallSpec(() if before is None else (Ref(before),)),
        )  # fmt: skip
        chained.append(spec._replace(calls=calls))
        before = spec.name if calls else None
    inputs = (Ref(chained[0].name),) if chained and chained[0].calls else ()
    outputs = (Ref(chained[-1].name),) if inputs else ()
    return ModelSpec(name, "Sequential", tuple(chained), inputs, outputs)


def on_inputs(spec: ModelSpec, inputs: Shapes) -> ModelSpec:
    """Return the spec with `inputs` for the shapes of its input layers."""
    given = {ref.layer: shape for ref, shape in zip(spec.inputs, inputs, strict=False)}
    layers = tuple(
        layer._replace(config={**layer.config, "batch_shape": given[layer.name]})
        if layer.name in given and layer.class_name == "InputLayer"
        else layer
        for layer in spec.layers
    )
    return spec._replace(layers=layers)
