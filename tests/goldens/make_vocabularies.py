"""Write models that look up numbers and text, adapted to data, and what the real Keras computes.

Usage: python tests/goldens/make_vocabularies.py   (needs keras, tensorflow; tests do not run it)
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

HERE = Path(__file__).parent
LONG = "longer than thirty-two bytes, this one is"
WORDS = np.array([["cat", "sat", "zzz", "Über"], ["the", "", "cat", LONG]])
# One and two blocks of 64 bytes, and what ends just before and behind one.
LENGTHS = np.array([[("Überall " * 40)[:size] for size in (33, 47, 63, 64, 120, 127, 128, 300)]])
SHORT = np.where(WORDS == LONG, "short", WORDS)
SEEN = np.array(["cat", "the", "cat", "sat"])
DOCS = np.array(["the cat, sat!", "THE dog's sat on  the\tmat", "Über ÜBER naïve-cat", "",
                 "a_b c.d 日本 語"])  # fmt: skip
NUMBERS = np.array([[1, 5, 42, 7], [0, 9, 9, -1]])
DATA = np.array([[1, 5, 5], [7, 9, 9]])
Case = tuple[str, np.ndarray, np.ndarray | None]


def nested(layer: Any) -> Any:
    return keras.Sequential([keras.Input((4,), dtype="int64"), layer])


def network(layer: Any) -> Callable[[Any], Any]:
    return lambda x: L.LSTM(3)(L.Embedding(30, 4, mask_zero=True)(layer(x)))


def cases() -> list[Case]:
    """Return the layer, its input, and the data that it is adapted to, if any."""
    found: list[Case] = [
        *[(f"IntegerLookup({a})", NUMBERS, DATA) for a in (
            "", "output_mode='tf_idf'", "output_mode='multi_hot', num_oov_indices=2, mask_token=0",
            "output_mode='tf_idf', max_tokens=4", "invert=True")],
        ("StringLookup(vocabulary=['cat', 'the'], output_mode='tf_idf', idf_weights=[0.3, 0.6])",
         WORDS, None),
        ("StringLookup(vocabulary=['cat', 'the'], num_oov_indices=3)", SHORT, None),
        ("StringLookup(vocabulary=['cat'], num_oov_indices=3, oov_method='farmhash', salt=[3, 5])",
         WORDS, None),
        ("StringLookup(vocabulary=['cat', 'the'], invert=True)", np.array([[0, 1], [2, 2]]), None),
        ("StringLookup(invert=True, mask_token='')", np.array([[0, 1, 2], [2, 2, 0]]), SEEN),
    ]  # fmt: skip
    for mode in ("int", "one_hot", "multi_hot", "count"):
        x = SHORT[:, :1] if mode == "one_hot" else SHORT
        found.append((f"StringLookup(output_mode='{mode}', num_oov_indices=2, mask_token='')",
                      x, SEEN))  # fmt: skip
    for arguments in (
        "", "output_sequence_length=4", "output_sequence_length=4, standardize=None",
        "standardize='lower', split='character', output_sequence_length=6", "ngrams=2",
        "ngrams=(2,), output_sequence_length=9", "output_mode='multi_hot'",
        "output_mode='count', ngrams=2", "output_mode='tf_idf'", "max_tokens=5", "split=None",
        "max_tokens=20, pad_to_max_tokens=True, output_mode='count'",
        "standardize='strip_punctuation'", "split=None, output_sequence_length=3",
    ):  # fmt: skip
        found.append((f"TextVectorization({arguments})", DOCS[:, None], DOCS))
    return [
        *found,
        ("TextVectorization(output_sequence_length=5, vocabulary=['the', 'cat'])", DOCS, None),
        ("TextVectorization(split=None, ngrams=2)", WORDS[:, :3], np.array([["cat", "sat"]])),
        ("Hashing(5)", SHORT, None), ("Hashing(5, salt=7)", WORDS, None),
        ("Hashing(100000)", LENGTHS, None),
        ("StringLookup(vocabulary=['cat', 'the'], num_oov_indices=40)", WORDS, None),
        ("Hashing(5, mask_value='')", SHORT, None),
        ("Hashing(5, output_mode='one_hot')", SHORT[:, :1], None),
    ]  # fmt: skip


def main() -> None:
    rng = np.random.default_rng(0)
    recorded = []
    with (
        TemporaryDirectory() as folder,
        zipfile.ZipFile(HERE / "vocabularies.zip", "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for wrapped, (text, x, data) in (
            *(("", case) for case in cases()),
            ("nested", ("IntegerLookup()", NUMBERS, DATA)),
            ("network", ("TextVectorization(output_sequence_length=5)", DOCS[:, None], DOCS)),
        ):  # fmt: skip
            keras.utils.clear_session()
            layer = eval(f"L.{text}", {"L": L})
            if data is not None:
                layer.adapt(data)
            call = {"nested": nested, "network": network}.get(wrapped, lambda layer: layer)(layer)
            dtype = "string" if x.dtype.kind == "U" else "int64"
            symbol = keras.Input(x.shape[1:], dtype=dtype)
            model = keras.Model(symbol, call(symbol))
            for weight in model.weights:
                weight.assign(rng.normal(size=weight.shape))
            path = Path(folder) / f"{len(recorded)}.keras"
            model.save(path)
            y = np.asarray(keras.saving.load_model(path)(tf.constant(x)))
            if y.dtype == object:
                y = np.array([each.decode() for each in y.ravel()]).reshape(y.shape)
            np.savez_compressed(path.with_suffix(".npz"), x=x, y=y)
            for each in (path, path.with_suffix(".npz")):
                archive.write(each, each.name)
            recorded.append(f"{text} {wrapped}".strip())
        told = {"versions": {"keras": keras.__version__}, "cases": recorded}
        archive.writestr("cases.json", json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
