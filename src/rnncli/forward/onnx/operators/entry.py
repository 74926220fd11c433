"""How an operator of ours is entered into the table that the evaluator is given."""

from collections.abc import Callable
from typing import Any

from onnx.reference.op_run import OpRun

MICROSOFT = "com.microsoft"
ENTRIES: list[tuple[type, int | None]] = []  # the class, and the opset from which it is not needed


def operator(
    *names: str, domain: str = "", before: int | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function under the names of operators.

    It takes the node, its inputs and its attributes by name; one array or a tuple comes back.
    """

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Any, *inputs: Any, **attributes: Any) -> tuple[Any, ...]:
            result = function(self, *inputs, **attributes)
            return result if isinstance(result, tuple) else (result,)

        for name in names:
            made = type(name, (OpRun,), {"op_domain": domain, "_run": run})
            ENTRIES.append((made, before))
        return function

    return enter


def stated(node: Any, name: str, usual: Any) -> Any:
    """Return an attribute that the node itself states; what schemas fill in is of another opset."""
    return getattr(node, name) if any(a.name == name for a in node.onnx_node.attribute) else usual
