"""Write models that Keras has ways of its own with, and what Keras says of them.

Usage: PYTHONPATH=conformance python tests/goldens/make_models.py
(needs keras and tensorflow; not run by the tests)
"""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_records
import numpy as np
from keras import Input, Model, Sequential
from keras import layers as L

HERE = Path(__file__).parent
rng = np.random.default_rng(1)
CASES: dict[str, tuple[Callable[[], Any], tuple[str, ...], tuple[tuple[int, ...], ...]]] = {}
ALL = ("keras", "h5", "weights.h5", "json")


def case(*shapes: tuple[int, ...], formats: tuple[str, ...] = ("keras", "h5")) -> Any:
    """Take a function that makes a model on inputs of `shapes` as a case."""

    def keep(function: Callable[[], Any]) -> Callable[[], Any]:
        CASES[function.__name__] = function, formats, shapes
        return function

    return keep


@case((7, 4))
def slices() -> Any:
    a = Input((7, 4))
    b = L.LSTM(5, return_sequences=True)(a)
    keys = [np.s_[:, 2:], np.s_[:, ::-1], np.s_[::-1], np.s_[:, -3:], np.s_[..., None],
            np.s_[..., 0], np.s_[:, 2:100], np.s_[:, -100:], np.s_[:, None, :, 1], np.s_[1],
            np.s_[-1, ...], np.s_[:, 3, ..., 1:2], np.s_[:, -1:0:-2], np.s_[0, 0, 0]]  # fmt: skip
    parts = [b[key] for key in keys if key != np.s_[::-1]]
    return Model(a, [*parts, a - np.array([1, 2, 3, 4.0], "float32")])


@case((7, 4), formats=("keras",))
def slices_of_open_length() -> Any:
    a = Input((None, 4))
    b = L.LSTM(5, return_sequences=True)(a)
    keys = [np.s_[:, 2:], np.s_[:, ::-1], np.s_[:, -3:], np.s_[:, :2], np.s_[:, 1], np.s_[:, ::2]]
    return Model(a, [b[key] for key in keys])


@case((6, 4), formats=ALL)
def frozen_wrappers() -> Any:
    a = Input((6, 4))
    x = L.Bidirectional(L.LSTM(3, return_sequences=True), trainable=False)(a)
    x = L.TimeDistributed(L.BatchNormalization(), trainable=False)(x)
    x = L.RNN(L.GRUCell(3), return_sequences=True, trainable=False)(x)
    each = L.TimeDistributed(L.Dense(4))
    y = each(x)
    each.layer.trainable = False
    both = L.Bidirectional(L.GRU(3))
    z = both(y)
    both.forward_layer.trainable = False
    over = L.RNN(L.LSTMCell(2))
    w = over(y)
    over.cell.trainable = False
    return Model(a, [z, w])


@case((6, 4))
def frozen_inside() -> Any:
    a = Input((6, 4))
    cells = [L.LSTMCell(2, trainable=False), L.GRUCell(2)]
    x = L.Bidirectional(L.RNN(L.LSTMCell(3, trainable=False), return_sequences=True))(a)
    x = L.TimeDistributed(L.BatchNormalization(trainable=False))(x)
    x = L.RNN(cells, return_sequences=True)(x)
    x = L.SeparableConv1D(2, 2, trainable=False)(x)
    return Model(a, x)


@case((6, 4))
def frozen_backward() -> Any:
    back = L.SimpleRNN(3, go_backwards=True, trainable=False)
    return Sequential([Input((6, 4)), L.Bidirectional(L.SimpleRNN(3), backward_layer=back)])


@case((6, 4))
def frozen_forward() -> Any:
    both = L.Bidirectional(L.GRU(3))
    model = Sequential([Input((6, 4)), both])
    both.forward_layer.trainable = False
    return model


@case((6, 4))
def frozen_models() -> Any:
    i = Input((6, 4))
    one = Model(i, L.LSTM(3, return_sequences=True)(i), name="one", trainable=False)
    two = Sequential([Input((6, 3)), L.LSTM(3, return_sequences=True)], name="two")
    two.trainable = False
    a = Input((6, 4))
    return Model(a, L.GRU(2)(two(one(a))))


