"""Calls drawn at random: of one layer, merges, attention, states handed on, and `keras.ops`."""

import inspect
from typing import Any

import numpy as np
from keras_drawn_layers import Layers


class Calls(Layers):
    """Draws what is made of some tensors of a pool; Keras may not build it."""

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
