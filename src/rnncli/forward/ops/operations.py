"""Keras 3's operations on tensors, run on arrays."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.kernels.activations import activation
from rnncli.layers import TABLE
from rnncli.layers.op import Array, Op, OpContext, Value
from rnncli.layers.operations import key_of

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "NotEqual": np.not_equal, "Equal": np.equal, "LogicalOr": np.logical_or,
    "LogicalAnd": np.logical_and, "LogicalNot": np.logical_not, "Add": np.add,
    "Subtract": np.subtract, "Multiply": np.multiply, "TrueDivide": np.divide, "Divide": np.divide,
    "Power": np.power, "Maximum": np.maximum, "Minimum": np.minimum, "Negative": np.negative,
    "Absolute": np.abs, "Exp": np.exp, "Sqrt": np.sqrt, "Square": np.square, "Tanh": np.tanh,
    "Sigmoid": activation("sigmoid"), "Relu": activation("relu"),
}  # fmt: skip
_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "Any": np.any, "All": np.all, "Sum": np.sum, "Mean": np.mean, "Max": np.max, "Min": np.min,
}  # fmt: skip


class Operation(Op):
    """An operation whose operands are the call's tensors and constants, in their order."""

    def __init__(self, setup: OpContext) -> None:
        self.setup, self.name = setup, setup.kind.removeprefix("keras.")

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the result, in the run's type where it is not a truth value."""
        arrays = [value.array for value in inputs]
        result = np.asarray(self._result(arrays, self.setup.config))
        return (Value(result.astype(self.setup.dtype) if result.dtype.kind == "f" else result),)

    def _result(self, arrays: list[Array], config: Mapping[str, Any]) -> Any:
        if self.name in _REDUCTIONS:
            axis = config["axis"]
            axes = tuple(axis) if isinstance(axis, list | tuple) else axis
            return _REDUCTIONS[self.name](arrays[0], axis=axes, keepdims=config["keepdims"])
        if self.name in ("ZerosLike", "OnesLike"):
            like = np.zeros_like if self.name == "ZerosLike" else np.ones_like
            return like(arrays[0], dtype=bool if config.get("dtype") == "bool" else None)
        if self.name == "ExpandDims":
            return np.expand_dims(arrays[0], config["axis"])
        if self.name == "Concatenate":
            return np.concatenate(arrays, config["axis"])
        if self.name == "GetItem":
            return arrays[0][key_of(config.get("key", ()))]
        tensors = iter(arrays)
        operands = config.get("operands") or [None] * len(arrays)
        return _FUNCTIONS[self.name](*(next(tensors) if o is None else o for o in operands))


OPS = {name: Operation for name, family in TABLE.items() if family == "operations"}
