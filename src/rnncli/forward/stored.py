"""Stored tensors as arrays in Keras's layout."""

from functools import cache
from math import prod
from typing import Any

import numpy as np

from rnncli.errors import FileError
from rnncli.forward.blocks import Index, Values, whole
from rnncli.kernels.activation_layers import Array
from rnncli.model import Weight
from rnncli.storage import Store, Tensor

_SMALL = 16 << 20  # bytes that any tensor may have
_REPEATED = 100  # beyond them: its bytes to those that the file stores of it


def to_values(tensor: Tensor) -> Values:
    """Return a tensor of a file as an array, or what reads it in parts; bfloat16 and float8 become
    float32."""
    if hasattr(tensor.data, "chunks") and tensor.dtype == "bfloat16":
        return _Widened(tensor.data)
    if isinstance(tensor.data, np.ndarray) or hasattr(tensor.data, "chunks"):
        return tensor.data  # type: ignore[no-any-return]
    if tensor.dtype == "bfloat16":
        flat = _widened(np.frombuffer(tensor.data, "<u2"))
    elif tensor.dtype in _EIGHT_BITS:
        flat = _eight_bits(tensor.dtype)[np.frombuffer(tensor.data, np.uint8)]
    else:
        try:
            flat = np.frombuffer(tensor.data, np.dtype(tensor.dtype).newbyteorder("<"))
        except TypeError:
            raise FileError(f"values of type {tensor.dtype} cannot be run") from None
    if tensor.strides is None:
        return flat.reshape(tensor.shape)
    size = prod(tensor.shape) * flat.itemsize
    if size > _SMALL and size > _REPEATED * flat.nbytes:
        raise FileError(f"a tensor of {size:,} bytes repeats {flat.nbytes:,} that are stored; "
                        f"at most {_REPEATED} times as many are taken")  # fmt: skip
    strides = [stride * flat.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, strides, writeable=False)


class _Widened:
    """A dataset of bfloat16 that is read in parts, as float32."""

    dtype = np.dtype(np.float32)

    def __init__(self, dataset: Any) -> None:
        self.dataset, self.shape, self.chunks = dataset, dataset.shape, dataset.chunks

    def __getitem__(self, index: Index) -> Array:
        return _widened(np.asarray(self.dataset[index]).view("<u2"))


def _widened(values: Array) -> Array:
    """Return the bits of bfloat16 as float32: the other half of each is zeros."""
    found = values.astype("<u4")
    found <<= 16
    return found.view("<f4")


# Of each float of eight bits: bits of exponent and of fraction, bias, whether there is a sign.
_EIGHT_BITS = {
    "float8_e4m3fn": (4, 3, 7, True),
    "float8_e5m2": (5, 2, 15, True),
    "float8_e8m0fnu": (8, 0, 127, False),
}


@cache
def _eight_bits(dtype: str) -> Array:
    """Return the float32 that each of the 256 patterns means.

    Source: OCP 8-bit Floating Point Specification; E4M3 has NaN and no infinity, E5M2 both as IEEE
    754, E8M0 (OCP Microscaling Formats) is a power of two and has NaN.
    """
    exponents, fractions, bias, signed = _EIGHT_BITS[dtype]
    codes = np.arange(256)
    sign = np.where(codes >> 7, -1.0, 1.0) if signed else np.ones(256)
    exponent = codes >> fractions & (1 << exponents) - 1
    fraction = (codes & (1 << fractions) - 1) / (1 << fractions)
    normal = np.exp2(exponent - float(bias)) * (1 + fraction)
    if not signed:
        return np.where(codes == 255, np.nan, normal).astype(np.float32)
    found = sign * np.where(exponent == 0, np.exp2(1.0 - bias) * fraction, normal)
    top = exponent == (1 << exponents) - 1
    if dtype == "float8_e5m2":
        found = np.where(top, np.where(fraction == 0, sign * np.inf, np.nan), found)
    else:
        found = np.where(top & (fraction == 1 - 2.0**-fractions), np.nan, found)
    return found.astype(np.float32)


