"""The error function, after W. J. Cody (1969), rational Chebyshev approximations of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def erf(x: Array) -> Array:
    """Return the error function, to 1e-15 in float64."""
    wide = x.astype(np.float64)
    size = np.abs(wide)
    square = wide * wide
    small = wide * _rational(square, _ERF_P, _ERF_Q)
    middle = np.exp(-square) * _rational(np.clip(size, 0.4, 4.1), _ERFC_P, _ERFC_Q)
    result = np.where(size < 0.5, small, np.sign(wide) * (1 - np.where(size < 4, middle, 0)))
    far = size >= 4
    if far.any():
        result[far] = np.sign(wide[far]) * (1 - _erfc_far(size[far]))
    return result.astype(x.dtype)


def _erfc_far(size: Array) -> Array:
    inverse = 1 / (size * size)
    series = inverse * _rational(inverse, _FAR_P, _FAR_Q)
    scaled: Array = np.exp(-np.minimum(size * size, 700)) / size * (1 / np.sqrt(np.pi) + series)
    return scaled


def _rational(x: Array, above: tuple[float, ...], below: tuple[float, ...]) -> Array:
    return np.polyval(above, x) / np.polyval(below, x)


# Cody's coefficients, highest power first: |x| < 0.5, 0.5 <= |x| < 4, and |x| >= 4.
_ERF_P = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
          3.77485237685302021e2, 3.20937758913846947e3)  # fmt: skip
_ERF_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
          2.84423683343917062e3)  # fmt: skip
_ERFC_P = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
           6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
           1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)  # fmt: skip
_ERFC_Q = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
           1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
           3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip
_FAR_P = (-1.63153871373020978e-2, -3.05326634961232344e-1, -3.60344899949804439e-1,
          -1.25781726111229246e-1, -1.60837851487422766e-2, -6.58749161529837803e-4)  # fmt: skip
_FAR_Q = (1.0, 2.56852019228982242e0, 1.87295284992346047e0, 5.27905102951428412e-1,
          6.05183413124413191e-2, 2.33520497626869185e-3)  # fmt: skip
