"""The layers that most stacks begin and end with."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.layers import quantization
from rnncli.layers.activation import activation_of, activation_weights
from rnncli.layers.layer_type import REQUIRED, LayerType, each_step, last_dim
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Through, Value, masked
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes, product

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


def _dense_weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    size, units = last_dim(inputs[0], "Dense"), config["units"]
    kernel = Weight("kernel", (size, units), "inputs × units", path="kernel",
                    initializer="glorot_uniform")  # fmt: skip
    bias = (Weight("bias", (units,), "units", path="bias"),) if config["use_bias"] else ()
    own = activation_weights(config, ((*inputs[0][:-1], units),))
    policy = quantization.policy_of(config)
    if policy is None:
        return quantization.with_adapter(config, (kernel, *bias, *own))
    found = quantization.quantized_weights(policy, kernel, (*bias, *own), (size, units), (units,))
    rank = config["lora_rank"]
    return (*found, *quantization.adapter("kernel", kernel.shape, rank)) if rank else found


def _dense_macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    size = product(outputs[0][1:])
    return None if size is None or inputs[0][-1] is None else size * inputs[0][-1]


def dense(setup: OpContext) -> Op:
    """Return the product with a kernel, and an activation."""
    policy, bias = quantization.policy_of(setup.config), quantization.bias_of(setup)
    function = activation_of(setup)
    multiply = _product(setup) if policy is None else _quantized_product(setup, policy)

    def project(x: Array) -> Array:
        y = multiply(x)
        return function(y if bias is None else y + bias)

    return masked(project)


def _product(setup: OpContext) -> Callable[[Array], Array]:
    kernel = quantization.with_delta(setup)
    return lambda x: np.matmul(x, kernel)


def _quantized_product(setup: OpContext, policy: quantization.Policy) -> Callable[[Array], Array]:
    units, stored = setup.config["units"], setup.weights["kernel"].shape
    rows = stored[1] if policy.mode in ("gptq", "awq") else stored[0]
    kernel = quantization.full_kernel(setup, policy, (rows, units), units)
    return quantization.multiplied(setup, policy, kernel, np.matmul, (-1,))


class Masking(Op):
    """A mask of the steps that hold nothing but the mask value, which become zeros."""

    def __init__(self, setup: OpContext) -> None:
        self.masked = setup.dtype.type(setup.config.get("mask_value", 0.0))

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the input with its mask."""
        x = inputs[0].array
        kept = (x != self.masked).any(axis=-1)
        return (Value(np.where(kept[..., None], x, 0).astype(x.dtype), kept),)


def _activation(setup: OpContext) -> Op:
    return masked(activation_of(setup))


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
TYPES = {
    "Dense": LayerType(
        _DENSE,
        lambda config, inputs: ((*inputs[0][:-1], config["units"]),),
        _dense_weights,
        _dense_macs,
        streams=each_step,
        run=dense,
    ),
    "Activation": LayerType(
        {"activation": REQUIRED},
        weights=activation_weights,
        streams=each_step,
        run=_activation,
        lists=True,
    ),
    "Identity": LayerType(
        {}, built_at_init=True, streams=each_step, run=lambda setup: Through(), lists=True
    ),
    "Masking": LayerType({"mask_value": 0.0}, streams=each_step, run=Masking),
}
