"""MultiHeadAttention and GroupedQueryAttention: attention between projections of the inputs.

Sources: Vaswani et al., 2017; Ainslie et al., 2023; `keras/src/layers/attention`.
"""

from collections.abc import Mapping, Sequence
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

from rnncli.errors import ShapeError
from rnncli.layers.layer_type import LayerType, pair, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Value
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shape, Shapes, known, product, show

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import activations
else:
    np, activations = lazy("numpy"), lazy("rnncli.kernels.activations")

_BLOCK = 1 << 18  # scores that are held at a time, where nobody asks for them
_LEAST = -1e9  # the score of what a mask leaves out


def _heads(config: Config) -> tuple[int, int, int, int]:
    """Return the heads of queries and of keys, and the sizes of a key's and of a value's head."""
    if "head_dim" in config:
        size = config["head_dim"]
        return config["num_query_heads"], config["num_key_value_heads"], size, size
    heads, key = config["num_heads"], config["key_dim"]
    return heads, heads, key, config["value_dim"] or key


def _three(inputs: Shapes) -> tuple[Shape, Shape, Shape]:
    """Return the shapes of query, value and key, which is the value if it is not given."""
    if len(inputs) < 2:
        raise ShapeError("attention needs a query and a value")
    if len({len(shape) for shape in inputs[:3]}) > 1:
        shapes = ", ".join(map(show, inputs[:3]))
        raise ShapeError(f"query, value and key have different numbers of axes: {shapes}")
    return inputs[0], inputs[1], inputs[2] if len(inputs) > 2 else inputs[1]


def _output_axes(config: Config, query: Shape) -> tuple[Dim, ...]:
    stated = config.get("output_shape")
    return pair(stated) if stated else query[-1:]


def _outputs(config: Config, inputs: Shapes) -> Shapes:
    query, value, _ = _three(inputs)
    output = (*query[:-1], *_output_axes(config, query))
    if not config.get("return_attention_scores"):
        return (output,)
    # What Keras states of the scores, which may have other axes: those of the queries, twice.
    keys = value[1] if "head_dim" in config else query[1]
    return output, (query[0], _heads(config)[0], query[1], keys)


def _attended(config: Config, rank: int) -> tuple[int, ...]:
    """Return the axes that queries and keys meet over."""
    axes = config.get("attention_axes")
    return tuple(range(1, rank - 1)) if axes is None else tuple(a % rank for a in pair(axes))


def _projections(config: Config, inputs: Shapes) -> list[tuple[str, tuple[int, ...], int]]:
    """Return the name, the kernel and the number of inner axes of each projection."""
    query, value, key = _three(inputs)
    heads, key_heads, size, value_size = _heads(config)
    width, tall, wide = (known(s[-1], "the features of attention") for s in (query, key, value))
    outer = tuple(known(dim, "the output of attention") for dim in _output_axes(config, query))
    gate = [("gate", (width, heads, value_size), 1)] if config.get("use_gate") else []
    return [
        ("query", (width, heads, size), 1),
        ("key", (tall, key_heads, size), 1),
        *gate,
        ("value", (wide, key_heads, value_size), 1),
        ("attention_output", (heads, value_size, *outer), 2),
    ]


def _weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    found = []
    for name, shape, inner in _projections(config, inputs):
        words = "heads × size × outputs" if inner == 2 else "inputs × heads × size"
        found.append(Weight("kernel", shape, words, path=f"{name}/kernel",
                            initializer="glorot_uniform"))  # fmt: skip
        if config["use_bias"]:
            found.append(Weight("bias", shape[inner:], words.partition(" × ")[2] if inner == 1
                                else "outputs", path=f"{name}/bias"))  # fmt: skip
    return tuple(found)


def _macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    query, value, key = _three(inputs)
    rows = {"query": query, "gate": query, "key": key, "value": value, "attention_output": query}
    total = 0
    for name, shape, _ in _projections(config, inputs):
        positions = product(rows[name][1:-1])
        if positions is None:
            return None
        total += positions * prod(shape)
    heads, _, size, value_size = _heads(config)
    axes = _attended(config, len(query))
    pairs = product((*query[1:-1], *(value[axis] for axis in axes)))
    return None if pairs is None else total + pairs * heads * (size + value_size)