@case((6, 4), formats=ALL)
def output_that_feeds_a_layer() -> Any:
    i, code = Input((6, 4)), Input((3,))
    encoder = Model(i, L.LSTM(3)(i), name="encoder")
    back = L.LSTM(4, return_sequences=True)(L.RepeatVector(6)(code))
    decoder = Model(code, back, name="decoder")
    a = Input((6, 4))
    z = encoder(a)
    return Model(a, [z, decoder(z)])


@case((6, 4), (6, 4), (2,))
def nests_of_inputs_and_outputs() -> Any:
    a, b, c = Input((6, 4), name="zz"), Input((6, 4), name="a=b"), Input((2,))
    x = L.LSTM(3)(L.Concatenate()([a, b]))
    ends = [L.Dense(2)(x), {"z": L.Concatenate()([x, c]), "a": [x]}]
    return Model([a, {"k": [b, c]}], ends)


@case((6, 4), (6, 4))
def a_model_called_on_a_dict() -> Any:
    a, b = Input((6, 4), name="q"), Input((6, 4), name="b")
    x = L.LSTM(3)(L.Subtract()([a, b]))
    inner = Model({"q": a, "b": b}, {"o2": L.Dense(2)(x), "o1": L.Dense(3)(x)}, name="inner")
    p, q = Input((6, 4)), Input((6, 4))
    o = inner({"b": q, "q": p})
    return Model([p, q], L.Concatenate()([o["o1"], o["o2"]]))


@case((6, 4))
def classes_made_from_models() -> Any:
    class Chain(Sequential):
        pass

    class Graph(Model):
        pass

    b, a = Input((6, 4)), Input((6, 4))
    chain = Chain([Input((6, 4)), L.LSTM(3, return_sequences=True), L.Dense(1)])
    graph = Graph(b, L.LSTM(4, return_sequences=True)(b))
    return Model(a, chain(graph(a)))


@case((6, 4), formats=ALL)
def a_class_made_from_sequential() -> Any:
    class Chain(Sequential):
        pass

    return Chain([Input((6, 4)), L.LSTM(3), L.Dense(1)])


@case((6, 4), formats=ALL)
def attention_of_every_kind() -> Any:
    a = Input((6, 4))
    x = L.GroupQueryAttention(3, 4, 2)(a, a)
    x = L.MultiHeadAttention(2, 3, value_dim=2)(x, value=a)
    x = L.MultiHeadAttention(2, 2)(query=x, value=a, key=x)
    return Model(a, L.GRU(2)(L.Attention(use_scale=True)([x, a, a])))


@case((6, 4), formats=("keras", "weights.h5"))
def loss_scaled() -> Any:
    model = Sequential([Input((6, 4)), L.LSTM(3), L.Dense(1)])
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), "mse")
    model.fit(np.ones((4, 6, 4)), np.ones((4, 1)), verbose=0)
    return model


def compiled(optimizer: Any) -> Any:
    """Return a model that was never trained."""
    model = Sequential([Input((6, 4)), L.LSTM(3), L.Dense(1)])
    model.compile(optimizer, "mse")
    return model


@case((6, 4))
def never_trained() -> Any:
    return compiled(keras.optimizers.Adam(amsgrad=True))


@case((6, 4))
def never_trained_nadam() -> Any:
    return compiled(keras.optimizers.Nadam())


@case((6, 4))
def never_trained_averages() -> Any:
    return compiled(keras.optimizers.SGD(use_ema=True, gradient_accumulation_steps=2))


@case((6, 4), formats=("keras",))
def never_trained_loss_scaled() -> Any:
    return compiled(keras.optimizers.LossScaleOptimizer(keras.optimizers.RMSprop(momentum=0.5)))


@case((5, 4, 3), formats=ALL)
def frozen_outermost() -> Any:
    a = Input((5, 4, 3))
    inner = Sequential([Input((5, 4, 3)), L.ConvLSTM1D(2, 2)])
    model = Model(a, [L.ConvLSTM1D(2, 2)(a), inner(a)])
    model.trainable = False
    return model


@case((6, 4), formats=ALL)
def dtypes_inside() -> Any:
    a = Input((6, 4))
    x = L.TimeDistributed(L.Dense(3, dtype="float64"))(a)
    x = L.Bidirectional(L.LSTM(2, return_sequences=True), dtype="float64")(x)
    x = L.Bidirectional(L.GRU(2, return_sequences=True, dtype="float64"))(x)
    x = L.RNN([L.LSTMCell(2, dtype="float64"), L.GRUCell(3)], return_sequences=True)(x)
    dense = L.Dense(2, dtype="float64")
    y = dense(x)
    dense.enable_lora(1)
    return Model(a, L.SpectralNormalization(L.Dense(2, dtype="float64"))(y))


