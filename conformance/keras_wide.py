"""Models drawn more widely than those of keras_models.py: more layers, ranks, graphs and states."""

import inspect
from typing import Any

import numpy as np
from keras_drawn_layers import Layers

TOKENS = 11


class Wide(Layers):
    """Draws models; what Keras does not build is drawn again."""

    def tried(self, make: Any, times: int = 12) -> Any:
        """Return what `make` gives once Keras builds it, None if it never does."""
        for _ in range(times):
            try:
                made = make()
                if made is not None and self.small(made):
                    return made
            except Exception:
                continue
        return None

    def small(self, made: Any) -> bool:
        """Whether each tensor has a rank and a size that further layers can do with."""
        for each in made if isinstance(made, list | tuple) else [made]:
            sizes = each.shape[1:]
            if len(each.shape) > 6 or not all(size is None or 0 < size < 60 for size in sizes):
                return False
            if np.prod([size or 4 for size in sizes]) > 600:
                return False
        return True

    # Inputs

    def symbol(self, batch: int | None, kind: str = "") -> tuple[Any, Any]:
        """Return an input of a model and an array for it, of 3 samples."""
        kind = kind or self.one_of("steps", "steps", "steps", "tokens", "image", "volume",
                                   "vector", "cube")  # fmt: skip
        steps, f = int(self.rng.integers(4, 8)), self.size()
        shape: tuple[int, ...] = {
            "steps": (steps, f), "tokens": (steps,), "image": (5, 4, f), "vector": (f + 1,),
            "volume": (3, 5, 4, f), "cube": (2, 3, 4, 4, f)}[kind]  # fmt: skip
        open_steps = kind in ("steps", "tokens") and batch is None and self.chance(0.3)
        stated = (None, *shape[1:]) if open_steps else shape
        more: dict[str, Any] = {"dtype": "int32"} if kind == "tokens" else {}
        if self.odd and self.chance(0.2):
            self.named += 1
            more["name"] = self.one_of("a=b{}", "x {}", "ü{}", "in.{}", "z{}").format(self.named)
        x = self.keras.Input(batch_shape=(batch, *stated), **more)
        if kind == "tokens":
            return x, self.rng.integers(0, TOKENS, (3, *shape)).astype("int32")
        value = self.rng.normal(size=(3, *shape)).astype("float32")
        if self.chance(0.5) and len(shape) > 1:
            value[0, int(self.rng.integers(1, shape[0])) :] = 0
            value[1, 0] = 0
        return x, value

    def start(self, x: Any) -> Any:
        """Return an input with a mask or embedded, if it is tokens or steps."""
        if len(x.shape) == 2 and "int" in str(x.dtype):
            layer = self.layer("Embedding", TOKENS, self.size(), mask_zero=self.chance(0.6))
            return layer(x)
        if len(x.shape) == 3 and self.chance(0.3):
            return self.layer("Masking")(x)
        return x

    # Graphs

    def more(self, pool: list[Any], batch: int | None, depth: int, times: int = 12) -> list[Any]:
        return self.tried(lambda: self.grown(pool, batch, depth), times) or []

    def grown(self, pool: list[Any], batch: int | None, depth: int) -> list[Any]:
        """Return more tensors made of those of the pool."""
        one = self.one_of(*pool)
        kinds = [self._unary] * 8 + [self._merge] * 2 + [self._attend, self._states, self._inner]
        kinds += [self._shared, self._distributed] + ([] if self.old else [self._operation] * 2)
        made = self.one_of(*kinds)(one, pool, batch, depth)
        return list(made) if isinstance(made, list | tuple) else [made]

    def _unary(self, x: Any, pool: list[Any], batch: int | None, depth: int) -> Any:
        layer = self.of_rank(len(x.shape), batch)
        if self.chance(0.06):  # the input by its name
            return layer(**{next(iter(inspect.signature(layer.call).parameters)): x})
        if self.chance(0.06) and len(x.shape) == 3:  # a mask of the caller's
            return layer(x, mask=x[..., 0] > 0)
        if "BatchNormalization" in type(layer).__name__ and self.chance(0.15):
            return layer(x, training=self.chance(0.5))
        return layer(x)

    def _merge(self, x: Any, pool: list[Any], batch: int | None, depth: int) -> Any:
        name = self.one_of("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum",
                           "Concatenate", "Concatenate", "Dot")  # fmt: skip
        other = self.one_of(*pool)
        if name == "Dot":
            return self.layer("Dot", axes=self.one_of(-1, 1, 2, (1, 2)),
                              normalize=self.chance(0.3))([x, other])  # fmt: skip
        if name == "Concatenate":
            axis = self.one_of(-1, -1, 1, 2)
            return self.layer(name, axis=axis)([x, other])
        if other.shape[-1] != x.shape[-1] and self.chance(0.7):
            other = self.layer("Dense", x.shape[-1])(other)
        return self.layer(name)([x, other])

    def _attend(self, x: Any, pool: list[Any], batch: int | None, depth: int) -> Any:
        other, size = self.one_of(*pool), self.size
        kind = self.one_of("Attention", "AdditiveAttention", "MultiHeadAttention",
                           "MultiHeadAttention", "GroupQueryAttention")  # fmt: skip
        call = self.some(use_causal_mask=(True,), return_attention_scores=(True,))
        if kind in ("Attention", "AdditiveAttention"):
            if other.shape[-1] != x.shape[-1]:
                other = self.layer("Dense", x.shape[-1])(other)
            own = self.some(use_scale=(True, False), dropout=(0.1,))
            if kind == "Attention":
                own |= self.some(score_mode=("concat",))
            return self.layer(kind, **own)(self.one_of([x, other], [x, other, other]), **call)
        if kind == "GroupQueryAttention":
            return self.layer(kind, size(), 4, self.one_of(1, 2, 4),
                              **self.some(use_bias=(False,)))(x, other, **call)  # fmt: skip
        own = self.some(value_dim=(1, 3), use_bias=(False,), output_shape=(3, (2, 2)),
                        attention_axes=(1, (1, 2), 2) if len(x.shape) > 3 else (1,),
                        dropout=(0.1,))  # fmt: skip
        layer = self.layer(kind, size(), size(), **own)
        if self.chance(0.2) and not self.old and "return_attention_scores" not in call:
            mask = x[:, :, None, 0] > other[:, None, :, 0]
            return layer(x, other, attention_mask=mask, **call)
        return layer(x, other, **self.some(key=(other,)), **call)

    def _states(self, x: Any, pool: list[Any], batch: int | None, depth: int) -> Any:
        """States of one layer, which another begins with."""
        name, units = self.one_of("LSTM", "GRU", "SimpleRNN"), self.size()
        own, other = self.cell_arguments(name), self.one_of(*[e for e in pool if len(e.shape) == 3])
        first = self.layer(name, units, return_state=True, **own)
        second = self.layer(name, units, return_sequences=self.chance(0.6),
                            return_state=self.chance(0.3), **own)  # fmt: skip
        if self.chance(0.4):
            mode = self.one_of("concat", "sum", "ave", "mul", None)
            first = self.layer("Bidirectional", first, merge_mode=mode)
            if self.chance(0.6):
                second = self.layer("Bidirectional", second)
        if self.chance(0.15):
            cells = self.cells()
            first = self.layer("RNN", cells, return_state=True)
            second = self.layer("RNN", cells, return_sequences=True)
        made = list(first(x))
        count = len(made) - (2 if getattr(first, "merge_mode", "") is None else 1)
        states = made[-count:]
        if self.chance(0.6):
            again = second(other, initial_state=states)
            made += list(again) if isinstance(again, list | tuple) else [again]
        return [each for each in made if hasattr(each, "shape")]

    def _shared(self, x: Any, pool: list[Any], batch: int | None, depth: int) -> Any:
        """A layer called twice: on itself, on another tensor, or in a model inside."""
        layer = self.of_rank(len(x.shape), None)
        first = layer(x)
        if self.chance(0.3):
            start = self.keras.Input(tuple(x.shape[1:]))
            inner = self.keras.Model(start, layer(start), **self.title())
            return [first, inner(x)]
        fitting = [each for each in (*pool, first) if len(each.shape) == len(x.shape)]
        return [first, layer(self.one_of(*fitting))]

    def _distributed(self, x: Any, pool: list[Any], batch: int | None, depth: int) -> Any:
        if depth > 1 or len(x.shape) < 3:
            return None
        inner = self.inner([x.shape[2:]], depth + 1, outputs=1)
        return self.layer("TimeDistributed", inner)(x)

    def _inner(self, x: Any, pool: list[Any], batch: int | None, depth: int) -> Any:
        """A model inside: of one or two inputs and outputs, a dict of them, called once or more."""
        if depth > 1:
            return None
        given = [x] if self.chance(0.6) else [x, self.one_of(*pool)]
        if len(given) == 1 and self.chance(0.4):
            return self.stacked(tuple(x.shape[1:]), [], self.one_of(1, 2, 3))(x)
        inner = self.inner([tuple(each.shape[1:]) for each in given], depth + 1)
        form = given[0] if len(given) == 1 else given
        if isinstance(inner.input, dict):
            form = dict(zip(sorted(inner.input), given, strict=True))
        made = self.flat(inner(form))
        if self.chance(0.3):  # twice
            made += self.flat(inner(form))
        return made

    def stacked(self, shape: Any, layers: list[Any], many: int, batch: int | None = None) -> Any:
        """Return a Sequential of these layers and up to `many` more."""
        x = start = self.keras.Input(batch_shape=(batch, *shape))
        if layers and "Embedding" in type(layers[0]).__name__:
            x = start = self.keras.Input(batch_shape=(batch, *shape), dtype="int32")
        for layer in layers:
            x = layer(x)

        def another() -> Any:
            layer = self.of_rank(len(x.shape), batch)
            made = layer(x)
            if isinstance(made, list | tuple) or not self.small(made):
                return None
            layers.append(type(layer).from_config(layer.get_config()))
            return made

        for _ in range(many):
            made = self.tried(another, 5)
            x = x if made is None else made
        return self.keras.Sequential([start, *layers], **self.title())

    def title(self) -> dict[str, Any]:
        if self.odd and self.chance(0.4):
            self.named += 1
            return {"name": self.one_of("inner {}", "ü{}", "lstm{}", "m=n{}").format(self.named)}
        return {}

    def flat(self, value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [each for key in sorted(value) for each in self.flat(value[key])]
        return list(value) if isinstance(value, list | tuple) else [value]

    def inner(self, shapes: list[Any], depth: int, outputs: int = 0) -> Any:
        """Return a functional model on inputs of these shapes."""
        inputs = [self.keras.Input(tuple(shape)) for shape in shapes]
        pool = list(inputs)
        for _ in range(self.one_of(1, 2, 3)):
            pool += self.more(pool, None, depth, 6)
        ends = pool[-1] if outputs or self.chance(0.7) else pool[-2:]
        given: Any = inputs[0] if len(inputs) == 1 else inputs
        if len(inputs) > 1 and self.chance(0.3):
            given = {each._keras_history[0].name: each for each in inputs}
        if isinstance(ends, list) and self.chance(0.3):
            ends = dict(zip(("q", "p"), ends, strict=False))
        return self.keras.Model(given, ends, **self.title())

    def _operation(self, x: Any, pool: list[Any], batch: int | None, depth: int) -> Any:
        """One of `keras.ops`."""
        ops, other, rank = self.keras.ops, self.one_of(*pool), len(x.shape)
        perm = [0, *(1 + int(i) for i in self.rng.permutation(rank - 1))]
        return self.one_of(
            lambda: x[:, -1], lambda: x[:, 1:], lambda: x[..., :1], lambda: x[:, None],
            lambda: x[:, ::-1], lambda: x[:, ::2], lambda: x[..., 0], lambda: x[..., None, :],
            lambda: ops.transpose(x, perm), lambda: ops.where(x > 0.1, x, x * 0.5),
            lambda: ops.where(x > 0, x, other), lambda: ops.matmul(x, ops.swapaxes(x, -1, -2)),
            lambda: ops.matmul(x, other), lambda: ops.einsum("bif,bjf->bij", x, other),
            lambda: ops.einsum("...a,...a->...", x, x), lambda: ops.stack([x, other], axis=1),
            lambda: ops.stack([x, x], axis=-1), lambda: ops.split(x, x.shape[-1], axis=-1),
            lambda: ops.split(x, [1], axis=1), lambda: ops.expand_dims(x, self.one_of(1, -1)),
            lambda: ops.squeeze(x[:, :1], 1), lambda: ops.mean(x, axis=self.one_of(1, -1)),
            lambda: ops.mean(x, axis=1, keepdims=True), lambda: ops.softmax(x, axis=1),
            lambda: ops.cast(ops.cast(x, "int32"), "float32"), lambda: ops.cast(x > 0, "float32"),
            lambda: ops.concatenate([x, other], axis=self.one_of(-1, 1)), lambda: ops.sum(x, -1),
            lambda: ops.reshape(x, (-1, x.shape[-1])), lambda: ops.max(x, axis=1),
            lambda: ops.reshape(x, (ops.shape(x)[0], -1)), lambda: ops.minimum(x, 0.3),
            lambda: ops.clip(x, -0.5, 0.5), lambda: ops.argmax(x, axis=-1), lambda: ops.abs(x),
            lambda: ops.cumsum(x, axis=1), lambda: ops.flip(x, 1), lambda: ops.roll(x, 1, 1),
            lambda: ops.pad(x, [(0, 0), (1, 0)] + [(0, 0)] * (rank - 2)), lambda: x ** 2,
            lambda: ops.tile(x, [1, 2] + [1] * (rank - 2)), lambda: ops.repeat(x, 2, axis=1),
            lambda: ops.take(x, [0, -1], axis=1), lambda: ops.logsumexp(x, axis=-1),
            lambda: x + other, lambda: x * other, lambda: 1.0 / (x * x + 1.0), lambda: -x,
            lambda: x - np.arange(x.shape[-1], dtype="float32"), lambda: ops.zeros_like(x) + x,
            lambda: ops.one_hot(ops.argmax(x, -1), x.shape[-1]), lambda: ops.sort(x, axis=-1),
            lambda: ops.swapaxes(x, 1, 2), lambda: ops.moveaxis(x, 1, -1), lambda: ops.var(x, -1),
            lambda: ops.layer_normalization(x) if hasattr(ops, "layer_normalization") else None,
            lambda: ops.normalize(x, axis=-1), lambda: ops.relu(x), lambda: ops.silu(x),
            lambda: ops.top_k(x, 1)[0], lambda: ops.tril(ops.matmul(x, ops.swapaxes(x, -1, -2))),
            lambda: ops.broadcast_to(x[:, :1], (3, *x.shape[1:])), lambda: ops.dot(x, other),
            lambda: ops.unstack(x, axis=-1), lambda: ops.average_pool(x, 2), lambda: ops.square(x),
        )()  # fmt: skip

    # Models

    def chain(self) -> tuple[Any, Any]:
        """Return a Sequential and an array for it."""
        batch = 3 if self.chance(0.2) else None
        x, value = self.symbol(batch)
        layers = []
        if len(x.shape) == 2 and "int" in str(x.dtype):
            layers = [self.layer("Embedding", TOKENS, self.size(), mask_zero=self.chance(0.6))]
        elif len(x.shape) == 3 and self.chance(0.3):
            layers = [self.layer("Masking")]
        return self.stacked(tuple(x.shape[1:]), layers, self.one_of(1, 2, 3, 4, 5), batch), value

    def graph(self) -> tuple[Any, Any]:
        """Return a functional model and arrays for it."""
        batch = 3 if self.chance(0.12) else None
        drawn = [self.symbol(batch) for _ in range(self.one_of(1, 1, 2, 3))]
        inputs, values = [x for x, _ in drawn], [value for _, value in drawn]
        pool = [self.start(x) for x in inputs]
        for _ in range(self.one_of(2, 3, 4, 5, 6)):
            pool += self.more(pool, batch, 0)
        ends = self.one_of(pool[-1:], pool[-1:], pool[-2:], pool[-3:])
        ends = [each for each in ends if not any(each is x for x in inputs)] or [pool[-1]]
        form: Any = ends[0] if len(ends) == 1 else ends
        if len(ends) > 1 and self.chance(0.3):
            form = dict(zip(("zz", "b", "c"), ends, strict=False))
        elif len(ends) == 3 and self.chance(0.3):
            form = [ends[0], {"k": ends[1], "a": ends[2]}]
        given: Any = inputs
        if len(inputs) > 1 and self.chance(0.3):
            names = [each._keras_history[0].name for each in inputs]
            given = dict(zip(names, inputs, strict=True))
            return self.keras.Model(given, form, **self.title()), dict(
                zip(names, values, strict=True)
            )
        return self.keras.Model(given, form, **self.title()), values
