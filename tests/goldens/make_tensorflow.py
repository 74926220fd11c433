"""Write SavedModels, checkpoints and pickles with TensorFlow, and what it says of them.

Run once in an environment of each: `python tests/goldens/make_tensorflow.py NAME`, with NAME
`tf215` (TensorFlow 2.15, joblib, scikit-learn) or `k3` (the newest Keras and TensorFlow, joblib).
A SavedModel's folder is kept as a zip file: it is mostly repetition.
"""

# ruff: noqa: E501

import json
import os
import pickle
import shutil
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import joblib
import numpy as np
import tensorflow as tf

ERA = sys.argv[1]
if ERA == "tf215":
    from tensorflow import keras
else:
    import keras
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tensorflow", ERA)
L, Sequential, Model = keras.layers, keras.Sequential, keras.Model
RNG = np.random.RandomState(0)
RECORDS, ARRAYS = [], {}


def shaken(model):
    """Give every weight a value that no initializer would."""
    for weight in model.weights:
        shape, name = tuple(weight.shape), weight.name
        if "int" in str(weight.dtype):
            continue
        value = RNG.uniform(0.1, 0.9, shape) if "variance" in name else RNG.normal(0, 0.4, shape)
        weight.assign(value.astype("float32"))
    return model


def shapes_of(layer):
    try:
        shape = layer.output_shape if ERA == "tf215" else layer.output.shape
    except (AttributeError, RuntimeError, ValueError):
        return None
    many = isinstance(shape, list)
    return [list(each) for each in shape] if many else [list(shape)]


def record(name, model, inputs, **more):
    """Note what Keras says of a model, and what it computes."""
    given = inputs if isinstance(inputs, list) else [inputs]
    found = model(given if len(given) > 1 else given[0], training=False)
    found = found if isinstance(found, (list, tuple)) else [found]
    for kind, arrays in (("in", given), ("out", found)):
        for index, array in enumerate(arrays):
            ARRAYS[f"{name}/{kind}{index}"] = np.asarray(array)
    layers = [
        {"name": each.name, "type": type(each).__name__, "params": each.count_params(),
         "output_shapes": shapes_of(each)}
        for each in model.layers
    ]  # fmt: skip
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    RECORDS.append({
        "name": name, "class": type(model).__name__, "layers": layers,
        "params": model.count_params(), "trainable": trainable, **more,
    })  # fmt: skip


def zipped(folder, name):
    shutil.make_archive(os.path.join(HERE, name), "zip", folder)


def x(*shape):
    return RNG.normal(size=shape).astype("float32")


