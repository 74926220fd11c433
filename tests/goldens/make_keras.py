"""Write model files with one of the Kerases, and what it says of them and computes.

Run once in an environment of each: `python tests/goldens/make_keras.py NAME`, with NAME the folder
for the files: `k1` (Keras 1.2.2, Theano), `k2` (Keras 2.3.1), `tf215` (TensorFlow 2.15), `k30`
(Keras 3.0.5), `k3` (the newest). Works from Python 3.6 on.
"""

import json
import os
import sys

import numpy as np

ERA = sys.argv[1]
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keras", ERA)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
if ERA == "tf215":
    from tensorflow import keras
else:
    import keras
L, Sequential = keras.layers, keras.models.Sequential
Model = keras.models.Model
RNG = np.random.RandomState(0)
RECORDS, ARRAYS = [], {}
ONE, TWO = ERA == "k1", ERA in ("k2", "tf215")
THREE = ERA in ("k30", "k3")


def shaken(model):
    """Give every weight a value that no initializer would."""
    new = [
        np.abs(w) * 0.5 + RNG.uniform(0.1, 0.5, w.shape)
        if (w < 0).sum() == 0 and w.ndim == 1
        else RNG.normal(size=w.shape, scale=0.4)
        for w in model.get_weights()
    ]
    model.set_weights([w.astype("float32") for w in new])
    return model


def lines_of(model):
    lines = []
    if ONE:
        return None
    model.summary(line_length=120, print_fn=lambda line, **_: lines.append(line))
    return "\n".join(lines)


def shape_of(layer):
    if THREE:
        try:
            shape = (
                layer.output.shape
                if not isinstance(layer.output, (list, tuple))
                else [o.shape for o in layer.output]
            )
        except Exception:
            return None
    else:
        try:
            shape = layer.output_shape
        except Exception:
            return None
    return shape


def saved(model, path):
    """Write a model, and say whether this Keras could."""
    try:
        if path.endswith(".json"):
            with open(path, "w") as file:
                file.write(model.to_json())
        elif "weights" in path:
            model.save_weights(path)
        else:
            model.save(path)
    except (ValueError, OSError) as error:
        print(f"not saved: {path} ({error})")
        os.remove(path)
        return False
    return True


def record(name, model, x, suffixes):
    path = os.path.join(HERE, name)
    xs = x if isinstance(x, list) else [x]
    y = model.predict(xs if len(xs) > 1 else xs[0])
    for index, each in enumerate(xs):
        ARRAYS[f"{name}/x/{index}"] = each
    for index, each in enumerate(y if isinstance(y, (list, tuple)) else [y]):
        ARRAYS[f"{name}/y/{index}"] = each
    suffixes = [suffix for suffix in suffixes if saved(model, path + suffix)]
    layers = [
        {
            "name": each.name,
            "type": each.__class__.__name__,
            "params": int(each.count_params()),
            "shape": shape_of(each),
        }
        for each in model.layers
    ]
    if ONE and hasattr(model, "flattened_layers"):
        layers = [
            {
                "name": each.name,
                "type": each.__class__.__name__,
                "params": int(each.count_params()),
                "shape": shape_of(each),
            }
            for each in model.flattened_layers
        ]
    read = (lambda w: w.numpy()) if THREE else keras.backend.get_value
    trainable = sum(int(np.prod(read(w).shape)) for w in model.trainable_weights)
    RECORDS.append(
        {
            "name": name,
            "files": [name + s for s in suffixes],
            "layers": layers,
            "params": int(model.count_params()),
            "trainable": trainable,
            "summary": lines_of(model),
        }
    )


def tokens(*shape):
    x = RNG.randint(1, 9, shape)
    x[0, -2:] = 0
    return x.astype("float32")


def steps(*shape):
    return RNG.normal(size=shape).astype("float32")


FULL = [".h5", ".json", "_weights.h5"] if not THREE else [".keras", ".h5", ".json", ".weights.h5"]
if ERA == "tf215":
    FULL = [".keras", ".h5", ".json", "_weights.h5", ".weights.h5"]


