"""The kernels with which a spectrogram begins: those of the real Keras."""

from pathlib import Path

import numpy as np
import pytest

from rnncli.kernels.spectra import stft_kernel

KERNELS = np.load(Path(__file__).parents[1] / "goldens" / "stft.npz")


@pytest.mark.parametrize("name", KERNELS.files)
def test_a_kernel_is_that_of_keras(name: str) -> None:
    side, window, scaling, periodic = name.split("/")
    expected = KERNELS[name]
    found = stft_kernel(expected.shape, side, window, scaling, periodic == "True")
    # Keras multiplies the angles in float32.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
