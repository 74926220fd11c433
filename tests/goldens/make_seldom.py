"""Write models kept in ways that are seldom, and what the real Keras says of them: weights in
bfloat16 in HDF5, weights in shards, a folder whose layers have vocabularies.

Usage: python tests/goldens/make_seldom.py   (needs keras, tensorflow; tests do not run it)
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
import tensorflow as tf
from keras import layers as L

HERE = Path(__file__).parent
rng = np.random.default_rng(0)


def stack(dtype: str) -> Any:
    """Return a stack of random weights in some dtype."""
    model = keras.Sequential(name="stack", layers=[
        keras.Input((5, 8)), L.Dense(6, use_bias=False),
        L.GRU(6, return_sequences=True, recurrent_initializer="zeros"),
        L.LSTM(5, recurrent_initializer="zeros"), L.Dense(3),
    ])  # fmt: skip
    if dtype != "float32":
        model = keras.models.clone_model(
            model,
            clone_function=lambda layer: layer.from_config(layer.get_config() | {"dtype": dtype}),
        )
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape, scale=0.5))
    return model


def lookups() -> Any:
    """Return a model that looks up words and numbers, adapted to data."""
    words = L.TextVectorization(output_sequence_length=4, name="words")
    words.adapt(np.array(["the cat sat", "the dog", "cat"]))
    numbers = L.IntegerLookup(output_mode="tf_idf", name="numbers")
    numbers.adapt(np.array([[1, 5, 5], [7, 9, 9]]))
    text, whole = keras.Input((1,), dtype="string"), keras.Input((3,), dtype="int64")
    return keras.Model([text, whole], [words(text), numbers(whole)], name="lookups")


def summary(model: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return "\n".join(lines).rstrip()


def main() -> None:
    recorded, values = {}, {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        x = rng.normal(size=(2, 5, 8)).astype("float32")
        half, full, tables = stack("bfloat16"), stack("float32"), lookups()
        half.save(folder / "half.h5")
        empty = keras.Sequential([keras.Input((5, 8)), L.Flatten()], name="empty")
        for name, model in (("full", full), ("empty", empty)):
            model.save_weights(folder / f"{name}.weights.json", max_shard_size=6e-7)
            (folder / f"{name}.json").write_text(model.to_json())
        tables.save(folder / "tables", zipped=False)
        texts, numbers = np.array([["The cat!"], ["a dog"]]), np.array([[5, 5, 1], [9, 2, 7]])
        loaded = keras.saving.load_model(folder / "tables")
        words, shares = loaded([tf.constant(texts), tf.constant(numbers)])
        values = {"x": x, "half": np.float32(half(x)), "full": np.asarray(full(x)), "texts": texts,
                  "numbers": numbers, "words": words.numpy(), "shares": shares.numpy()}  # fmt: skip
        for name, model in (("half", half), ("full", full), ("tables", tables),
                            ("empty", empty)):  # fmt: skip
            recorded[name] = {"summary": summary(model), "params": model.count_params()}
        np.savez_compressed(folder / "values.npz", **values)
        told = {"versions": {"keras": keras.__version__}, "cases": recorded}
        (folder / "cases.json").write_text(json.dumps(told, indent=1))
        with zipfile.ZipFile(HERE / "seldom.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))


if __name__ == "__main__":
    main()