def keras1():
    def sequential(name, x, *layers):
        model = Sequential(list(layers))
        record(name, shaken(model), x, FULL)

    for cell in ("SimpleRNN", "LSTM", "GRU"):
        kind = getattr(L, cell)
        for consume in ("cpu", "gpu"):
            sequential(
                f"{cell.lower()}_{consume}",
                steps(3, 5, 4),
                kind(3, input_shape=(5, 4), return_sequences=True, consume_less=consume),
                kind(2, go_backwards=True, consume_less=consume, activation="relu"),
            )
        sequential(
            f"bidirectional_{cell.lower()}",
            tokens(3, 6),
            L.Embedding(9, 4, mask_zero=True, input_length=6),
            L.Bidirectional(kind(3, return_sequences=True), merge_mode="sum"),
            L.TimeDistributed(L.Dense(2)),
            L.Activation("softmax"),
        )
    sequential(
        "convolution",
        steps(3, 8, 4),
        L.Convolution1D(5, 3, border_mode="same", input_shape=(8, 4), activation="relu"),
        L.MaxPooling1D(2),
        L.Dropout(0.2),
        L.LSTM(3, return_sequences=True),
        L.TimeDistributedDense(2),
        L.Flatten(),
        L.Dense(4),
        L.Highway(activation="tanh"),
        L.BatchNormalization(),
        L.MaxoutDense(3, nb_feature=2),
        L.PReLU(),
        L.RepeatVector(2),
        L.GRU(2),
    )
    left, right = (
        Sequential([L.LSTM(3, input_shape=(5, 4))]),
        Sequential([L.GRU(3, input_shape=(5, 2))]),
    )
    merged = Sequential([L.Merge([left, right], mode="concat"), L.Dense(2)])
    record("merge", shaken(merged), [steps(3, 5, 4), steps(3, 5, 2)], FULL)
    a, b = L.Input((5, 4), name="left"), L.Input((5, 4), name="right")
    shared = L.LSTM(3, name="shared")
    y = L.merge([shared(a), shared(b)], mode="mul")
    record(
        "shared",
        shaken(Model([a, b], L.Dense(1, name="end")(y))),
        [steps(3, 5, 4), steps(3, 5, 4)],
        FULL,
    )


def sequential(name, x, shape, *layers, **more):
    if THREE:
        model = Sequential([keras.Input(shape), *layers])
    else:
        model = Sequential(list(layers))
        model.build((None, *tuple(shape)))
    if more.get("compiled"):
        model.compile("adam", "mse")
        model.fit(x, model.predict(x), verbose=0)
    record(name, shaken(model), x, more.get("files", FULL))
    return model


def keras2and3():
    for cell in ("SimpleRNN", "LSTM", "GRU"):
        kind = getattr(L, cell)
        more = {} if cell == "SimpleRNN" else {"recurrent_activation": "hard_sigmoid"}
        sequential(
            f"{cell.lower()}_stack",
            steps(3, 5, 4),
            (5, 4),
            kind(3, return_sequences=True, **more),
            kind(2, go_backwards=True),
        )
        sequential(
            f"bidirectional_{cell.lower()}",
            tokens(3, 6),
            (6,),
            L.Embedding(9, 4, mask_zero=True),
            L.Bidirectional(kind(3, return_sequences=True)),
            L.Bidirectional(kind(2), merge_mode="ave"),
            L.Dense(2, activation="softmax"),
        )
    if TWO or THREE:
        sequential(
            "gru_reset_before",
            steps(3, 5, 4),
            (5, 4),
            L.GRU(3, reset_after=False),
        )
        sequential("gru_reset_after", steps(3, 5, 4), (5, 4), L.GRU(3, reset_after=True))
    sequential(
        "compiled",
        steps(3, 5, 4),
        (5, 4),
        L.Conv1D(5, 2, activation="relu"),
        L.LSTM(3),
        L.Dropout(0.1),
        L.BatchNormalization(),
        L.Dense(1),
        compiled=True,
    )
    sequential(
        "head",
        steps(3, 8, 4),
        (8, 4),
        L.TimeDistributed(L.Dense(3)),
        L.MaxPooling1D(2),
        L.LSTM(2, return_sequences=True),
        L.LeakyReLU(0.2),
        L.Flatten(),
        L.RepeatVector(2),
        L.GRU(2, return_sequences=True),
        L.GlobalAveragePooling1D(),
    )
    if ERA != "k2":
        cells = [L.LSTMCell(3), L.GRUCell(2)]
        sequential(
            "cells",
            steps(3, 5, 4),
            (5, 4),
            L.RNN(cells, return_sequences=True),
            L.RNN(L.SimpleRNNCell(2)),
        )
    a, b = L.Input((5, 4), name="left"), L.Input((5, 4), name="right")
    shared = L.LSTM(3, name="shared")
    x, y = shared(a), shared(b)
    z = L.concatenate([L.add([x, y]), L.multiply([x, y]), L.subtract([x, y])])
    outputs = [L.Dense(2, name="one")(z), L.Dense(1, name="two", activation="sigmoid")(z)]
    record("functional", shaken(Model([a, b], outputs)), [steps(3, 5, 4), steps(3, 5, 4)], FULL)
    # seq2seq: the decoder starts from the encoder's states
    e, d = L.Input((None, 4), name="source"), L.Input((None, 2), name="target")
    _, h, c = L.LSTM(3, return_state=True, name="encoder")(e)
    out, _, _ = L.LSTM(3, return_sequences=True, return_state=True, name="decoder")(
        d, initial_state=[h, c]
    )
    model = Model([e, d], L.TimeDistributed(L.Dense(2, activation="softmax"))(out))
    record("seq2seq", shaken(model), [steps(3, 5, 4), steps(3, 6, 2)], FULL)
    # nested: a model and a Sequential inside another, called twice
    i = L.Input((5, 4))
    inner = Model(i, L.Dense(3)(L.GRU(3, name="inner_gru")(i)), name="inner")
    head_layers = [
        L.Dense(4, activation="tanh", name="h1"),
        L.BatchNormalization(name="h2"),
        L.Dense(1, name="h3"),
    ]
    head = Sequential(([keras.Input((3,))] if THREE else []) + head_layers, name="head")
    a, b = L.Input((5, 4), name="a"), L.Input((5, 4), name="b")
    model = Model([a, b], head(L.average([inner(a), inner(b)])))
    record("nested", shaken(model), [steps(3, 5, 4), steps(3, 5, 4)], FULL)
    i = L.Input((None,), name="words")
    x = L.Embedding(9, 4, mask_zero=ERA not in ("k2", "k30"))(i)
    s = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    q = L.LSTM(6)(x)
    if ERA != "k2":
        s = L.Attention()([s, s])
    s = L.GlobalMaxPooling1D()(s)
    record("attention", shaken(Model(i, L.Dense(1)(L.concatenate([s, q])))), [tokens(3, 6)], FULL)


