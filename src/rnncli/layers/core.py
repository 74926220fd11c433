"""The layers that most stacks begin and end with."""

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import REQUIRED, LayerType, last_dim
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes, product, show


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
        for weight in inner.weights(inner_config, _each_step(inputs))
    )


def _distributed_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    inner, inner_config, _ = _inner(config)
    steps, one = inputs[0][1], _each_step(inputs)
    count = inner.macs(inner_config, one, inner.outputs(inner_config, one))
    return None if steps is None or count is None else steps * count


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
    "InputLayer": LayerType(_INPUT, lambda config, _: (_input_shape(config),)),
    "Dense": LayerType(
        _DENSE,
        lambda config, inputs: ((*inputs[0][:-1], config["units"]),),
        _dense_weights,
        _dense_macs,
    ),
    "Activation": LayerType({"activation": REQUIRED}),
    "Embedding": LayerType(
        _EMBEDDING,
        lambda config, inputs: ((*inputs[0], config["output_dim"]),),
        _embedding_weights,
    ),
    "Masking": LayerType({"mask_value": 0.0}),
    "TimeDistributed": LayerType(
        {"layer": REQUIRED}, _distributed_outputs, _distributed_weights, _distributed_macs
    ),
}
