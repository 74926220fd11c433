"""Fourier transforms of signals, as `keras.ops` has them: complex numbers as two real tensors.

Source of the short-time transforms: `keras/src/backend/numpy/math.py`; windows are periodic.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Pair = tuple[Array, Array]


def _complex(parts: Any) -> Array:
    real, imaginary = parts
    found: Array = np.asarray(real) + 1j * np.asarray(imaginary)
    return found


def _parts(values: Array) -> Pair:
    return values.real, values.imag


def fft(x: Any) -> Pair:
    """Return the transform along the last axis."""
    return _parts(np.fft.fft(_complex(x)))


def fft2(x: Any) -> Pair:
    """Return the transform along the last two axes."""
    return _parts(np.fft.fft2(_complex(x)))


def ifft2(x: Any) -> Pair:
    """Return the inverse of `fft2`."""
    return _parts(np.fft.ifft2(_complex(x)))


def rfft(x: Array, fft_length: int | None = None) -> Pair:
    """Return the transform of real numbers, its first half."""
    return _parts(np.fft.rfft(x, fft_length))


def irfft(x: Any, fft_length: int | None = None) -> Array:
    """Return the inverse of `rfft`."""
    return np.fft.irfft(_complex(x), fft_length)


def sequences(x: Array, sequence_length: int, sequence_stride: int) -> Array:
    """Return windows `(..., windows, length)` of the last axis."""
    return sliding_window_view(x, sequence_length, -1)[..., ::sequence_stride, :]


def _window(name: Any, length: int, size: int) -> Array:
    """Return a window of Hann or Hamming, or of ones, in the middle of `size` places."""
    if name is None:
        shape = np.ones(length)
    elif name in ("hann", "hamming"):
        mean = 0.5 if name == "hann" else 0.54
        shape = mean - (1 - mean) * np.cos(2 * np.pi * np.arange(length) / length)
    else:
        shape = np.asarray(name)
    before = (size - length) // 2
    return np.pad(shape, (before, size - length - before))


def stft(
    x: Array, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann",
    center: bool = True,
) -> Pair:  # fmt: skip
    """Return the transforms of windows `(..., windows, fft_length // 2 + 1)`."""
    if center:
        around = [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)]
        x = np.pad(x, around, mode="reflect")
    shape = _window(window, sequence_length, fft_length)
    return rfft(sequences(x, fft_length, sequence_stride) * shape, fft_length)


def istft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None,
    window: Any = "hann", center: bool = True,
) -> Array:  # fmt: skip
    """Return the signal of which these are the windows' transforms, overlaps averaged."""
    frames = irfft(x, fft_length)
    shape = _window(window, sequence_length, fft_length)
    many = frames.shape[-2]
    whole = (many - 1) * sequence_stride + fft_length
    found, over = np.zeros((*frames.shape[:-2], whole)), np.zeros(whole)
    for index in range(many):
        place = slice(index * sequence_stride, index * sequence_stride + fft_length)
        found[..., place] += frames[..., index, :] * shape
        over[place] += shape**2
    found = found / np.where(over > 1e-10, over, 1)
    start = fft_length // 2 if center else 0
    end = whole - start if length is None else start + length
    return found[..., start:end]