class Tagger(keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm = L.Embedding(9, 4), L.LSTM(5, return_sequences=True)
        self.out = L.Dense(3)

    def call(self, inputs):
        return self.out(self.lstm(self.embedding(inputs)))


class WithLists(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [L.GRU(3, return_sequences=True), L.Bidirectional(L.LSTM(2))]
        self.head = L.Dense(2)

    def call(self, inputs):
        for block in self.blocks:
            inputs = block(inputs)
        return self.head(inputs)


def functional():
    one, two = keras.Input((6, 3), name="one"), keras.Input((4,), name="two")
    h = L.Bidirectional(L.GRU(4), name="both")(one)
    y = L.Concatenate()([h, L.Dense(5, activation="relu")(two)])
    return Model([one, two], [L.Dense(2, name="a")(y), L.Dense(1, name="b")(y)])


def encoder_decoder():
    source, target = keras.Input((None, 3)), keras.Input((None, 2))
    _, h, c = L.LSTM(4, return_state=True)(source)
    y = L.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    return Model([source, target], L.TimeDistributed(L.Dense(2))(y))


def nested():
    inner = Sequential([L.Input((5, 3)), L.LSTM(4, return_sequences=True), L.BatchNormalization()],
                       name="inner")  # fmt: skip
    return Sequential([L.Input((5, 3)), inner, L.GRU(3), L.Dense(1)])


def frozen():
    model = Sequential([L.Input((5, 3)), L.LSTM(4, return_sequences=True), L.LSTM(3), L.Dense(1)])
    model.layers[0].trainable = False
    return model


def stacks():
    yield "lstm", Sequential([L.Input((7, 2)), L.LSTM(5), L.Dense(1)]), x(2, 7, 2), "adam"
    yield "gru", Sequential([L.Input((7, 2)), L.GRU(5, return_sequences=True), L.Dropout(0.2),
                             L.GRU(4), L.Dense(2)]), x(2, 7, 2), "rmsprop"  # fmt: skip
    yield "gru_reset_before", Sequential([L.Input((7, 2)), L.GRU(5, reset_after=False)]), x(2, 7, 2)
    yield "simple_rnn", Sequential([L.Input((None, 2)), L.SimpleRNN(5, activation="relu"),
                                    L.Dense(3, "softmax")]), x(2, 4, 2), "sgd"  # fmt: skip
    yield "no_input", Sequential([L.LSTM(4, return_sequences=True), L.LSTM(3), L.Dense(1)]), \
        x(2, 5, 3), "adam"  # fmt: skip
    yield "bidirectional", Sequential([L.Input((5, 3)), L.Bidirectional(L.LSTM(4, return_sequences=True)),
                                       L.Bidirectional(L.LSTM(3), merge_mode="sum"), L.Dense(1)]), \
        x(2, 5, 3), "adam"  # fmt: skip
    yield "autoencoder", Sequential([L.Input((6, 2)), L.LSTM(5), L.RepeatVector(6), L.LSTM(5, return_sequences=True),
                                     L.TimeDistributed(L.Dense(2))]), x(2, 6, 2), "adam"  # fmt: skip
    yield "conv_lstm", Sequential([L.Input((3, 6, 6, 1)), L.ConvLSTM2D(2, 3, padding="same", return_sequences=True),
                                   L.BatchNormalization(), L.ConvLSTM2D(2, 3), L.Flatten(), L.Dense(1)]), \
        x(2, 3, 6, 6, 1), "adam"  # fmt: skip
    yield "embedding_masked", Sequential([L.Input((6,)), L.Embedding(9, 4, mask_zero=True), L.LSTM(3),
                                          L.Dense(1, "sigmoid")]), RNG.randint(0, 9, (3, 6)).astype("float32"), \
        "adam"  # fmt: skip
    yield (
        "masking",
        Sequential([L.Input((6, 2)), L.Masking(-1.0), L.GRU(3), L.Dense(1)]),
        x(2, 6, 2),
    )
    yield "conv_front", Sequential([L.Input((8, 2)), L.Conv1D(4, 3, activation="relu"), L.MaxPooling1D(2),
                                    L.LSTM(3), L.LayerNormalization(), L.Dense(1)]), x(2, 8, 2), "adam"  # fmt: skip
    yield "stacked_cells", Sequential([L.Input((5, 2)), L.RNN([L.LSTMCell(4), L.GRUCell(3)]), L.Dense(1)]), \
        x(2, 5, 2)  # fmt: skip
    yield "functional", functional(), [x(2, 6, 3), x(2, 4)], "adam"
    yield "encoder_decoder", encoder_decoder(), [x(2, 5, 3), x(2, 4, 2)], "adam"
    yield "nested", nested(), x(2, 5, 3), "adam"
    yield "frozen", frozen(), x(2, 5, 3), "adam"
    if ERA == "tf215":
        yield "stateful", Sequential([L.InputLayer(batch_input_shape=(2, 5, 3)), L.LSTM(4, stateful=True),
                                      L.Dense(1)]), x(2, 5, 3)  # fmt: skip
    yield "subclassed", Tagger(), RNG.randint(0, 9, (2, 6)).astype("float32"), "adam"
    yield "subclassed_lists", WithLists(), x(2, 5, 3)


def saved(name, model, inputs, optimizer=None):
    """Save a model, trained by a step where it is compiled, so that the optimizer has slots."""
    first = model(inputs)
    if optimizer:
        model.compile(optimizer, "mse")
        wanted = [np.zeros(each.shape) for each in (first if isinstance(first, list) else [first])]
        model.fit(inputs, wanted if len(wanted) > 1 else wanted[0], verbose=0,
                  batch_size=2 if name == "stateful" else None)  # fmt: skip
    shaken(model)
    if name == "stateful":
        model.reset_states()
    folder = tempfile.mkdtemp()
    if ERA == "tf215":
        model.save(folder, save_format="tf")
    else:
        model.export(folder, verbose=False)
    record(name, model, inputs)
    if name == "stateful":
        model.reset_states()
    zipped(folder, name)
    shutil.rmtree(folder)


def pickles():
    model = shaken(Sequential([L.Input((5, 3)), L.LSTM(4), L.Dense(1)]))
    name = lambda stem: os.path.join(HERE, stem)  # noqa: E731
    big = shaken(Sequential([L.Input((5, 3)), L.LSTM(160), L.Dense(1)]))
    scaler = np.arange(6.0).reshape(2, 3)
    inputs = x(2, 5, 3)
    with open(name("lstm.pkl"), "wb") as file:
        pickle.dump(model, file)
    joblib.dump(model, name("lstm.joblib"))
    for kind in ("zlib", "gzip", "bz2", "xz", "lzma"):
        joblib.dump(model, name(f"lstm_{kind}.joblib"), compress=(kind, 3))
    words = np.array(["a", None, {"b": 2}], dtype=object)
    bundle = {"mean": scaler, "words": words, "model": big, "names": np.array(["x", "y"])}
    joblib.dump(bundle, name("bundle.joblib"))
    for stem, found in (("lstm.pkl", model), ("lstm.joblib", model), ("bundle.joblib", big)):
        record(stem, found, inputs)
    if ERA == "tf215":
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.preprocessing import StandardScaler

        forest = RandomForestRegressor(2).fit(scaler, [1, 2])
        joblib.dump(forest, name("forest.joblib"))
        with open(name("scaler.pkl"), "wb") as file:
            pickle.dump(StandardScaler().fit(scaler), file)


def low_level():
    """Save a module without Keras, and a checkpoint."""

    class Cell(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(x(3, 16), name="kernel")
            self.recurrent_kernel = tf.Variable(x(4, 16), name="recurrent_kernel")
            self.bias = tf.Variable(x(16), name="bias")

        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, "inputs")])
        def __call__(self, inputs):
            return {"gates": inputs @ self.kernel + self.bias}

    class Whole(tf.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out = Cell(), tf.Variable(x(4, 2), name="out")

    cell = Cell()
    folder = tempfile.mkdtemp()
    tf.saved_model.save(cell, folder, signatures=cell.__call__.get_concrete_function())
    zipped(folder, "low_level")
    shutil.rmtree(folder)
    folder = tempfile.mkdtemp()
    tf.train.Checkpoint(model=Whole()).write(os.path.join(folder, "model.ckpt"))
    zipped(folder, "checkpoint")
    shutil.rmtree(folder)


shutil.rmtree(HERE, ignore_errors=True)
os.makedirs(HERE)
for given in stacks():
    saved(*given)
    keras.backend.clear_session()
pickles()
if ERA == "tf215":
    low_level()
versions = {
    "tensorflow": tf.__version__,
    "keras": getattr(keras, "__version__", tf.__version__),
    "joblib": joblib.__version__,
}
with open(os.path.join(HERE, "records.json"), "w") as file:
    json.dump({"versions": versions, "models": RECORDS}, file, indent=1)
np.savez_compressed(os.path.join(HERE, "arrays.npz"), **ARRAYS)
