"""EinsumDense: a product with a kernel, its axes named by letters.

Source of the shapes: `keras/src/layers/core/einsum_dense.py`.
"""

import re
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import ShapeError
from rnncli.layers import quantization
from rnncli.layers.activation import activation_of, activation_weights
from rnncli.layers.layer_type import LayerType, pair, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes, known, product, show

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

_FORMS = (
    r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)",
    r"\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)",
    r"([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\.",
)


class Product(NamedTuple):
    """The shapes of a product: `bias` is None without bias axes, `added` only the kernel has."""

    kernel: tuple[int, ...]
    bias: tuple[int, ...] | None
    output: Shape
    added: tuple[int, ...]


def product_of(config: Config, shape: Shape) -> Product:
    """Return the shapes of the product. Raises: ShapeError if the equation does not fit."""
    equation = str(config["equation"])
    match = next((found for form in _FORMS if (found := re.fullmatch(form, equation))), None)
    if match is None:
        raise ShapeError(f"EinsumDense does not know the equation {equation[:40]!r}",
                         "write it as ab,bc->ac, ...ab,bc->...ac or ab...,bc->ac...")  # fmt: skip
    source, kernel, target = match.groups()
    left, elided = equation.startswith("."), len(shape) - len(source)
    if elided < 0 or (elided and "." not in equation):
        raise ShapeError(f"EinsumDense {equation!r} does not fit an input {show(shape)}")
    rest = list(pair(config["output_shape"]))
    if left and elided:
        output = [shape[0], *shape[1:elided], *rest]
    else:
        output = [shape[0], *rest, *(shape[len(shape) - elided :] if elided else ())]
    first = elided if left else 0
    if len(output) < first + len(target):
        raise ShapeError(f"EinsumDense {equation!r} gives more axes than output_shape "
                         f"{show(rest)} says")  # fmt: skip
    outer: dict[str, Dim] = {letter: output[first + i] for i, letter in enumerate(target)}
    inner: dict[str, Dim] = {letter: shape[first + i] for i, letter in enumerate(source)}
    if not set(kernel) <= {*outer, *inner}:
        raise ShapeError(f"EinsumDense {equation!r} has an axis that it says nothing of")
    sizes = {k: known(outer.get(k, inner.get(k)), f"axis {k!r} of EinsumDense") for k in kernel}
    bias = None
    if config["bias_axes"] is not None:
        bias = _bias(config["bias_axes"], target, outer, 0 if left else elided)
    added = tuple(sizes[letter] for letter in kernel if letter not in inner)
    return Product(tuple(sizes[letter] for letter in kernel), bias, tuple(output), added)


def _bias(axes: str, target: str, outer: dict[str, Dim], after: int) -> tuple[int, ...]:
    if not axes or not set(axes) <= set(target):
        raise ShapeError(f"EinsumDense has no bias axes {axes!r} in its output {target!r}")
    first = min(map(target.index, axes))
    sizes = [known(outer[k], f"bias axis {k!r}") if k in axes else 1 for k in target[first:]]
    return (*sizes, *(1,) * after)


def weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    """Return the kernel and, with bias axes, the bias."""
    found = product_of(config, inputs[0])
    kernel = Weight("kernel", found.kernel, " × ".join(_letters(config)), path="kernel",
                    initializer="glorot_uniform")  # fmt: skip
    bias = () if found.bias is None else (
        Weight("bias", found.bias, " × ".join(config["bias_axes"]), path="bias"),
    )  # fmt: skip
    own = activation_weights(config, (found.output,))
    policy = quantization.policy_of(config)
    if policy is None:
        return quantization.with_adapter(config, (kernel, *bias, *own))
    sides, scale = _sides(config, found.kernel, policy), _scale(config, found.kernel, inputs[0])
    made = quantization.quantized_weights(policy, kernel, (*bias, *own), sides, scale, "zero_point")
    rank = config["lora_rank"]
    return (*made, *quantization.adapter("kernel", kernel.shape, rank)) if rank else made


def _labels(config: Config, rank: int) -> tuple[str, str, str]:
    """Return the letters of input, kernel and output, those left out by `...` as digits."""
    left, _, output = str(config["equation"]).partition("->")
    source, _, kernel = left.partition(",")
    rest = "".join(map(str, range(rank - len(source.replace("...", "")))))
    return source.replace("...", rest), kernel, output.replace("...", rest)


