"""Write a model whose weights are bfloat16, and their values as float32, which holds them exactly.

Usage: python tests/goldens/make_bfloat16.py
(needs keras and tensorflow; not run by the tests)
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent


def main() -> None:
    """Write the model and its weights by their paths."""
    stack = [layers.Input((6, 3)),
             layers.LSTM(4, dtype="bfloat16", recurrent_initializer="glorot_uniform"),
             layers.Dense(2, dtype="bfloat16")]  # fmt: skip
    model = keras.Sequential(stack)
    rng = np.random.default_rng(16)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    model.save(HERE / "bfloat16.keras")
    held = {w.path: keras.ops.convert_to_numpy(w).astype("float32") for w in model.weights}
    np.savez(HERE / "bfloat16.npz", **held)


if __name__ == "__main__":
    main()
