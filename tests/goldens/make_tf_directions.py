"""Write models of tf_keras whose configs do not say all: one direction frozen, or a part of a
layer, attention by name, masks
of layers inside.

Usage: PYTHONPATH=conformance python tests/goldens/make_tf_directions.py
(needs tensorflow and tf_keras; not run by the tests)
"""

import tempfile
import zipfile
from pathlib import Path

import keras_records
import numpy as np
import tf_keras as keras

HERE = Path(__file__).parent
layers = keras.layers


def main() -> None:
    rng = np.random.default_rng(0)
    a = keras.Input((6, 4))
    models = {}
    for side in ("forward", "backward"):
        both = layers.Bidirectional(layers.GRU(3))
        models[side] = keras.Model(a, both(a))
        getattr(both, f"{side}_layer").trainable = False
    frozen = layers.Dense(3)
    each = keras.Sequential([keras.Input((4,)), frozen, layers.Dense(2)])
    cells = [layers.LSTMCell(4), layers.LSTMCell(4)]
    models["inside"] = keras.Model(a, layers.RNN(cells)(layers.TimeDistributed(each)(a)))
    frozen.trainable = cells[0].trainable = False
    attention = layers.MultiHeadAttention(2, 3)(query=a, value=a, key=a)
    models["attention"] = keras.Model(a, attention)
    b = keras.Input((4, 6), dtype="int32")
    words = layers.TimeDistributed(layers.Embedding(5, 3, mask_zero=True))(b)
    lines = keras.Sequential([keras.Input((6,)), layers.Embedding(5, 3, mask_zero=True),
                              layers.SimpleRNN(3, return_sequences=True)])  # fmt: skip
    each = [layers.GRU(2)(layers.TimeDistributed(layers.LSTM(2))(x))
            for x in (words, layers.TimeDistributed(lines)(b))]  # fmt: skip
    models["masks"] = keras.Model(b, layers.Concatenate()(each))
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(HERE / "tf_directions.zip", "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, model in models.items():
            keras_records.randomize(model, rng)
            x = rng.normal(size=(3, 6, 4)).astype("float32")
            if name == "masks":
                x = rng.integers(0, 3, (3, 4, 6))
                x[0, 1] = x[2, 3] = 0  # steps of which nothing counts
            for kind in ("h5", "keras", "savedmodel"):
                keras_records.record(keras, model, x, Path(folder) / f"{name}-{kind}", kind)
        for path in sorted(each for each in Path(folder).rglob("*") if each.is_file()):
            archive.write(path, path.relative_to(folder))


if __name__ == "__main__":
    main()
