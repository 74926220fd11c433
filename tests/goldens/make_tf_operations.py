"""Write a model of TensorFlow's functions, one output for each, and what tf_keras computes.

Usage: python tests/goldens/make_tf_operations.py   (needs tensorflow and tf_keras)
"""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

HERE = Path(__file__).parent


def operations(x: Any, b: Any) -> list[Any]:
    positive, k = tf.abs(x) + 1.0, keras.backend
    return [
        x[:, -1], x[:, 2:], x[:, ::-1], x[..., :2], x[:, None], x[:, 1:4, :2], x[:1] + b, x * 2.0,
        1.0 - x, x / 3.0, -x, x - np.ones(4, "float32"), x**2.0, x // 2.0, x % 2.0,
        tf.matmul(x, tf.transpose(b, [0, 2, 1])), tf.matmul(x, b, transpose_b=True),
        tf.reduce_mean(x, axis=1), tf.reduce_sum(x, axis=[1, 2], keepdims=True),
        tf.reduce_max(x, -1), tf.math.reduce_std(x, axis=1), tf.math.reduce_logsumexp(x, axis=1),
        tf.concat([x, b], axis=-1), tf.stack([x, b], axis=1), *tf.split(x, 2, axis=1),
        tf.unstack(x, axis=1)[0], tf.expand_dims(x, -1), tf.squeeze(tf.expand_dims(x, 1), 1),
        tf.reshape(x, [-1, 24]), tf.reshape(x, [tf.shape(x)[0], -1]), tf.nn.relu(x),
        tf.nn.softmax(x, axis=1), tf.tanh(x), tf.cast(x, "int32"), tf.math.log(positive),
        tf.maximum(x, b), tf.where(x > 0, x, b), tf.clip_by_value(x, 0.0, 1.0),
        tf.tile(x, [1, 2, 1]), tf.reverse(x, axis=[1]), tf.one_hot(tf.argmax(x, axis=-1), 4),
        tf.zeros_like(x), tf.gather(x, [0, 2], axis=1), tf.pad(x, [[0, 0], [1, 0], [0, 0]]),
        tf.nn.l2_normalize(x, axis=-1), tf.nn.leaky_relu(x), tf.nn.gelu(x), tf.cumsum(x, axis=1),
        tf.math.rsqrt(positive), tf.greater(x, b), tf.norm(x, axis=1), tf.repeat(x, 2, axis=1),
        tf.roll(x, 1, axis=1), tf.math.top_k(x, 2)[0], tf.add_n([x, b]), k.mean(x, axis=1),
        k.concatenate([x, b]), k.permute_dimensions(x, (0, 2, 1)), k.batch_dot(x, b, axes=2),
        k.repeat_elements(x, 2, axis=1), k.dot(x, tf.ones((4, 2))),
        tf.math.squared_difference(x, b),
    ]  # fmt: skip


def main() -> None:
    rng = np.random.default_rng(0)
    inputs = [keras.Input((6, 4), name=name) for name in ("a", "b")]
    hidden = keras.layers.LSTM(4, return_sequences=True)(inputs[0])
    model = keras.Model(inputs, operations(hidden, inputs[1]), name="operations")
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape, scale=0.5))
    x = [rng.normal(size=(3, 6, 4)).astype("float32") for _ in inputs]
    model.save(HERE / "tf_operations.h5")
    arrays = {f"y{index}": np.asarray(each) for index, each in enumerate(model(x))}
    version = np.array(f"tf_keras {keras.__version__}, tensorflow {tf.__version__}")
    np.savez_compressed(HERE / "tf_operations.npz", a=x[0], b=x[1], version=version, **arrays)


if __name__ == "__main__":
    main()
