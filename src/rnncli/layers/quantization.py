"""Layers whose kernels have few bits, and low-rank adapters beside a kernel (Hu et al., 2021).

Sources: `quantize`, `variable_serialization_spec` and `enable_lora` of Keras's Dense, EinsumDense
and Embedding. Files hold an adapter merged into its kernel.
"""

from collections.abc import Callable, Mapping
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, OpContext, unsupported
from rnncli.model import Config, Weight

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import quantization
else:
    np, quantization = lazy("numpy"), lazy("rnncli.kernels.quantization")

# Set on a layer in a TimeDistributed, which calls what the layer computes when it is not quantized,
# with the kernel as it is stored: that is what Keras's does.
INNER = "called_inside"
_HISTORY = 1024  # steps that float8 remembers, where its policy does not say
Multiply = Callable[[Array, Array], Array]


class Policy(NamedTuple):
    """How a layer is quantized.

    `mode` is int8, int4, float8, gptq or awq; `block` the rows that share a scale (None: all);
    `bits` of a value of the kernel; `inputs` says whether the layer rounds its inputs too.
    """

    mode: str
    block: int | None = None
    bits: int = 8
    inputs: bool = False
    history: int = _HISTORY

    def groups(self, rows: int) -> int:
        """Return how many groups `rows` make."""
        return 1 if self.block is None else ceil(rows / self.block)


def policy_of(config: Config) -> Policy | None:
    """Return how a layer is quantized: its dtype is called `int4/128_from_float32`."""
    head, found, _ = str(config.get("dtype") or "").partition("_from_")
    if not found:
        return None
    mode, *given = head.split("/")
    numbers = [int(each) for each in given if each.lstrip("-").isdecimal()]
    stated = config.get("quantization_config")
    own = stated.get("config", {}) if isinstance(stated, Mapping) else None
    inputs = mode == "int8" if own is None else own.get("activation_quantizer") is not None
    if mode in ("gptq", "awq"):
        bits, rows = [*numbers, 4, -1][:2]
        return Policy(mode, rows if rows > 0 else None, bits)
    block = own.get("block_size") if own is not None else next(iter(numbers), None)
    return Policy(mode, block if block and block > 0 else None, 4 if mode == "int4" else 8,
                  inputs, config.get("amax_history_length") or _HISTORY)  # fmt: skip


def fixed(name: str, shape: tuple[int, ...], formula: str, dtype: str = "float32") -> Weight:
    """Return a weight that does not train; scales begin with ones."""
    ones = "ones" if name.endswith("scale") else "zeros"
    return Weight(name, shape, formula, path=name, trainable=False, dtype=dtype, initializer=ones)