class MultiHeadAttention(Op):
    """Values weighted by how well their keys fit the queries, once per head."""

    def __init__(self, setup: OpContext) -> None:
        self.config, self.weights = setup.config, setup.weights
        self.grouped = setup.kind != "MultiHeadAttention"  # which drops `query_mask` of a call

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the output with the query's mask and, where asked for, the shares."""
        query, value, key = inputs[0], inputs[1], inputs[-1]
        axes = _attended(self.config, query.array.ndim)
        q, k, v = (
            self._projected(name, each.array)
            for name, each in (("query", query), ("key", key), ("value", value))
        )
        q, k, v = (_moved(each, axes) for each in (q, k, v))
        masks = {
            "query": _mask(query, options.get("query_mask") if self.grouped else None),
            "value": _mask(value, options.get("value_mask")),
            "key": _mask(key if len(inputs) > 2 else None, options.get("key_mask")),
        }
        scored = bool(options.get("return_attention_scores"))
        explicit = scored or self.config["dropout"] > 0 or query.array.ndim != 3
        whole = query.array.ndim != 3 or scored
        size = q.shape[-2] if whole else max(_BLOCK // max(q[..., 0, 0].size * k.shape[-2], 1), 1)
        outputs = []
        for start in range(0, q.shape[-2], size):
            rows = slice(start, start + size)
            kept = self._kept(query, value, masks, options, rows)
            output, shares = self._attend(q[..., rows, :], k, v, kept, explicit)
            outputs.append(output)
        output = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=-2)
        shape = [query.array.shape[axis] for axis in axes]
        output = _moved_back(output, axes, shape)
        if self.config.get("use_gate"):
            output = output * activations.sigmoid(self._projected("gate", query.array))
        result = Value(self._projected("attention_output", output, 2), query.mask)
        if not scored:
            return (result,)
        sizes = (*shape, *(value.array.shape[axis] for axis in axes))
        return result, Value(shares.reshape(*shares.shape[:-2], *sizes))

    def _projected(self, name: str, x: Array, inner: int = 1) -> Array:
        """Return the product of the last `inner` axes of `x` with a kernel, and the bias."""
        kernel = self.weights[f"{name}/kernel"]
        flat = x.reshape(*x.shape[: x.ndim - inner], -1)
        output = flat @ kernel.reshape(flat.shape[-1], -1)
        output = output.reshape(*output.shape[:-1], *kernel.shape[inner:])
        bias = self.weights.get(f"{name}/bias")
        return output if bias is None else output + bias

    def _attend(
        self, q: Array, k: Array, v: Array, kept: Array | None, explicit: bool
    ) -> tuple[Array, Array]:
        """Return `(…, heads, queries, size)` and the shares `(…, heads, queries, keys)`.

        A query that may look at no key gets nothing where Keras's Softmax computes the shares
        (`explicit`), and the mean of all values where its fused attention does.
        """
        heads, key_heads, size, _ = _heads(self.config)
        if key_heads != heads:
            k, v = (np.repeat(each, heads // key_heads, axis=-3) for each in (k, v))
        scores = (q * q.dtype.type(1 / sqrt(size))) @ k.swapaxes(-1, -2)
        if kept is not None:
            scores = np.where(kept, scores, scores.dtype.type(_LEAST))
        shares = activations.softmax(scores)
        if kept is not None and explicit:
            shares = np.where(kept, shares, scores.dtype.type(0))
        return shares @ v, shares

    def _kept(
        self, query: Value, value: Value, masks: Mapping[str, Array | None],
        options: Mapping[str, Any], rows: slice,
    ) -> Array | None:  # fmt: skip
        """Return which pairs of positions count, to be broadcast to the scores; None: all.

        `masks` are those of query, value and key, `rows` the queries that are asked for, where
        the attended axis is the only one.
        """
        rest = (masks["value"], masks["key"])
        parts = [] if masks["query"] is None else [masks["query"][:, None, rows, None]]
        parts += [mask[:, None, None] for mask in rest if mask is not None]
        window = self.config.get("sliding_window")
        if options.get("use_causal_mask") or window:
            queries = np.arange(query.array.shape[1])[
                rows if query.array.ndim == 3 else slice(None)
            ]
            apart = queries[:, None] - np.arange(value.array.shape[1])
            parts += [apart >= 0] if options.get("use_causal_mask") else []
            parts += [np.abs(apart) < window] if window else []
        given = options.get("attention_mask")
        if isinstance(given, Value):
            mask = given.array != 0
            mask = mask[:, None] if mask.ndim == query.array.ndim else mask
            parts.append(mask[..., rows, :] if query.array.ndim == 3 else mask)
        whole = None
        for part in parts:
            whole = part if whole is None else whole & part
        return whole


def _mask(value: Value | None, given: Any) -> Array | None:
    """Return the mask that a call names, else that of the tensor."""
    if isinstance(given, Value):
        return np.not_equal(given.array, 0)
    return value.mask if value is not None else None


def _moved(x: Array, axes: tuple[int, ...]) -> Array:
    """Return `(batch, …, heads, positions, size)`, the attended axes flattened to one."""
    x = np.moveaxis(x, axes, range(x.ndim - 1 - len(axes), x.ndim - 1))
    return x.reshape(*x.shape[: x.ndim - 1 - len(axes)], -1, x.shape[-1])


def _moved_back(x: Array, axes: tuple[int, ...], shape: list[int]) -> Array:
    """Return `(batch, …, heads, size)` with the attended axes where they were."""
    x = x.reshape(*x.shape[:-2], *shape, x.shape[-1])
    return np.moveaxis(x, range(x.ndim - 1 - len(axes), x.ndim - 1), axes)


_RULES = (
    "kernel_initializer='glorot_uniform', bias_initializer='zeros', kernel_regularizer=None, "
    "bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, "
    "bias_constraint=None, use_gate=False, seed=None"
)

TYPES = {
    "MultiHeadAttention": LayerType(
        signature(
            "num_heads, key_dim, value_dim=None, dropout=0.0, use_bias=True, output_shape=None, "
            f"attention_axes=None, sliding_window=None, flash_attention=None, {_RULES}"
        ),
        _outputs,
        _weights,
        _macs,
        run=MultiHeadAttention,
    ),
    "GroupedQueryAttention": LayerType(
        signature(
            "head_dim, num_query_heads, num_key_value_heads, dropout=0.0, use_bias=True, "
            f"sliding_window=None, flash_attention=None, {_RULES}"
        ),
        _outputs,
        _weights,
        _macs,
        run=MultiHeadAttention,
    ),
}
