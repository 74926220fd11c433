"""Short-time Fourier transforms and the mel scale.

Sources: `scipy.signal.windows` for the windows, `keras/src/initializers` for the kernels of a
transform, HTK's formula of the mel scale (Young et al., 2002).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.errors import UsageError

Array = NDArray[Any]

# A window is a sum of cosines, with these coefficients and alternating signs.
_COSINES = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}


def window(name: str, size: int, periodic: bool) -> Array:
    """Return the window called `name`, or that of the numbers that `name` lists.

    Raises: UsageError if it is not known.
    """
    if name not in _COSINES:
        try:
            values = np.array([float(each) for each in name.split(",")])
        except ValueError:
            raise UsageError(
                f"window {name[:40]!r} is not known", f"known: {', '.join(_COSINES)}"
            ) from None
        if len(values) != size:
            raise UsageError(f"the window lists {len(values)} numbers for a frame of {size:,}")
        return values
    if size == 1:
        return np.ones(1)
    angle = 2 * np.pi * np.arange(size) / (size if periodic else size - 1)
    parts = [share * (-1) ** k * np.cos(k * angle) for k, share in enumerate(_COSINES[name])]
    total: Array = np.sum(parts, axis=0)
    return total


def stft_kernel(
    shape: tuple[int, ...], side: str, name: str, scaling: str, periodic: bool
) -> Array:
    """Return a convolution kernel `(frame, 1, bins)` that computes one side of a transform.

    `side` is `real` or `imag`, `scaling` `density`, `spectrum` or `None`.
    """
    frame, _, bins = shape
    angle = -2 * np.pi * np.arange(frame)[:, None, None] * np.arange(bins) / ((bins - 1) * 2)
    waves: Array = np.cos(angle) if side == "real" else np.sin(angle)
    if name == "None":
        return waves
    values = window(name, frame, periodic)
    scale = 1.0
    if scaling == "density":
        scale = float(np.sqrt(np.square(values).sum()))
    elif scaling == "spectrum":
        scale = float(np.abs(values).sum())
    return waves * values[:, None, None] / scale


def magnitudes(x: Array, values: Array, stride: int, length: int) -> Array:
    """Return `(…, frames, length // 2 + 1)`: frames of `x` `(…, samples)`, centred, mirrored at
    the ends, times a window padded to `length`."""
    before = (length - len(values)) // 2
    values = np.pad(values, (before, length - len(values) - before))
    ends = [(0, 0)] * (x.ndim - 1) + [(length // 2, length // 2)]
    view = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, ends, mode="reflect"), length, axis=-1
    )
    spectrum = np.abs(np.fft.rfft(view[..., ::stride, :] * values, axis=-1))
    return spectrum.astype(x.dtype)


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


def mel_matrix(bins: int, many: int, rate: float, low: float, high: float) -> Array:
    """Return `(bins, many)`: how much each frequency adds to each of `many` mel bands."""
    centres = _mel(np.linspace(0, rate / 2, bins)[1:])[:, None]
    edges = np.linspace(_mel(low), _mel(high), many + 2)
    lower, middle, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (centres - lower) / (middle - lower), (upper - centres) / (upper - middle)
    matrix = np.maximum(0, np.minimum(rising, falling))
    return np.pad(matrix, [(1, 0), (0, 0)])  # HTK leaves the constant part out
