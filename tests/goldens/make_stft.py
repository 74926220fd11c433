"""Write the kernels with which Keras begins its spectrograms.

Usage: python tests/goldens/make_stft.py   (needs keras and tensorflow; not run by the tests)
"""

from pathlib import Path

import numpy as np
from keras.initializers import STFT

WINDOWS = (("hann", "density"), ("hamming", "spectrum"), ("hann", None), (None, None))


def main() -> None:
    found = {
        f"{side}/{window}/{scaling}/{periodic}": np.asarray(
            STFT(side, window, scaling, periodic)((12, 1, 9))
        )
        for side in ("real", "imag")
        for window, scaling in WINDOWS
        for periodic in (True, False)
    }
    np.savez_compressed(Path(__file__).parent / "stft.npz", **found)


if __name__ == "__main__":
    main()
