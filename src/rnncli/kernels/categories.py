"""Whole numbers as categories: encoded, and hashed into bins.

Sources: SipHash-2-4 (Aumasson & Bernstein, 2012), `FingerprintCat64` of
TensorFlow's `core/platform/fingerprint.h`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.kernels.farm_hash import fetch, fingerprint, mixed, turned

Array = NDArray[Any]
_WORD = (1 << 64) - 1
_CAT = 0xC6A4A7935BD1E995
_CROSS_KEY = 0xDECAFCAFFE  # TensorFlow's default key of a cross


def encoded(indices: Array, mode: str, depth: int, dtype: Any, weights: Any = None) -> Any:
    """Return categories as `one_hot`, `multi_hot` or `count` of `depth`; `int` as they are.

    What is none of the categories is left out, as in `encode_categorical_inputs` of Keras.
    """
    if mode == "int":
        return indices
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices[..., 0]
        return (indices[..., None] == np.arange(depth)).astype(dtype)
    axis = 1 if indices.ndim > 1 else 0
    places = (indices[..., None] == np.arange(depth)).astype(dtype)
    if mode == "multi_hot":
        return places.max(axis=axis, initial=0)
    if weights is not None:
        places = places * weights[..., None]
    return places.sum(axis=axis, dtype=dtype)


def hashed(values: Array, bins: int, key: Sequence[int] | None = None) -> Array:
    """Return the bin of each text, or of each number's decimal one: by FarmHash, or SipHash with a
    `key`."""
    seen, inverse = np.unique(values, return_inverse=True)
    found = np.array([_bin(str(each).encode(), bins, key) for each in seen.tolist()], np.int64)
    return found[inverse].reshape(values.shape)


def crossed(columns: Sequence[Array], bins: int) -> Array:
    """Return the bin of each combination of numbers of several columns of one shape."""
    seen: dict[tuple[int, ...], int] = {}
    flat = [column.ravel() for column in columns]
    result = np.empty(flat[0].shape, np.int64)
    for index, each in enumerate(zip(*flat, strict=True)):
        numbers = tuple(map(int, each))
        if numbers not in seen:
            total = _CROSS_KEY
            for number in numbers:
                total = _joined(total, number & _WORD)
            seen[numbers] = total % bins
        result[index] = seen[numbers]
    return result.reshape(columns[0].shape)


def _bin(text: bytes, bins: int, key: Sequence[int] | None) -> int:
    return (fingerprint(text) if key is None else _sip(text, key)) % bins


def _joined(one: int, other: int) -> int:
    result = one ^ _CAT
    result ^= mixed(other * _CAT) * _CAT
    return mixed(mixed(result * _CAT) * _CAT)


def _sip(text: bytes, key: Sequence[int]) -> int:
    k0, k1 = (int(each) & _WORD for each in key)
    state = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
             k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]  # fmt: skip
    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) & 0xFF])
    for at in range(0, len(padded), 8):
        word = fetch(padded, at)
        state[3] ^= word
        _rounds(state, 2)
        state[0] ^= word
    state[2] ^= 0xFF
    _rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rounds(state: list[int], many: int) -> None:
    """Mix the state, changed in place."""
    v0, v1, v2, v3 = state
    for _ in range(many):
        v0, v2 = (v0 + v1) & _WORD, (v2 + v3) & _WORD
        v1, v3 = turned(v1, 51) ^ v0, turned(v3, 48) ^ v2
        v0, v2 = (turned(v0, 32) + v3) & _WORD, (v2 + v1) & _WORD
        v1, v3 = turned(v1, 47) ^ v2, turned(v3, 43) ^ v0
        v2 = turned(v2, 32)
    state[:] = v0, v1, v2, v3
