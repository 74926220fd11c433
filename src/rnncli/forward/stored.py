"""Stored tensors as arrays in Keras's layout."""

import numpy as np

from rnncli.errors import FileError
from rnncli.kernels.activations import Array
from rnncli.model import Store, Tensor, Weight


def to_array(tensor: Tensor) -> Array:
    """Return a tensor of a file as an array; bfloat16 becomes float32."""
    if isinstance(tensor.data, np.ndarray):
        return tensor.data
    if tensor.dtype == "bfloat16":
        flat = np.frombuffer(tensor.data, "<u2").astype("<u4") << 16
        flat = flat.view("<f4")
    else:
        try:
            flat = np.frombuffer(tensor.data, np.dtype(tensor.dtype).newbyteorder("<"))
        except TypeError:
            raise FileError(f"values of type {tensor.dtype} cannot be run") from None
    if tensor.strides is None:
        return flat.reshape(tensor.shape)
    strides = [stride * flat.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, strides, writeable=False)


def assemble(weight: Weight, store: Store) -> Array:
    """Return a weight's values from the tensors that hold it. Raises: FileError."""
    if weight.stored is None and not weight.saved:
        return np.zeros(weight.shape, np.float32)
    if weight.stored is None:
        raise FileError(f"the file holds no values for {weight.path or weight.name}")
    arrays = [to_array(store.read(name)) for name in weight.stored.tensors]
    result: Array = LAYOUTS[weight.stored.layout](arrays, weight)
    return result


def _keras1_gates(arrays: list[Array], weight: Weight) -> Array:
    """Keras 1 keeps one tensor per gate; the reader names them in the cell's order."""
    return np.concatenate(arrays, axis=-1)


def _keras1_window(arrays: list[Array], weight: Weight) -> Array:
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


def _scalar(arrays: list[Array], weight: Weight) -> Array:
    return arrays[0].reshape(weight.shape)


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
    "keras1_window": _keras1_window,
    "keras1_filters": _keras1_filters,
    "theano_window": _theano_window,
    "theano_plane": lambda arrays, weight: arrays[0][::-1, ::-1],
    "keras1_plane_filters": lambda arrays, weight: arrays[0].transpose(2, 3, 1, 0),
    "theano_plane_filters": lambda arrays, weight: arrays[0].transpose(2, 3, 1, 0)[::-1, ::-1],
    "theano_filters": _theano_filters,
    "reshape": _scalar,
    "weight_norm": _weight_norm,
    "pruned": lambda arrays, weight: arrays[0] * arrays[1],
    "computed": _computed,
}
