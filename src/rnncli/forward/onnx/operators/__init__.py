"""The operators that ONNX's reference implementation lacks or gets wrong: an entry each."""

from collections.abc import Mapping

from rnncli.forward.onnx.operators import fused, loops, older, quantized, recurrent  # noqa: F401
from rnncli.forward.onnx.operators.entry import ENTRIES


def operators(opsets: Mapping[str, int]) -> list[type]:
    """Return our operators for models of these opsets."""
    version = opsets.get("", 1)
    return [each for each, before in ENTRIES if before is None or version < before]
