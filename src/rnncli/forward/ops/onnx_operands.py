"""What ONNX's operators take: operands and attributes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Operands = Sequence[Any]
Attributes = Mapping[str, Any]
Function = Callable[[Operands, Attributes], Any]


def given(operands: Operands, position: int, attributes: Attributes, name: str) -> Any:
    """Return an argument that was an attribute in older opsets and is an operand in newer ones."""
    if len(operands) > position and operands[position] is not None:
        return np.asarray(operands[position])
    return attributes.get(name)


def ints(value: Any) -> tuple[int, ...]:
    """Return the numbers that a tensor or a list holds."""
    return tuple(int(each) for each in np.asarray(value).ravel())


def of_first(function: Callable[[Any], Any]) -> Function:
    """Return the operator that is a function of its first operand."""
    return lambda operands, attributes: function(operands[0])
