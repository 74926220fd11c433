"""The layers that most stacks begin and end with."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError, UnsupportedError
from rnncli.layers.layer_type import REQUIRED, LayerType, each_step, last_dim, trained
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Notes, Op, OpContext, Value, masked
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes, product, show

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activations
else:
    np, activations = lazy("numpy"), lazy("rnncli.kernels.activations")


def _input_shape(config: Config) -> Shape:
    shape = config.get("batch_shape")
    if shape is None:
        if config.get("shape") is None:
            raise ShapeError("Input needs a shape", "Input((100, 32)) is 100 steps of 32 features")
        shape = (config.get("batch_size"), *config["shape"])
    return tuple(shape)


def _dense_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    size, units = last_dim(inputs[0], "Dense"), config["units"]
    kernel = Weight("kernel", (size, units), "inputs × units", path="kernel",
                    initializer="glorot_uniform")  # fmt: skip
    bias = Weight("bias", (units,), "units", path="bias")
    return (kernel, bias) if config["use_bias"] else (kernel,)


def _dense_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    size = product(outputs[0][1:])
    return None if size is None or inputs[0][-1] is None else size * inputs[0][-1]


def _embedding_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    shape = (config["input_dim"], config["output_dim"])
    return (Weight("embeddings", shape, "tokens × outputs", path="embeddings",
                   initializer="uniform"),)  # fmt: skip


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


def _distributed_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    """Return the inner layer's weights; in Keras 3 their paths begin with its name."""
    inner, inner_config, class_name = _inner(config)
    name = inner_config.get("name") or class_name.lower()
    return tuple(
        weight._replace(path=f"{name}/{weight.path}")
        for weight in trained(
            class_name, inner_config, inner.weights(inner_config, _each_step(inputs))
        )
    )


def _distributed_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    inner, inner_config, _ = _inner(config)
    steps, one = inputs[0][1], _each_step(inputs)
    count = inner.macs(inner_config, one, inner.outputs(inner_config, one))
    return None if steps is None or count is None else steps * count


def dense(setup: OpContext) -> Op:
    """Return the product with a kernel, and an activation."""
    kernel, bias = setup.weights["kernel"], setup.weights.get("bias")
    function = activations.activation(setup.config.get("activation"))

    def project(x: Array) -> Array:
        y = np.matmul(x, kernel)
        if bias is not None:
            y += bias
        return function(y)

    return masked(project)


class Embedding(Op):
    """A row of the table for each token."""

    def __init__(self, setup: OpContext) -> None:
        self.name, self.table = setup.name, setup.weights["embeddings"]
        self.masks = bool(setup.config.get("mask_zero"))

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the rows `(batch, time, outputs)`, masked where the token is 0."""
        (value,) = inputs
        tokens = value.array.astype(np.int64)
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= len(self.table):
            raise ShapeError(
                f"layer {self.name!r} (Embedding) has tokens 0 to {len(self.table) - 1:,}, "
                f"but the input holds {low if low < 0 else high:,}"
            )
        return (Value(self.table[tokens], tokens != 0 if self.masks else None),)


class Masking(Op):
    """A mask of the steps that hold nothing but the mask value, which become zeros."""

    def __init__(self, setup: OpContext) -> None:
        self.masked = setup.dtype.type(setup.config.get("mask_value", 0.0))

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the input with its mask."""
        x = inputs[0].array
        kept = (x != self.masked).any(axis=-1)
        return (Value(np.where(kept[..., None], x, 0).astype(x.dtype), kept),)


class EachStep(Op):
    """`TimeDistributed`: an operation on every step, as if steps were more of the batch."""

    def __init__(self, inner: Op) -> None:
        self.inner = inner

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the inner outputs `(batch, time, ...)`; the mask stays as it is."""
        x, mask = inputs[0]
        batch, steps = x.shape[:2]
        inner_mask = None
        if mask is not None and mask.ndim > 2:
            inner_mask = mask.reshape(batch * steps, *mask.shape[2:])
        flat = Value(x.reshape(batch * steps, *x.shape[2:]), inner_mask)
        output = self.inner((flat,), {})[0].array
        return (Value(output.reshape(batch, steps, *output.shape[1:]), mask),)


def _distributed(setup: OpContext) -> Op:
    from rnncli.layers import operation

    layer = setup.config["layer"]
    prefixes = {path.partition("/")[0] for path in setup.weights}
    if len(prefixes) > 1:
        raise UnsupportedError(f"layer {setup.name!r} holds the weights of several layers")
    inner = setup.inside("".join(prefixes), layer["class_name"], layer["config"])
    return EachStep(operation(inner._replace(notes=Notes())))  # its states are not the sequence's


def _activation(setup: OpContext) -> Op:
    return masked(activations.activation(setup.config.get("activation")))


_DENSE = {
    "units": REQUIRED,
    "activation": None,
    "use_bias": True,
    "kernel_initializer": "glorot_uniform",
    "bias_initializer": "zeros",
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "activity_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
    "lora_rank": None,
    "lora_alpha": None,
    "quantization_config": None,
}
_EMBEDDING = {
    "input_dim": REQUIRED,
    "output_dim": REQUIRED,
    "embeddings_initializer": "uniform",
    "embeddings_regularizer": None,
    "embeddings_constraint": None,
    "mask_zero": False,
    "weights": None,
    "lora_rank": None,
    "lora_alpha": None,
    "quantization_config": None,
}
_INPUT = {
    "shape": None,
    "batch_size": None,
    "dtype": None,
    "sparse": None,
    "ragged": None,
    "batch_shape": None,
    "name": None,
    "tensor": None,
    "optional": False,
}


TYPES = {
    "InputLayer": LayerType(
        _INPUT, lambda config, _: (_input_shape(config),), not_run="it is given"
    ),
    "Dense": LayerType(
        _DENSE,
        lambda config, inputs: ((*inputs[0][:-1], config["units"]),),
        _dense_weights,
        _dense_macs,
        streams=each_step,
        run=dense,
    ),
    "Activation": LayerType({"activation": REQUIRED}, streams=each_step, run=_activation),
    "Embedding": LayerType(
        _EMBEDDING,
        lambda config, inputs: ((*inputs[0], config["output_dim"]),),
        _embedding_weights,
        streams=lambda config, rank: rank >= 2,
        run=Embedding,
    ),
    "Identity": LayerType(
        {}, built_at_init=True, streams=each_step, run=lambda setup: masked(lambda x: x)
    ),
    "Masking": LayerType({"mask_value": 0.0}, streams=each_step, run=Masking),
    "TimeDistributed": LayerType(
        {"layer": REQUIRED},
        _distributed_outputs,
        _distributed_weights,
        _distributed_macs,
        streams=each_step,
        run=_distributed,
    ),
}
