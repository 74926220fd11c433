"""What the tests of the forward pass share."""

from typing import Any

import numpy as np

from rnncli.forward.engine import Graph, Rules
from rnncli.forward.weights import _match, slots
from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.layers.op import Notes
from rnncli.model import Model, Source, sequential


def graph_of(model: Model, values: dict[str, Any], dtype: str = "float32", keras: int = 3) -> Graph:
    """Return the model's graph with these weights."""
    return Graph(model, model.outputs, values, Rules(np.dtype(dtype), keras, Notes()))


def named_values(
    model: Model, given: dict[str, Any], dtype: str = "float32"
) -> dict[str, np.ndarray]:
    """Return Keras's variables by our paths."""
    wanted = list(slots(model, model.outputs))
    left, values = dict(given), {}
    for slot in wanted:
        name = _match(slot, wanted, left)
        assert name is not None, (slot.path, list(left))
        values[slot.path] = left.pop(name).astype(dtype)
    assert not left
    return values


def close(found: np.ndarray, expected: np.ndarray, bound: float = 1e-5) -> None:
    """Check that two arrays are equal to `bound`, relative to the largest value beyond 1."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    largest = max(1.0, float(np.abs(expected).max())) if expected.size else 1.0
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound * largest)


def stack(*expressions: str) -> Model:
    """Return the model of a stack of `--layer` expressions."""
    return infer(sequential(parse_stack(list(expressions)), source=Source("layers")))


def random_values_of(model: Model, dtype: str = "float32", seed: int = 0) -> dict[str, np.ndarray]:
    """Return values that leave no weight, and no bias, at its initial value."""
    rng = np.random.default_rng(seed)
    found = slots(model, model.outputs)
    return {
        slot.path: (np.abs if "variance" in slot.path else np.asarray)(
            rng.normal(size=slot.weight.shape, scale=0.5)
        ).astype(dtype)
        for slot in found
    }