@case((6, 4), formats=ALL)
def frozen_spectral() -> Any:
    a = Input((6, 4))
    inner = Sequential([Input((6, 4)), L.SpectralNormalization(L.Dense(4)), L.Dense(4)])
    inner.layers[0].trainable = False
    each = L.SpectralNormalization(L.Dense(4), trainable=False)
    return Model(a, each(inner(a)))


@case((6, 4))
def scaled_along_the_last_axis() -> Any:
    a = Input((6, 4))
    x = L.RMSNormalization(axis=1)(L.Conv1D(4, 3)(a))
    return Model(a, L.LSTM(2)(x))


@case((6, 4), formats=("keras",))
def unrolled_backwards() -> Any:
    a = Input((6, 4))
    mask = a[..., 0] > 0
    more = {"go_backwards": True, "unroll": True, "zero_output_for_mask": True}
    both = L.Bidirectional(L.GRU(3, return_sequences=True, unroll=True))
    ends = [L.LSTM(3, **more), L.LSTM(3, return_sequences=True, **more), both]
    return Model(a, [each(a, mask=mask) for each in ends])


@case((3, 2), formats=("keras",))
def attention_among_samples() -> Any:
    i, a = Input((2,)), Input((3, 2))
    y = L.Attention()([i, i], use_causal_mask=True)
    inner = Model(i, keras.ops.matmul(i, keras.ops.transpose(i)))
    return Model(a, [L.TimeDistributed(Model(i, y))(a), L.TimeDistributed(inner)(a)])


@case((6, 4), formats=("keras",))
def called_by_name() -> Any:
    a = Input((6, 4))
    _, h, c = L.LSTM(3, return_state=True)(sequences=a)
    x = L.LSTM(3, return_sequences=True)(initial_state=[h, c], sequences=a)
    y = L.LSTM(3, return_sequences=True)(mask=a[..., 0] > 0, sequences=x)
    z = L.MultiHeadAttention(2, 2)(value=x, query=y)
    return Model(a, L.Add()(inputs=[z, L.Attention()(inputs=[x, y])]))


@case((6, 4), formats=("keras",))
def attention_takes_off_masks() -> Any:
    i, a = Input((6, 4)), Input((6, 4))
    inner = Model(i, L.MultiHeadAttention(2, 2)(i, i))
    x = L.LSTM(4, return_sequences=True)(a, mask=a[..., 0] > 0)
    y = L.GRU(4, return_sequences=True)(a, mask=a[..., 1] > 0)
    return Model(a, [L.LSTM(2)(L.Add()([inner(x), x])), L.LSTM(2)(L.Multiply()([inner(y), y]))])


@case((6, 4), formats=("h5",))
def an_operation_that_loads_as_a_layer() -> Any:
    a, i = Input((6, 4)), Input((6, 4))
    return Model(a, L.LSTM(2)(Model(i, keras.ops.softmax(i, axis=1))(a)))


@case((6, 4), formats=("folder",))
def saved_as_a_folder() -> Any:
    return compiled(keras.optimizers.Lion())


@case((6, 4), formats=ALL)
def frozen_attention() -> Any:
    a = Input((6, 4))
    x = L.GroupQueryAttention(3, 4, 2, trainable=False)(a, a)
    y = L.GroupQueryAttention(3, 4, 2)
    model = Model(a, L.MultiHeadAttention(2, 3, trainable=False)(y(x, x), a))
    y.trainable = False
    return model


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(HERE / "models.zip", "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, (make, formats, shapes) in CASES.items():
            for kind in formats:
                keras.utils.clear_session()
                model = make()
                keras_records.randomize(model, rng)
                x = [rng.normal(size=(3, *shape)).astype("float32") for shape in shapes]
                nest = x[0]
                if len(x) > 1:
                    nest = keras.tree.pack_sequence_as(model._inputs_struct, x)
                keras_records.record(keras, model, nest, Path(folder) / f"{name}-{kind}", kind)
        for path in sorted(Path(folder).rglob("*")):
            archive.write(path, path.relative_to(folder))


if __name__ == "__main__":
    main()