def _sides(config: Config, shape: tuple[int, ...], policy: quantization.Policy) -> tuple[int, int]:
    """Return the rows and columns of a kernel as a matrix, as Keras packs it."""
    if policy.mode in ("gptq", "awq") and len(shape) == 3:
        last = shape.index(max(shape)) > 0  # Keras takes the largest axis for the model's width
        return (shape[0] * shape[1], shape[2]) if last else (shape[0], shape[1] * shape[2])
    output = str(config["equation"]).partition("->")[2]
    summed = [size for size, letter in zip(shape, _letters(config), strict=True)
              if letter not in output]  # fmt: skip
    rows = prod(summed)
    return rows, prod(shape) // rows


def _scale(config: Config, kernel: tuple[int, ...], shape: Shape) -> tuple[int, ...]:
    """Return the shape of an int8 kernel's scale: the output's axes, 1 where it has none."""
    _, letters, output = _labels(config, len(shape))
    sizes = dict(zip(letters, kernel, strict=True))
    return tuple(sizes.get(letter, 1) for letter in output)


def _letters(config: Config) -> str:
    return str(config["equation"]).partition(",")[2].partition("->")[0]


def macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    """Return the products: each value of the input meets the kernel's axes that it has not."""
    size = product(inputs[0][1:])
    return None if size is None else size * prod(product_of(config, inputs[0]).added)


def _streams(config: Config, rank: int) -> bool:
    """Whether the axis of the steps is only carried along."""
    source, _, rest = str(config["equation"]).partition(",")
    kernel, _, target = rest.partition("->")
    if source.startswith("...") and target.startswith("..."):
        return rank >= 3 and rank - len(source[3:]) >= 2
    letter = source[1:2]
    return rank >= 3 and letter not in ("", ".") and letter not in kernel and letter == target[1:2]


def run(setup: OpContext) -> Op:
    """Return the product as an operation."""
    equation, bias = str(setup.config["equation"]), quantization.bias_of(setup)
    function = activation_of(setup)

    def multiply(x: Array, kernel: Array) -> Array:
        result: Array = np.einsum(equation, x, kernel, optimize=True)
        return result

    policy = quantization.policy_of(setup.config)
    kernel = quantization.with_delta(setup) if policy is None else None

    def product(x: Array) -> Array:
        if kernel is not None:
            return multiply(x, kernel)
        assert policy is not None
        return _quantized(setup, policy, multiply, x)

    return Plain(lambda x: function(product(x) if bias is None else product(x) + bias))


def _quantized(
    setup: OpContext, policy: quantization.Policy, multiply: quantization.Multiply, x: Array
) -> Array:
    source, _, output = _labels(setup.config, x.ndim)
    summed = tuple(axis for axis, letter in enumerate(source) if letter not in output)
    shape = product_of(setup.config, x.shape).kernel
    columns = _sides(setup.config, shape, policy)[1]
    kernel = quantization.full_kernel(setup, policy, shape, columns)
    called = setup.config.get(quantization.INNER)
    if (
        policy.mode == "int4" and policy.block is None and not called
    ):  # its scale goes by the matrix's columns
        rows = prod(shape) // columns
        kernel = (kernel.reshape(rows, columns) / setup.weights["kernel_scale"]).reshape(shape)

    def aligned(scale: Array) -> Array:
        left = [letter for letter in source if letter in output]
        kept = scale.squeeze(summed).transpose([left.index(c) for c in output if c in left])
        return kept.reshape(list(_sizes_at(kept.shape, output, left)))

    return quantization.multiplied(setup, policy, kernel, multiply, summed, aligned)(x)


def _sizes_at(sizes: tuple[int, ...], output: str, left: list[str]) -> Iterator[int]:
    """Yield the sizes where the output has a letter of the input, else 1."""
    rest = iter(sizes)
    yield from (next(rest) if letter in left else 1 for letter in output)


TYPES: dict[str, Any] = {
    "EinsumDense": LayerType(
        signature(
            "equation, output_shape, activation=None, bias_axes=None, "
            "kernel_initializer='glorot_uniform', bias_initializer='zeros', "
            "kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None, "
            "bias_constraint=None, lora_rank=None, lora_alpha=None, "
            "gptq_unpacked_column_size=None, quantization_config=None"
        ),
        lambda config, inputs: (product_of(config, inputs[0]).output,),
        weights,
        macs,
        streams=_streams,
        run=run,
    )
}
