"""Random models of Keras, asked of rnncli: same texts, counts, shapes and values?

Sequential, functional, nested, shared, masked, stateful, compiled and frozen models of the layers
that a recurrent model meets, from a seed, each in one of Keras's formats. With `TF_KERAS=1` the
models are those of tf_keras, SavedModels among their formats.

    python conformance/keras_models.py make DIR [MANY [SEED]]   # where keras and tensorflow are
    python conformance/keras_models.py widely DIR [MANY [SEED]] # the same, of all that Keras has
    python conformance/keras_models.py compare DIR              # where rnncli is
"""

import os
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import keras_records
import keras_states
import numpy as np
from keras_drawn_layers import Choices
from keras_wide import Wide

OLD = bool(os.environ.get("TF_KERAS"))
FORMATS = ("keras", "h5", "savedmodel", "json") if OLD else ("keras", "h5", "weights.h5", "json")
STEPS, TOKENS = 6, 11


class Maker(Choices):
    """Draws models."""

    def recurrent(self, sequences: bool, stateful: bool = False) -> Any:
        """Return an LSTM, GRU or SimpleRNN, cells in an RNN, or a Bidirectional of one."""
        name = self.one_of("LSTM", "GRU", "SimpleRNN")
        own = {"use_bias": self.chance(0.8)}
        if name != "SimpleRNN" and self.chance(0.3):
            own["recurrent_activation"] = self.one_of("hard_sigmoid", "sigmoid", "tanh")
        if self.chance(0.3):
            own["activation"] = self.one_of("relu", "tanh", "sigmoid", "softsign")
        if name == "GRU":
            own["reset_after"] = self.chance(0.6)
        rest = {"return_sequences": sequences, "go_backwards": self.chance(0.15),
                "stateful": stateful}  # fmt: skip
        if self.chance(0.2):
            cells = [getattr(self.layers, f"{name}Cell")(self.size(), **own)
                     for _ in range(self.one_of(1, 2))]  # fmt: skip
            layer = self.layers.RNN(cells if len(cells) > 1 else cells[0], **rest)
        else:
            layer = getattr(self.layers, name)(self.size(), **own, **rest)
        if self.chance(0.3) and not rest["go_backwards"]:
            mode = self.one_of("concat", "sum", "mul", "ave")
            layer = self.layers.Bidirectional(layer, merge_mode=mode)
        return layer

    def sequence(self, depth: int = 0) -> Any:
        """Return a layer from sequences to sequences of as many steps."""
        L, kind = self.layers, self.one_of(*range(14))
        if kind < 5:
            return self.recurrent(sequences=True)
        if kind == 5:
            return L.TimeDistributed(L.Dense(self.size(), activation=self.one_of("relu", None)))
        if kind == 6:
            return L.Conv1D(self.size(), 3, padding=self.one_of("same", "causal"),
                            dilation_rate=self.one_of(1, 2))  # fmt: skip
        if kind == 7:
            return self.one_of(L.LayerNormalization, L.BatchNormalization)()
        if kind == 8:
            return self.one_of(L.Dropout(0.3), L.SpatialDropout1D(0.2), L.GaussianNoise(0.1))
        if kind == 9:
            return self.one_of(L.Activation(self.one_of("relu", "elu", "swish")), L.LeakyReLU(),
                               L.PReLU(shared_axes=[1]), L.ELU())  # fmt: skip
        if kind == 10:
            return L.Dense(self.size(), use_bias=self.chance(0.7))
        if kind == 11:
            return self.one_of(L.AveragePooling1D, L.MaxPooling1D)(2, 1, "same")
        if kind == 12 and depth < 2:
            inner = [self.sequence(depth + 1) for _ in range(self.one_of(1, 2))]
            return self.keras.Sequential(inner)
        return L.SeparableConv1D(self.size(), 2, padding="same")

    def end(self) -> Any:
        """Return a layer from sequences to vectors."""
        L = self.layers
        return self.one_of(self.recurrent(False), self.recurrent(False), L.GlobalMaxPooling1D(),
                           L.GlobalAveragePooling1D(), L.Flatten())  # fmt: skip

    def frozen(self, model: Any) -> Any:
        """Return the model with some of its layers frozen."""
        if self.chance(0.25):
            for layer in model.layers:
                if self.chance(0.4):
                    layer.trainable = False
        for layer in model.layers:
            inner = getattr(layer, "forward_layer", None)
            if inner is not None and self.chance(0.1):
                self.one_of(inner, layer.backward_layer).trainable = False
        return model

    def chain(self) -> Any:
        """Return a Sequential and an input of it."""
        L, stateful = self.layers, self.chance(0.15)
        tokens = self.chance(0.4)
        batch = 3 if stateful else None
        shape = (STEPS,) if tokens else (STEPS, self.size())
        layers = [self.keras.Input(batch_shape=(batch, *shape))]
        if tokens:
            layers.append(L.Embedding(TOKENS, self.size(), mask_zero=self.chance(0.5)))
        elif self.chance(0.3):
            layers.append(L.Masking(0.0))
        layers += [self.sequence() for _ in range(self.one_of(0, 1, 2, 3))]
        if stateful:
            layers.append(self.recurrent(True, stateful=True))
        layers.append(self.end())
        if self.chance(0.2):
            layers += [L.RepeatVector(4), self.recurrent(True), L.TimeDistributed(L.Dense(2))]
        elif self.chance(0.6):
            layers.append(L.Dense(self.size(), activation=self.one_of("softmax", "sigmoid", None)))
        return self.keras.Sequential(layers), self.values(tokens, shape)

    def values(self, tokens: bool, shape: tuple[int, ...]) -> Any:
        if tokens:
            return self.rng.integers(0, TOKENS, (3, *shape)).astype("int32")
        x = self.rng.normal(size=(3, *shape)).astype("float32")
        if self.chance(0.4):
            x[0, int(self.rng.integers(1, STEPS)) :] = 0
        return x

    def graph(self, depth: int = 0) -> Any:
        """Return a functional model and its inputs."""
        L = self.layers
        shapes = [(STEPS, self.size()) for _ in range(self.one_of(1, 1, 2))]
        inputs = [self.keras.Input(shape) for shape in shapes]
        x = [L.Masking()(each) if self.chance(0.2) else each for each in inputs]
        for _ in range(self.one_of(1, 2, 3, 4)):
            x.append(self.grown(x, depth))
        outputs = [x[-1]]
        if self.chance(0.6):
            outputs = [self.end()(x[-1])]
        if self.chance(0.3):
            outputs.append(self.end()(self.one_of(*x)))
        return self.keras.Model(inputs, outputs), [self.values(False, shape) for shape in shapes]

    def grown(self, x: list[Any], depth: int) -> Any:
        """Return one more tensor `(batch, steps, features)` made of others."""
        L, one, kind = self.layers, self.one_of(*x), self.one_of(*range(12))
        if kind == 0 and depth < 2:
            inner, _ = self.nested(one.shape[-1], depth)
            return self.one_of(inner, inner)(one)
        if kind == 1:
            merge = self.one_of(L.Add, L.Multiply, L.Maximum, L.Average, L.Subtract)()
            return merge([L.Dense(3)(one), L.Dense(3)(self.one_of(*x))])
        if kind == 2:
            return L.Concatenate()([one, self.one_of(*x)])
        if kind == 3:
            return self.one_of(L.Attention, L.AdditiveAttention)()([one, one])
        if kind == 4:
            return L.MultiHeadAttention(self.size(), self.size())(one, one)
        if kind == 5:  # a shared layer, called twice
            layer = L.LSTM(one.shape[-1], return_sequences=True)
            return layer(layer(one))
        if kind == 6:  # the states of one layer are those that another begins with
            units = self.size()
            _, *states = L.LSTM(units, return_state=True)(one)
            return L.LSTM(units, return_sequences=True)(self.one_of(*x), initial_state=states)
        if kind == 7 and not OLD:
            return self.one_of(one * 2.0, one + 1.0, one - one / 3.0, 1.0 - one, -one,
                               self.keras.ops.tanh(one), one[:, ::-1])  # fmt: skip
        return self.sequence(depth)(one)

    def nested(self, size: int, depth: int) -> Any:
        a = self.keras.Input((STEPS, size))
        x = a
        for _ in range(self.one_of(1, 2)):
            x = self.grown([x], depth + 1)
        return self.keras.Model(a, x), None

    def model(self) -> Any:
        """Return a model and its inputs."""
        made, x = self.chain() if self.chance(0.45) else self.graph()
        made = self.frozen(made)
        if self.chance(0.15):
            made.compile("adam", "mse")
            made.optimizer.build(made.trainable_variables)
        return made, x


