"""Layers drawn at random, by the rank of what they read, with arguments of every kind."""

from typing import Any

import numpy as np

ACTIVATIONS = (
    "relu", "tanh", "sigmoid", "softsign", "elu", "selu", "gelu", "swish", "softplus", "mish",
    "hard_sigmoid", "linear", "exponential", "leaky_relu", "softmax", "relu6", "hard_silu",
)  # fmt: skip
DTYPES = ("float16", "mixed_float16", "mixed_bfloat16", "bfloat16", "float64")
NAMES = (
    "{} a", "ü{}", "层{}", "a=b{}", "a.b{}", "LSTM_{}", "lstm_{}", "vars{}",
    "layers{}", "e\u0301{}", "dense{}", "{}", "a\\b{}", "A-{}", "😀{}", "x" * 40 + "{}", "a%{}s",
    "forward_lstm{}", "model_weights{}", "-{}", "a:{}", "kernel{}", "add_{}", "input_layer{}",
)  # fmt: skip


class Choices:
    """Chooses; `rng` decides everything."""

    def __init__(self, keras: Any, rng: np.random.Generator) -> None:
        self.keras, self.layers, self.rng = keras, keras.layers, rng

    def one_of(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def size(self) -> int:
        return int(self.rng.integers(1, 5))


class Draw(Choices):
    """Draws layers, of Keras 3 or of tf_keras (`old`)."""

    def __init__(self, keras: Any, rng: np.random.Generator, old: bool) -> None:
        super().__init__(keras, rng)
        self.old, self.named = old, 0
        self.odd = self.chance(0.5)  # whether layers have names and dtypes of their own at all

    def some(self, **arguments: tuple[Any, ...]) -> dict[str, Any]:
        """Return a value for some of the arguments; the others keep Keras's default."""
        return {key: self.one_of(*values) for key, values in arguments.items() if self.chance(0.3)}

    def layer(self, name: str, *args: Any, **more: Any) -> Any:
        """Return a layer, now and then with a name, a dtype or `trainable` of its own."""
        if self.odd and self.chance(0.15):
            self.named += 1
            more["name"] = self.one_of(*NAMES).format(self.named)
        if self.odd and self.chance(0.04):
            more["dtype"] = self.one_of(*DTYPES)
        if self.chance(0.04):
            more["trainable"] = False
        return getattr(self.layers, name)(*args, **more)

    def nonlinear(self) -> Any:
        return self.one_of(*ACTIVATIONS)


class Layers(Draw):
    """Draws layers of one input and one output."""

    def any_rank(self) -> Any:
        """Return a layer that reads every rank from `(batch, features)` on."""
        one, layer, yes = self.one_of, self.layer, (True, False)
        make = one(
            lambda: layer("Dense", self.size(), **self.some(activation=ACTIVATIONS, use_bias=yes)),
            lambda: layer("Activation", self.nonlinear()),
            lambda: layer("LayerNormalization", **self.some(
                center=yes, scale=yes, epsilon=(0.1,), axis=(-1, 1, [1]))),
            lambda: layer("BatchNormalization", **self.some(
                center=yes, scale=yes, epsilon=(0.1,), axis=(-1, 1), momentum=(0.5,))),
            lambda: layer(one("Dropout", "GaussianNoise", "GaussianDropout"), 0.3),
            lambda: layer(one("LeakyReLU", "ReLU", "ELU", "PReLU")),
            lambda: layer("UnitNormalization", **self.some(axis=(-1, 1))),
            lambda: layer("ActivityRegularization", 0.1),
            lambda: layer("Rescaling", 0.5, **self.some(offset=(1.0, -0.5))),
            lambda: layer("Flatten"),
            lambda: layer("Softmax", **self.some(axis=(-1, 1))),
            *(() if self.old else (
                lambda: layer("RMSNormalization", **self.some(axis=(-1, 1), epsilon=(0.1,))),
                lambda: layer("Identity"),
            )),
            lambda: layer("GroupNormalization", 1, **self.some(center=yes, scale=yes)),
            lambda: layer("SpectralNormalization", self.layers.Dense(self.size())),
            lambda: layer("EinsumDense", "ab...,bc->ac...", self.size(),
                          **self.some(activation=ACTIVATIONS)),
        )  # fmt: skip
        return make()

    def vector(self) -> Any:
        """Return a layer that reads `(batch, features)`."""
        make = self.one_of(
            self.any_rank, self.any_rank,
            lambda: self.layer("RepeatVector", self.one_of(1, 3, 5)),
            lambda: self.layer("Reshape", (-1, 1)),
            lambda: self.layer("Dense", self.size()),
        )  # fmt: skip
        return make()

    def windows(self, axes: int) -> Any:
        """Return a convolution, a pool or a border of `axes` axes."""
        one, size, layer, yes = self.one_of, self.size, self.layer, (True, False)
        pad, more = (("same", "valid"), {"use_bias": yes, "activation": ACTIVATIONS})
        kinds = [
            lambda: layer(f"Conv{axes}D", size(), one(1, 2, 3), **self.some(
                padding=(*pad, *(("causal",) if axes == 1 else ())), dilation_rate=(2,), **more)),
            lambda: layer(f"Conv{axes}D", size(), 2, strides=2, **self.some(padding=pad, **more)),
            lambda: layer(f"Conv{axes}DTranspose", size(), one(1, 2, 3), **self.some(
                strides=(2,), padding=pad, **more)),
            lambda: layer(one(f"MaxPooling{axes}D", f"AveragePooling{axes}D"), 2,
                          **self.some(strides=(1, 2, 3), padding=pad)),
            lambda: layer(one(f"GlobalMaxPooling{axes}D", f"GlobalAveragePooling{axes}D"),
                          **self.some(keepdims=yes)),
            lambda: layer(f"UpSampling{axes}D", 2),
            lambda: layer(f"ZeroPadding{axes}D", one(1, 2)),
            lambda: layer(f"Cropping{axes}D", 1),
            lambda: layer(f"SpatialDropout{axes}D", 0.2),
        ]  # fmt: skip
        if axes < 3:
            kinds += [
                lambda: layer(f"DepthwiseConv{axes}D", one(1, 2), **self.some(
                    depth_multiplier=(2,), padding=pad, **more)),
                lambda: layer(f"SeparableConv{axes}D", size(), 2, **self.some(
                    depth_multiplier=(2,), padding=pad, **more)),
            ]  # fmt: skip
        if not self.old:
            kinds.append(lambda: layer(f"Adaptive{one('Max', 'Average')}Pooling{axes}D", one(1, 2)))
        return one(*kinds)()

    def steps(self, batch: int | None = None) -> Any:
        """Return a layer that reads `(batch, steps, features)`."""
        one = self.one_of
        make = one(
            lambda: self.recurrent(batch), lambda: self.recurrent(batch),
            lambda: self.recurrent(batch), lambda: self.windows(1), lambda: self.windows(1),
            self.any_rank, self.any_rank,
            lambda: self.layer("Permute", (2, 1)),
            lambda: self.layer("Reshape", one((-1, 1), (-1,), (-1, 2), (2, -1), (-1, 1, 2))),
            lambda: self.layer("TimeDistributed", self.vector()),
            lambda: self.layer("EinsumDense", "abc,cd->abd", (None, self.size()),
                               **self.some(bias_axes=("d", "bd"))),
            lambda: self.layer("EinsumDense", "...x,xy->...y", self.size(),
                               **self.some(bias_axes=("y",), activation=ACTIVATIONS)),
        )  # fmt: skip
        return make()

    def image(self, batch: int | None = None) -> Any:
        """Return a layer that reads `(batch, height, width, channels)`."""
        make = self.one_of(
            lambda: self.windows(2), lambda: self.windows(2), self.any_rank,
            lambda: self.conv_lstm(1, batch), lambda: self.conv_lstm(1, batch),
            lambda: self.layer("TimeDistributed", self.steps()),
            lambda: self.layer("Reshape", self.one_of((-1, 2), (3, -1), (-1, 1))),
            lambda: self.layer("Permute", self.one_of((2, 1, 3), (3, 1, 2))),
            lambda: self.layer("Resizing", 3, 4),
            lambda: self.layer("CenterCrop", 2, 2),
        )  # fmt: skip
        return make()

    def volume(self, batch: int | None = None) -> Any:
        """Return a layer that reads `(batch, steps, height, width, channels)`."""
        make = self.one_of(
            lambda: self.windows(3), self.any_rank, lambda: self.conv_lstm(2, batch),
            lambda: self.conv_lstm(2, batch),
            lambda: self.layer("TimeDistributed", self.image()),
            lambda: self.layer("TimeDistributed", self.layers.Flatten()),
            lambda: self.layer("Reshape", (3, -1)),
        )  # fmt: skip
        return make()

    def of_rank(self, rank: int, batch: int | None = None) -> Any:
        if rank == 2:
            return self.vector()
        if rank in (3, 4, 5):
            return (self.steps, self.image, self.volume)[rank - 3](batch)
        if rank == 6 and self.chance(0.5):
            return self.conv_lstm(3, batch)
        return self.layer("TimeDistributed", self.of_rank(rank - 1)) if rank > 3 else None

    def conv_lstm(self, axes: int, batch: int | None) -> Any:
        return self.layer(f"ConvLSTM{axes}D", self.size(), self.one_of(1, 2), **self.some(
            padding=("same",), return_sequences=(True,), go_backwards=(True,),
            use_bias=(False,), activation=("relu",), stateful=(batch is not None,),
            unit_forget_bias=(False,), recurrent_activation=("sigmoid",)))  # fmt: skip

    def cell_arguments(self, name: str) -> dict[str, Any]:
        own = self.some(use_bias=(False,), activation=("relu", "sigmoid", "softsign", "gelu"),
                        dropout=(0.2,), recurrent_dropout=(0.2,))  # fmt: skip
        if name != "SimpleRNN":
            own |= self.some(recurrent_activation=("hard_sigmoid", "tanh", "relu"))
        if name == "LSTM":
            own |= self.some(unit_forget_bias=(False,))
        if name == "GRU":
            own |= self.some(reset_after=(False,))
        return own

    def cells(self) -> Any:
        """Return a cell, several, or a StackedRNNCells."""

        def cell() -> Any:
            name = self.one_of("LSTM", "GRU", "SimpleRNN")
            return self.layer(f"{name}Cell", self.size(), **self.cell_arguments(name))

        many = [cell() for _ in range(self.one_of(1, 2, 3))]
        return self.one_of(many[0], many, self.layers.StackedRNNCells(many))

    def direction(self, **rest: Any) -> Any:
        if self.chance(0.25):
            return self.layer("RNN", self.cells(), **rest)
        name = self.one_of("LSTM", "GRU", "SimpleRNN")
        return self.layer(name, self.size(), **self.cell_arguments(name), **rest)

    def recurrent(self, batch: int | None = None, **asked: Any) -> Any:
        """Return a recurrent layer, in one direction or two; `asked` are arguments of both."""
        rest = self.some(return_sequences=(True,), go_backwards=(True,), unroll=(True,),
                         zero_output_for_mask=(True,))  # fmt: skip
        rest["return_sequences"] = rest.get("return_sequences", self.chance(0.5))
        rest |= asked
        if batch is not None:
            rest["stateful"] = self.chance(0.6)
        if self.old and rest.get("zero_output_for_mask"):
            del rest["zero_output_for_mask"]
        layer = self.direction(**rest)
        if not self.chance(0.35):
            return layer
        mode = self.one_of("concat", "sum", "mul", "ave")
        if self.chance(0.6):
            return self.layer("Bidirectional", layer, merge_mode=mode)
        backwards = not rest.get("go_backwards", False)
        name, cell = self.one_of("LSTM", "GRU", "SimpleRNN"), getattr(layer, "cell", layer)
        # Of directions with other sizes than each other's Keras states a shape that is wrong.
        size = getattr(layer, "units", None) or getattr(cell, "output_size", None) or cell.units
        rest |= {"go_backwards": backwards}
        back = self.layer(name, size, **self.cell_arguments(name), **rest)
        return self.layer("Bidirectional", layer, backward_layer=back, merge_mode=mode)
