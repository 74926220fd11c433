"""Layers around a layer, or around several."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError, UnsupportedError
from rnncli.layers.layer_type import REQUIRED, LayerType, each_step, held
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Notes, Op, OpContext, Value
from rnncli.layers.quantization import INNER
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes, show

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


def _each_step(inputs: Shapes) -> Shapes:
    """Return the shape of one step, `(batch, ...)` of `(batch, time, ...)`."""
    batch, *rest = inputs[0]
    if len(rest) < 2:
        raise ShapeError(
            f"TimeDistributed expects 3 or more dimensions (batch, time, ...), "
            f"but gets {show(inputs[0])}"
        )
    return ((batch, *rest[1:]),)


def _inner(config: Config) -> tuple[LayerType, Config, str]:
    from rnncli.layers import layer_type

    layer = config["layer"]
    return layer_type(layer["class_name"]), layer["config"], layer["class_name"]


def _distributed_outputs(config: Config, inputs: Shapes) -> Shapes:
    inner, inner_config, _ = _inner(config)
    batch, steps = inputs[0][:2]
    return tuple(
        (batch, steps, *shape[1:]) for shape in inner.outputs(inner_config, _each_step(inputs))
    )


def _inner_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    """Return the inner layer's weights; in Keras 3 their paths begin with its name."""
    inner, inner_config, class_name = _inner(config)
    name = inner_config.get("name") or class_name.lower()
    return tuple(
        weight._replace(path=f"{name}/{weight.path}")
        for weight in held(class_name, inner_config, inner.weights(inner_config, inputs))
    )


def _distributed_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    return _inner_weights(config, _each_step(inputs))


def _distributed_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    inner, inner_config, _ = _inner(config)
    steps, one = inputs[0][1], _each_step(inputs)
    count = inner.macs(inner_config, one, inner.outputs(inner_config, one))
    return None if steps is None or count is None else steps * count


class EachStep(Op):
    """`TimeDistributed`: an operation on every step, as if steps were more of the batch.

    One that `mixes` the samples of a batch takes the steps one by one. Keras 3 hands the mask on as
    it is, Keras 2 gives the masks of the layer inside, as of an Embedding: `masks`.
    """

    def __init__(self, inner: Op, mixes: bool = False, masks: bool = False) -> None:
        self.inner, self.mixes, self.masks = inner, mixes, masks

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the inner outputs `(batch, time, ...)`."""
        x, mask = inputs[0]
        batch, steps = x.shape[:2]
        if self.mixes:
            each = [self.inner((Value(x[:, step]),), {})[0].array for step in range(steps)]
            return (Value(np.stack(each, axis=1), mask),)
        inner_mask = None
        if mask is not None and mask.ndim > 2:
            inner_mask = mask.reshape(batch * steps, *mask.shape[2:])
        flat = Value(x.reshape(batch * steps, *x.shape[2:]), inner_mask)
        output, own = self.inner((flat,), {})[0]
        if self.masks and own is not None:
            mask = own.reshape(batch, steps, *own.shape[1:])
        elif self.masks and mask is not None:
            mask = np.asarray(mask.any(axis=tuple(range(2, mask.ndim))))
        return (Value(output.reshape(batch, steps, *output.shape[1:]), mask),)


def _operation(setup: OpContext) -> Op:
    """Return the operation of the layer inside."""
    from rnncli.layers import operation

    layer = setup.config["layer"]
    prefixes = {path.partition("/")[0] for path in setup.weights if path != _VECTOR}
    if len(prefixes) > 1:
        raise UnsupportedError(f"layer {setup.name!r} holds the weights of several layers")
    inner = setup.inside("".join(prefixes), layer["class_name"], layer["config"])
    return operation(inner._replace(notes=Notes()))  # its states are not the sequence's


def _distributed(setup: OpContext) -> Op:
    layer = setup.config["layer"]
    inner = {**layer, "config": {**layer["config"], INNER: True}}
    operation = _operation(setup._replace(config={**setup.config, "layer": inner}))
    return EachStep(operation, masks=setup.keras == 2)


_VECTOR = "vector_u"  # of the power iteration (Miyato et al., 2018)


def _spectral_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    """Return the inner layer's weights and a vector as long as the last axis of its kernel."""
    found = _inner_weights(config, inputs)
    kernel = next((each for each in found if each.name in ("kernel", "embeddings")), None)
    if kernel is None:
        raise ShapeError(f"SpectralNormalization needs a kernel, which {_inner(config)[2]} has not")
    return (*found, Weight(_VECTOR, (1, kernel.shape[-1]), "outputs", path=_VECTOR,
                           trainable=False, dtype=kernel.dtype))  # fmt: skip


def _parts(config: Config) -> Iterator[tuple[LayerType, Config, str]]:
    """Yield the type, config and name of each layer of a Pipeline."""
    from rnncli.layers import layer_type

    for layer in config["layers"]:
        name = layer["config"].get("name") or layer["class_name"].lower()
        yield layer_type(layer["class_name"]), layer["config"], name


def _pipeline_outputs(config: Config, inputs: Shapes) -> Shapes:
    for known, inner, _ in _parts(config):
        inputs = known.outputs(inner, inputs)
    return inputs


def _pipeline_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    found: list[Weight] = []
    for known, inner, name in _parts(config):
        found += (each._replace(path=f"{name}/{each.path}")
                  for each in known.weights(inner, inputs))  # fmt: skip
        inputs = known.outputs(inner, inputs)
    return tuple(found)


class Pipeline(Op):
    """Layers one after the other."""

    def __init__(self, setup: OpContext) -> None:
        from rnncli.layers import operation

        named = zip(setup.config["layers"], _parts(setup.config), strict=True)
        self.ops = [
            operation(setup.inside(name, layer["class_name"], config))
            for layer, (_, config, name) in named
        ]

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return what the last layer gives."""
        values = tuple(inputs)
        for op in self.ops:
            values = op(values, {})
        return values


TYPES = {
    "TimeDistributed": LayerType(
        {"layer": REQUIRED},
        _distributed_outputs,
        _distributed_weights,
        _distributed_macs,
        streams=each_step,
        run=_distributed,
    ),
    "SpectralNormalization": LayerType(
        {"layer": REQUIRED, "power_iterations": 1},
        lambda config, inputs: _inner(config)[0].outputs(_inner(config)[1], inputs),
        _spectral_weights,
        lambda config, inputs, outputs: _inner(config)[0].macs(_inner(config)[1], inputs, outputs),
        run=_operation,
    ),
    "Wrapper": LayerType(
        {"layer": REQUIRED},
        lambda config, inputs: _inner(config)[0].outputs(_inner(config)[1], inputs),
        _inner_weights,
        not_run="a wrapper of no kind says not what it computes",
    ),
    "Pipeline": LayerType(
        {"layers": REQUIRED, "name": None},
        _pipeline_outputs,
        _pipeline_weights,
        built_at_init=True,
        run=Pipeline,
    ),
}