def main():
    if not os.path.isdir(HERE):
        os.makedirs(HERE)
    np.random.seed(0)
    keras1() if ONE else keras2and3()
    if ERA == "k2":
        cudnn()
    version = getattr(keras, "__version__", None) or __import__("tensorflow").__version__
    text = json.dumps(
        {"keras": version, "backend": keras.backend.backend(), "models": RECORDS},
        indent=1,
        default=int,
    )
    with open(os.path.join(HERE, "models.json"), "w") as file:
        file.write(text + "\n")
    np.savez_compressed(os.path.join(HERE, "values.npz"), **ARRAYS)


def cudnn():
    """CuDNN layers run on a GPU only, so their files are laid out here by hand.

    They are as Keras 2.3.1 lays them out; Keras itself loads the weights into the plain layers,
    which compute.
    """
    import h5py

    for name, kind, plain, gates in (
        ("cudnnlstm", L.CuDNNLSTM, L.LSTM, 4),
        ("cudnngru", L.CuDNNGRU, L.GRU, 3),
    ):
        model = Sequential([kind(3, input_shape=(5, 4))])
        layer, params, lines, text = (
            model.layers[0],
            int(model.count_params()),
            lines_of(model),
            model.to_json(),
        )
        each = {
            "name": layer.name,
            "type": layer.__class__.__name__,
            "params": params,
            "shape": [None, 3],
        }
        keras.backend.clear_session()
        shapes = (
            ("kernel", (4, 3 * gates)),
            ("recurrent_kernel", (3, 3 * gates)),
            ("bias", (6 * gates,)),
        )
        with open(os.path.join(HERE, name + ".json"), "w") as file:
            file.write(text)
        values = {key: RNG.normal(size=shape, scale=0.4).astype("float32") for key, shape in shapes}
        for suffix, folder in ((".h5", "model_weights/"), ("_weights.h5", "")):
            with h5py.File(os.path.join(HERE, name + suffix), "w") as file:
                if folder:
                    config = {key: json.loads(text)[key] for key in ("class_name", "config")}
                    file.attrs["model_config"] = json.dumps(config).encode()
                group = file.require_group(folder or "/")
                for where in (file, group):
                    where.attrs["keras_version"], where.attrs["backend"] = b"2.3.1", b"tensorflow"
                group.attrs["layer_names"] = [layer.name.encode()]
                inside = group.create_group(layer.name)
                names = [f"{layer.name}/{key}:0" for key in values]
                inside.attrs["weight_names"] = [each_name.encode() for each_name in names]
                for each_name, array in zip(names, values.values()):
                    inside[each_name] = array
        more = {"reset_after": True} if plain is L.GRU else {}
        same = Sequential([plain(3, input_shape=(5, 4), recurrent_activation="sigmoid", **more)])
        same.load_weights(os.path.join(HERE, name + "_weights.h5"))
        x = steps(3, 5, 4)
        ARRAYS[name + "/x/0"], ARRAYS[name + "/y/0"] = x, same.predict(x)
        files = [name + suffix for suffix in (".h5", ".json", "_weights.h5")]
        RECORDS.append(
            {
                "name": name,
                "files": files,
                "layers": [each],
                "params": params,
                "trainable": params,
                "summary": lines,
            }
        )


if __name__ == "__main__":
    main()