def drawn(keras: Any, rng: np.random.Generator) -> tuple[Any, Any, str]:
    """Return a model with random weights, its inputs and the format to write."""
    model, x = Maker(keras, rng).model()
    keras_records.randomize(model, rng)
    return model, x, FORMATS[int(rng.choice(len(FORMATS), p=(0.4, 0.3, 0.2, 0.1)))]


def drawn_widely(keras: Any, rng: np.random.Generator) -> tuple[Any, Any, str]:
    """Return a model drawn of all that Keras has."""
    draw = Wide(keras, rng, OLD)
    model, x = draw.chain() if draw.chance(0.35) else draw.graph()
    keras_states.frozen(draw, model)
    keras_states.adapted(draw, model)
    keras_records.randomize(model, rng)
    keras_states.quantized(draw, model)
    keras_states.compiled(draw, model)
    share = (0.4, 0.3, 0.2, 0.1) if OLD else (0.5, 0.2, 0.12, 0.08, 0.05, 0.05)
    kinds = FORMATS if OLD else (*FORMATS, "weights.json", "folder")
    return model, x, kinds[int(rng.choice(len(kinds), p=share))]


def make(folder: Path, many: int = 200, seed: int = 0, draw: Any = drawn) -> None:
    """Write models, their inputs, and what Keras says of them."""
    if OLD:
        import tf_keras as keras
    else:
        import keras
    kept, begun = 0, folder / f"{seed}.begun"  # TensorFlow may crash: run it again to go on
    for number in range(int(begun.read_text()) + 1 if begun.exists() else 0, many):
        begun.write_text(str(number))
        rng = np.random.default_rng([seed, number])
        keras.backend.clear_session()
        try:
            model, x, kind = draw(keras, rng)
            keras_records.record(keras, model, x, folder / f"{seed}-{number:04}", kind)
            kept += 1
        except Exception as error:  # what Keras cannot build or save is no case
            print(f"{seed}-{number:04}", type(error).__name__, str(error)[:150], file=sys.stderr)
    print(f"{kept} models of {many}")


def compare(folder: Path) -> None:
    """Print in how many models all agrees, what is refused and what is wrong."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for told in sorted(folder.glob("*.told.json")):
        name = told.name.removesuffix(".told.json")
        outcome, why = keras_records.compared(folder / name)
        kind = next(each for each in keras_records.FORMATS if (folder / f"{name}.{each}").exists())
        counts[kind][outcome] += 1
        if outcome != "same":
            print(outcome, name, why[:300])
    total: Counter[str] = sum(counts.values(), Counter())
    print("\n| format | models | same | refused | unread | wrong |\n|---|---|---|---|---|---|")
    for kind, row in [*sorted(counts.items()), ("all", total)]:
        cells = [row[each] for each in ("same", "refused", "unread", "wrong")]
        print(f"| {kind} | {sum(cells)} | {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    command, target = sys.argv[1], Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    if command in ("make", "widely"):
        numbers = [*map(int, sys.argv[3:]), 200, 0][: max(2, len(sys.argv) - 3)]
        make(target, *numbers, draw=drawn if command == "make" else drawn_widely)
    else:
        compare(target)
