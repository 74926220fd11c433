"""Write TensorFlow.js models, and what TensorFlow says of them when it loads them again.

Run in an environment with TensorFlow 2.15 and tensorflowjs 4.17: `python
tests/goldens/make_tensorflowjs.py`. What tensorflowjs imports and does not use here may be missing.
"""
# ruff: noqa: E402

import json
import os
import shutil
import sys
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
for name in ("tensorflow_decision_forests", "jax", "jax.experimental", "jax.experimental.jax2tf",
             "flax"):  # fmt: skip
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["jax"].experimental = sys.modules["jax.experimental"]
sys.modules["jax.experimental"].jax2tf = sys.modules["jax.experimental.jax2tf"]

import numpy as np
import tensorflow as tf
import tensorflowjs as tfjs
from tensorflow import keras

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tensorflow", "js")
L, RNG = keras.layers, np.random.RandomState(0)
RECORDS, ARRAYS = {}, {}


def functional():
    x = keras.Input((5, 3))
    h = L.Bidirectional(L.GRU(4))(x)
    return keras.Model(x, [L.Dense(2)(h), L.Dense(1, activation="sigmoid")(h)])


def stacks():
    lstm = [
        L.Input((5, 3)),
        L.LSTM(4, return_sequences=True),
        L.Dropout(0.1),
        L.LSTM(3),
        L.Dense(2),
    ]
    for name, kind in (
        ("plain", None),
        ("float16", "float16"),
        ("uint8", "uint8"),
        ("uint16", "uint16"),
    ):
        yield name, keras.Sequential(lstm), {"quantization_dtype_map": {kind: "*"}} if kind else {}
    yield "shards", keras.Sequential(lstm), {"weight_shard_size_bytes": 100}
    yield "groups", functional(), {"split_weights_by_layer": True}


shutil.rmtree(HERE, ignore_errors=True)
for name, model, how in stacks():
    model.set_weights([RNG.normal(0, 0.4, w.shape).astype("float32") for w in model.get_weights()])
    folder = os.path.join(HERE, name)
    if how.pop("split_weights_by_layer", None):
        os.makedirs(folder)
        path = os.path.join(HERE, "model.h5")
        model.save(path)
        found, groups = tfjs.converters.keras_h5_conversion.h5_merged_saved_model_to_tfjs_format(
            path, split_by_layer=True
        )
        tfjs.converters.keras_h5_conversion.write_artifacts(found, groups, folder)
        os.remove(path)
    else:
        tfjs.converters.save_keras_model(model, folder, **how)
    keras.backend.clear_session()
    again = tfjs.converters.load_keras_model(os.path.join(folder, "model.json"))
    x = RNG.normal(size=(2, 5, 3)).astype("float32")
    out = again(x)
    ARRAYS[f"{name}/in0"] = x
    for index, each in enumerate(out if isinstance(out, list) else [out]):
        ARRAYS[f"{name}/out{index}"] = each.numpy()
    RECORDS[name] = {
        "params": again.count_params(),
        "layers": [[each.name, type(each).__name__, each.count_params()] for each in again.layers],
    }
versions = {"tensorflow": tf.__version__, "tensorflowjs": tfjs.__version__}
with open(os.path.join(HERE, "records.json"), "w") as file:
    json.dump({"versions": versions, "models": RECORDS}, file, indent=1)
np.savez_compressed(os.path.join(HERE, "arrays.npz"), **ARRAYS)