def assemble(weight: Weight, store: Store) -> Array:
    """Return a weight's values from the tensors that hold it. Raises: FileError."""
    if weight.stored is None and not weight.saved:
        return np.zeros(weight.shape, np.float32)
    if weight.stored is None:
        raise FileError(f"the file holds no values for {weight.key}")
    arrays = [whole(to_values(store.read(name))) for name in weight.stored.tensors]
    result: Array = LAYOUTS[weight.stored.layout](arrays, weight)
    return result


def values_in(weight: Weight, store: Store) -> Values:
    """Return a weight's values, read in parts where they lie in the file as the weight has them."""
    if weight.stored is not None and weight.stored.layout == "keras":
        return to_values(store.read(weight.stored.tensors[0]))
    return assemble(weight, store)


def parts_of(weight: Weight, store: Store) -> list[Values]:
    """Return arrays that hold a weight's values between them, in any order; of Keras 1's gates one
    each. Raises: FileError."""
    if weight.stored is not None and weight.stored.layout in _REARRANGED:
        return [to_values(store.read(name)) for name in weight.stored.tensors]
    return [values_in(weight, store)]


def _keras1_gates(arrays: list[Array], weight: Weight) -> Array:
    """Keras 1 keeps one tensor per gate; the reader names them in the cell's order."""
    return np.concatenate(arrays, axis=-1)


def _reshaped(arrays: list[Array], weight: Weight) -> Array:
    """Keras 1 keeps `(window, 1, channels, filters)` where Keras 2 has three axes."""
    return arrays[0].reshape(weight.shape)


def _theano_window(arrays: list[Array], weight: Weight) -> Array:
    """Theano convolves where TensorFlow correlates: the window is stored backwards."""
    return arrays[0].reshape(weight.shape)[::-1]


def _keras1_filters(arrays: list[Array], weight: Weight) -> Array:
    """Before 1.2 Keras kept `(filters, channels, window, 1)`."""
    return arrays[0].transpose(2, 3, 1, 0).reshape(weight.shape)


def _theano_filters(arrays: list[Array], weight: Weight) -> Array:
    return _keras1_filters(arrays, weight)[::-1]


def _weight_norm(arrays: list[Array], weight: Weight) -> Array:
    """Return a weight of which the direction and the length are stored.

    Source: `torch.nn.utils.weight_norm`: the norm is over all axes but the first, or over all
    where the length is a scalar.
    """
    direction, length = (array.astype(np.float64) for array in arrays)
    axes = tuple(range(length.ndim))
    kept = tuple(axis for axis in axes if length.shape[axis] == 1) if length.ndim else None
    norm = np.sqrt((direction**2).sum(axis=kept, keepdims=True))
    found: Array = (direction * (length / norm)).astype(arrays[0].dtype)
    return found


def _computed(arrays: list[Array], weight: Weight) -> Array:
    raise FileError(f"{weight.name} is computed from what is stored, in a way that the file "
                    "does not say")  # fmt: skip


LAYOUTS = {
    "keras": lambda arrays, weight: arrays[0],
    "keras1": _keras1_gates,
    "keras1_window": _reshaped,
    "keras1_filters": _keras1_filters,
    "theano_window": _theano_window,
    "theano_plane": lambda arrays, weight: arrays[0][::-1, ::-1],
    "keras1_plane_filters": lambda arrays, weight: arrays[0].transpose(2, 3, 1, 0),
    "theano_plane_filters": lambda arrays, weight: arrays[0].transpose(2, 3, 1, 0)[::-1, ::-1],
    "theano_filters": _theano_filters,
    "reshape": _reshaped,
    "onnx_row": lambda arrays, weight: arrays[0][:, : weight.shape[1]],
    "weight_norm": _weight_norm,
    "pruned": lambda arrays, weight: arrays[0] * arrays[1],
    "computed": _computed,
}
# Those that hold the stored values and no others.
_REARRANGED = {name for name in LAYOUTS if name.startswith(("keras1", "theano", "reshape"))}