def with_adapter(config: Config, weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    """Return the weights and, where there is a `lora_rank`, those of an adapter of the first."""
    rank = config.get("lora_rank")
    if not rank:
        return weights
    kernel, *rest = weights
    return (kernel._replace(trainable=False), *rest, *adapter(kernel.name, kernel.shape, rank))


def adapter(name: str, shape: tuple[int, ...], rank: int) -> tuple[Weight, Weight]:
    """Return the two weights of an adapter of a kernel of `shape`."""
    first = Weight(f"lora_{name}_a", (*shape[:-1], rank), "inputs × rank", path=f"lora_{name}_a",
                   initializer="glorot_uniform", saved=False)  # fmt: skip
    second = Weight(f"lora_{name}_b", (rank, shape[-1]), "rank × outputs", path=f"lora_{name}_b",
                    saved=False)  # fmt: skip
    return first, second


def with_delta(setup: OpContext, name: str = "kernel") -> Array:
    """Return a weight with what its adapter adds to it."""
    values = setup.weights[name]
    if f"lora_{name}_a" not in setup.weights:
        return values
    rank, alpha = setup.config["lora_rank"], setup.config.get("lora_alpha")
    # When Keras builds a Dense or an Embedding, it sets the alpha to the rank.
    share = alpha / rank if alpha and setup.kind.startswith(("Conv", "EinsumDense")) else 1
    delta = setup.weights[f"lora_{name}_a"] @ setup.weights[f"lora_{name}_b"]
    whole: Array = (values + setup.dtype.type(share) * delta).astype(values.dtype)
    return whole


def check_no_adapter(setup: OpContext, name: str) -> None:
    """Refuse an adapter that an HDF5 file keeps beside a quantized weight; `.keras` adds them up.

    Raises: UnsupportedError.
    """
    if np.any(setup.weights.get(f"lora_{name}_b", 0)):
        reason = "its low-rank adapter is not added to its quantized weights"
        raise unsupported(setup.name, setup.kind, reason)


def quantized_weights(
    policy: Policy, kernel: Weight, bias: tuple[Weight, ...], sides: tuple[int, int],
    scale: tuple[int, ...], zero: str = "kernel_zero",
) -> tuple[Weight, ...]:  # fmt: skip
    """Return the weights of a quantized product in the order of Keras's files.

    `kernel` is what it would be in full, `sides` its rows and columns as a matrix, `scale` the
    shape of an int8 kernel's scale.
    """
    rows, columns = sides
    if policy.mode == "int8":
        return (fixed("kernel", kernel.shape, kernel.formula, "int8"), *bias,
                fixed("kernel_scale", scale, "columns"))  # fmt: skip
    if policy.mode == "float8":
        return kernel, *bias, *_float8(policy.history)
    groups = policy.groups(rows)
    if policy.mode == "int4":
        grouped = policy.block is not None
        shape = (groups, columns) if grouped else (columns,)
        found = (fixed("kernel", (rows, ceil(columns / 2)), "rows × columns / 2", "int8"), *bias,
                 fixed("kernel_scale", shape, "groups × columns"))  # fmt: skip
        rest = (fixed("kernel_zero", shape, "groups × columns", "int8"),
                fixed("g_idx", (rows,), "rows"))  # fmt: skip
        return (*found, *rest) if grouped else found
    packed = ceil(columns / 2) if policy.bits == 4 else columns
    scales = (fixed("awq_scales", (rows,), "rows"),) if policy.mode == "awq" else ()
    return (
        *bias, fixed("kernel", (packed, rows), "columns × rows", "uint8"),
        fixed("kernel_scale", (columns, groups), "columns × groups"),
        fixed(zero, (columns, groups), "columns × groups", "uint8"), *scales,
        fixed("g_idx", (rows,), "rows"),
    )  # fmt: skip


def _float8(history: int) -> tuple[Weight, ...]:
    found = []
    for name in ("inputs", "kernel", "outputs_grad"):
        found.append(Weight(f"{name}_scale", (), "1", path=f"{name}_scale", initializer="ones"))
        found.append(Weight(f"{name}_amax_history", (history,), "steps remembered",
                            path=f"{name}_amax_history"))  # fmt: skip
    return tuple(found)


def full_kernel(setup: OpContext, policy: Policy, shape: tuple[int, ...], columns: int) -> Array:
    """Return a kernel of `shape` from its few bits, but for the scale of the outputs."""
    check_no_adapter(setup, "kernel")
    weights = setup.weights
    stored, mode = weights["kernel"], policy.mode
    if mode == "int4":
        stored = quantization.unpacked(stored, columns, -1).astype(setup.dtype)
        if policy.block is not None and not setup.config.get(INNER):
            stored = quantization.grouped(
                stored, weights["kernel_scale"], weights["kernel_zero"], weights["g_idx"], 0
            )
    elif mode in ("gptq", "awq"):
        if policy.bits == 4:
            stored = quantization.unpacked(stored, columns, 0, signed=False)
        zero = weights.get("kernel_zero", weights.get("zero_point"))
        assert zero is not None
        stored = quantization.grouped(stored, weights["kernel_scale"], zero, weights["g_idx"], -1)
        stored = stored.astype(setup.dtype).T
        if mode == "awq":
            stored = stored / weights["awq_scales"][:, None]
    return stored.reshape(shape).astype(setup.dtype)


def bias_of(setup: OpContext) -> Array | None:
    """Return the bias, which a float8 layer rounds to bfloat16."""
    bias, policy = setup.weights.get("bias"), policy_of(setup.config)
    if bias is None or policy is None or policy.mode != "float8" or setup.config.get(INNER):
        return bias
    return quantization.through_bfloat16(bias)


def multiplied(
    setup: OpContext, policy: Policy, kernel: Array, multiply: Multiply, axes: tuple[int, ...],
    aligned: Callable[[Array], Array] = lambda scale: scale,
) -> Callable[[Array], Array]:  # fmt: skip
    """Return the product with a quantized kernel as Keras computes it.

    `axes` are those that the product sums over, in the inputs; `aligned` brings the scale of the
    inputs to the axes of the outputs.
    """
    if setup.config.get(INNER):
        return lambda x: multiply(x, kernel)
    scale = setup.weights["kernel_scale"]
    if policy.mode == "float8":
        inside = setup.weights["inputs_scale"]
        kernel = quantization.through_float8(kernel, scale)
        return lambda x: multiply(quantization.through_float8(x, inside), kernel)
    whole = policy.mode in ("gptq", "awq") or policy.block is not None
    output = None if whole or (policy.mode == "int4" and setup.kind == "EinsumDense") else scale

    def product(x: Array) -> Array:
        if not policy.inputs or whole:
            y = multiply(x, kernel)
            return y if output is None else y / output
        steps, factor = quantization.rounded(x, axes)
        y = multiply(steps.astype(np.float64), kernel.astype(np.float64)).astype(x.dtype)
        divisor = aligned(factor)
        return y / (divisor if output is None else divisor * output)

    return product
