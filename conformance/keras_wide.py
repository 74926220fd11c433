"""Models drawn more widely than those of keras_models.py: more layers, ranks, graphs and states."""

from typing import Any

import numpy as np
from keras_drawn_calls import Calls

TOKENS = 11


class Wide(Calls):
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
