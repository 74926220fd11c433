"""Write models whose layers are given arrays and masks in the call, and what Keras computes.

Usage: python tests/goldens/make_constants.py   (needs keras, tf_keras; tests do not run it)
"""

import json
import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["COLUMNS"] = "200"  # else Keras crops its table at 80 columns

import keras
import numpy as np
import tf_keras
from keras import layers as L

HERE = Path(__file__).parent
rng = np.random.default_rng(0)
ONE = rng.normal(size=(1, 3, 4)).astype("float32")
EACH = rng.normal(size=(2, 3, 4)).astype("float32")
STATE = rng.normal(size=(2, 2)).astype("float32")
MASK = np.array([[1, 1, 0], [0, 1, 1]], bool)
LOWER = np.tril(np.ones((1, 3, 3)))


def arrays() -> Any:
    """Return a model of layers that get an array beside a tensor."""
    first = keras.Input((3, 4))
    x = L.Dense(4)(first)
    whole = np.arange(3)[None, :, None]
    outputs = [
        *(kind()([x, ONE]) for kind in (L.Add, L.Multiply, L.Subtract, L.Average, L.Maximum)),
        L.Minimum()([x, ONE, x]), L.Add()([x, whole]), L.Multiply()([x, np.float64(whole) / 7]),
        L.Concatenate(1)([x, EACH]), L.Attention()([x, EACH]), L.AdditiveAttention()([x, EACH]),
        L.MultiHeadAttention(2, 2)(x, EACH), L.MultiHeadAttention(2, 2)(x, key=x, value=EACH),
        L.MultiHeadAttention(2, 2)(x, x, attention_mask=LOWER),
        L.LSTM(2)(x, initial_state=[STATE, STATE * 2]), L.GRU(2)(x, STATE),
        L.Bidirectional(L.LSTM(2))(x, initial_state=[STATE] * 4),
        L.RNN(L.StackedRNNCells([L.LSTMCell(2), L.GRUCell(2)]))(
            x, initial_state=[[STATE, STATE * 2], STATE * 3]),
        L.LSTM(2)(x, mask=MASK), L.Bidirectional(L.GRU(2))(x, mask=MASK),
        L.GlobalAveragePooling1D()(x, mask=MASK), L.Softmax()(x, np.array([[[1, 1, 0, 1]]], bool)),
        keras.Model(first, L.Add()([first, ONE]), name="inner")(x),
        keras.ops.concatenate([x, EACH], -1),
    ]  # fmt: skip
    return keras.Model(first, outputs, name="arrays")


def masks() -> Any:
    """Return a model of layers that are given masks by name and by place."""
    first = keras.Input((3,))
    e = L.Embedding(4, 4, mask_zero=True)(first)
    x = L.Embedding(4, 4)(first)
    m = keras.ops.cast(first > 1, "bool")
    heads = {"num_heads": 2, "key_dim": 2}
    outputs = [
        L.Attention()([e, e], mask=[None, m]), L.Attention()([e, e], mask=[m, None]),
        L.Attention()([x, x], [m, m]), L.AdditiveAttention()([x, e], [m, m]),
        L.GlobalAveragePooling1D()(e, m), L.LSTM(2)(x, None, m),
        L.LSTM(2)(L.LSTM(2, return_sequences=True)(e, mask=m)),
        L.LSTM(2)(L.BatchNormalization()(x, mask=m)),
        L.LSTM(2)(L.MultiHeadAttention(**heads)(x, x, query_mask=m)),
        L.MultiHeadAttention(**heads)(x, x, x * 2, value_mask=MASK, key_mask=m),
        L.MultiHeadAttention(**heads)(x, x, key_mask=m),
        L.MultiHeadAttention(**heads)(x, x, value_mask=MASK, attention_mask=LOWER),
        L.GroupQueryAttention(2, 2, 1)(x, x, query_mask=m, key_mask=MASK),
        L.MultiHeadAttention(**heads)(x, x, L.Embedding(4, 4, mask_zero=True)(first)),
    ]  # fmt: skip
    return keras.Model(first, outputs, name="masks")


def of_tf_keras() -> Any:
    """Return a model of tf.keras, which writes an array as lists."""
    first = tf_keras.Input((3, 4))
    x = tf_keras.layers.Dense(4)(first)
    return tf_keras.Model(first, [tf_keras.layers.GlobalAveragePooling1D()(x, mask=MASK)])


def main() -> None:
    recorded = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        values = {"arrays": rng.normal(size=(2, 3, 4)).astype("float32"),
                  "masks": np.array([[1, 0, 2], [3, 2, 0]], "float32")}  # fmt: skip
        values["tf_keras"] = values["arrays"]
        for case, model in (("arrays", arrays()), ("masks", masks()), ("tf_keras", of_tf_keras())):
            for weight in model.weights:
                weight.assign(rng.normal(size=weight.shape, scale=0.5) ** 2)
            path = folder / f"{case}.{'h5' if case == 'tf_keras' else 'keras'}"
            model.save(path)
            loader = tf_keras if case == "tf_keras" else keras
            loaded, lines = loader.models.load_model(path, compile=False), []
            loaded.summary(print_fn=lines.append)
            found = loaded.predict(values[case], verbose=0)
            found = found if isinstance(found, list) else [found]
            np.savez_compressed(folder / f"{case}.npz", values[case], *found)
            recorded[case] = {"summary": "\n".join(lines).rstrip(), "params": loaded.count_params()}
        versions = {"keras": keras.__version__, "tf_keras": tf_keras.__version__}
        told = {"versions": versions, "cases": recorded}
        (folder / "cases.json").write_text(json.dumps(told, indent=1))
        with zipfile.ZipFile(HERE / "constants.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)


main()
