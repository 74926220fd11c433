"""Write a model of keras.ops, one output for each, and what the real Keras computes.

Usage: python tests/goldens/make_operations.py   (needs keras and tensorflow; not run by the tests)
"""

from pathlib import Path

import keras
import numpy as np
from keras import ops

HERE = Path(__file__).parent


def operations(a: keras.KerasTensor, b: keras.KerasTensor) -> list[keras.KerasTensor]:
    positive, ones = ops.abs(a) + 0.1, np.ones((3, 2), "float32")
    return [
        ops.where(a > 0, a, b), ops.where(a > 0, a, 0.0), ops.clip(a, 0, 1),
        ops.take(a, [0, 2], axis=1), ops.softmax(a, axis=1), ops.softmax(a), ops.gelu(a),
        ops.gelu(a, approximate=False), ops.cast(a, "int32"), ops.transpose(a, (0, 2, 1)),
        ops.reshape(a, (-1, 21)), ops.std(a, axis=1), ops.stack([a, b], axis=1),
        *ops.split(a, [1], axis=2), *ops.split(a, 3, axis=-1), ops.squeeze(a[:, :1], axis=1),
        ops.log(positive), a - np.array([1.0, 2.0, 3.0], "float32"), a[..., :2], a[:, -1],
        a[:, ::-1], a[:, 2:], a[:, :, :2], 2.0 * a, 1.0 / positive,
        ops.concatenate([a, b], axis=-1), ops.einsum("abc,adc->abd", a, b),
        ops.matmul(a, ops.transpose(b, (0, 2, 1))), ops.tile(a, (1, 2, 1)),
        ops.pad(a, ((0, 0), (1, 0), (0, 0))), ops.norm(a, axis=-1), ops.logsumexp(a, axis=1),
        ops.one_hot(ops.cast(ops.argmax(a, axis=-1), "int32"), 3), ops.repeat(a, 2, axis=1),
        ops.flip(a, axis=1), ops.leaky_relu(a, 0.1), ops.swapaxes(a, 1, 2),
        ops.moveaxis(a, 1, 2), ops.cumsum(a, axis=1), ops.roll(a, 1, axis=1),
        ops.full_like(a, 2.0), ops.take_along_axis(a, ops.argsort(a, axis=1), axis=1),
        ops.average(a, axis=1), ops.round(a, 2), ops.tensordot(a, ones, axes=1),
        ops.dot(a, ones), ops.var(a, axis=[1], keepdims=True), ops.mod(a, 2.0),
        ops.floor_divide(a, 2.0), ops.top_k(a, 2)[0], ops.normalize(a, axis=-1),
        ops.max(a, axis=1), ops.squeeze(ops.expand_dims(a, -1), -1), ops.relu6(a),
        ops.elu(a, alpha=0.5), ops.multiply(a, ops.ones_like(a)), ops.less_equal(a, b),
        ops.logical_xor(a > 0, b > 0), ops.log_softmax(a, axis=-1), ops.sin(a),
        ops.rsqrt(positive), ops.erf(a), ops.silu(a), ops.hard_sigmoid(a), ops.sort(a, axis=1),
        ops.mean(a, axis=(1, 2)), ops.prod(a, axis=1), ops.median(a, axis=1),
    ]  # fmt: skip


def main() -> None:
    rng = np.random.default_rng(0)
    inputs = [keras.Input((7, 3), name=name) for name in ("a", "b")]
    model = keras.Model(inputs, operations(*inputs), name="operations")
    x = [rng.normal(size=(4, 7, 3)).astype("float32") for _ in inputs]
    model.save(HERE / "operations.keras")
    arrays = {f"y{index}": np.asarray(each) for index, each in enumerate(model(x))}
    version = np.array(f"keras {keras.__version__}, {keras.backend.backend()}")
    np.savez_compressed(HERE / "operations.npz", a=x[0], b=x[1], version=version, **arrays)


if __name__ == "__main__":
    main()
