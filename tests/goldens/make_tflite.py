"""Write TensorFlow Lite models, and how many weights the Keras models have that they are made from.

Run in an environment with TensorFlow and tf_keras: `python tests/goldens/make_tflite.py`. Weights
and biases are random: the converter drops biases that are zero.
"""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tf_keras as keras

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tensorflow", "lite")
L, RNG = keras.layers, np.random.RandomState(0)

MODELS = {
    "lstm": [L.Input((5, 3)), L.LSTM(4), L.Dense(2)],
    "bidirectional": [L.Input((5, 3)), L.Bidirectional(L.LSTM(4, return_sequences=True)),
                      L.LSTM(3), L.Dense(2)],
    "gru": [L.Input((12, 3)), L.Conv1D(5, 3, activation="relu"), L.MaxPooling1D(2),
            L.GRU(4, reset_after=False), L.Dense(2)],
    "gru_reset_after": [L.Input((5, 3)), L.GRU(4, return_sequences=True), L.GRU(3), L.Dense(2)],
    "simple_rnn": [L.Input((5, 3)), L.SimpleRNN(4, return_sequences=True), L.SimpleRNN(3),
                   L.Dense(2)],
    "unrolled": [L.Input((3, 3)), L.LSTM(4, unroll=True), L.Dense(2)],
    "embedding": [L.Input((6,), dtype="int32"), L.Embedding(50, 8), L.LSTM(4), L.Dense(2)],
    "dynamic": [L.Input((5, 30)), L.LSTM(36), L.Dense(32)],
    "float16": [L.Input((5, 3)), L.LSTM(4), L.Dense(2)],
    "int8": [L.Input((5, 3)), L.LSTM(4), L.Dense(2)],
    "flex": [L.Input((None, 3)), L.LSTM(4), L.Dense(2)],
}  # fmt: skip


def converted(name, model):
    spec = tf.TensorSpec([1, *model.inputs[0].shape[1:]], model.inputs[0].dtype)
    function = tf.function(lambda x: model(x)).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    if name in ("dynamic", "float16", "int8"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if name == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if name == "int8":
        samples = [[RNG.rand(1, 5, 3).astype("f4")] for _ in range(4)]
        converter.representative_dataset = lambda: iter(samples)
    if name == "flex":
        kinds = tf.lite.OpsSet
        converter.target_spec.supported_ops = [kinds.TFLITE_BUILTINS, kinds.SELECT_TF_OPS]
        converter._experimental_lower_tensor_list_ops = False
    return converter.convert()


def main():
    os.makedirs(HERE, exist_ok=True)
    records = {}
    for name, layers in MODELS.items():
        model = keras.Sequential(layers)
        model.set_weights([RNG.uniform(-1, 1, w.shape).astype("f4") for w in model.get_weights()])
        data = converted(name, model)
        with open(os.path.join(HERE, f"{name}.tflite"), "wb") as file:
            file.write(data)
        interpreter = tf.lite.Interpreter(model_content=data)
        inner = [getattr(each, "forward_layer", each) for each in model.layers]
        ways = [2 if hasattr(each, "forward_layer") else 1 for each in model.layers]
        cells = [(each, way) for each, way in zip(inner, ways, strict=True)
                 if hasattr(each, "return_sequences")]  # fmt: skip
        outputs = [each["shape"].tolist() for each in interpreter.get_output_details()]
        operators = [each["op_name"] for each in interpreter._get_ops_details()]
        records[name] = {
            "params": int(model.count_params()),
            "units": [cell.units for cell, way in cells for _ in range(way)],
            "cell": type(cells[0][0]).__name__,
            "operators": [each for each in operators if each != "DELEGATE"],
            "outputs": outputs,
        }
    versions = {"tensorflow": tf.__version__, "tf_keras": keras.__version__}
    record = {"versions": versions, "models": records}
    with open(os.path.join(HERE, "oracle.json"), "w") as file:
        json.dump(record, file, indent=1)
        file.write("\n")


main()
