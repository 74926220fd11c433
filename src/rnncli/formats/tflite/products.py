"""The multiply-accumulates of TensorFlow Lite's operators, by their operands' shapes."""

from collections.abc import Callable, Sequence

from rnncli.shapes import Dim, Shape, product

Count = Callable[[Sequence[Shape], Shape], Dim]


def _whole(shape: Shape) -> Dim:
    """Return the number of values; an open first axis, the batch, counts once."""
    return product((1 if shape[:1] == (None,) else shape[0], *shape[1:])) if shape else 1


def _dense(operands: Sequence[Shape], output: Shape) -> Dim:
    return product((_whole(output), operands[1][-1]))


def _batched(operands: Sequence[Shape], output: Shape) -> Dim:
    left = operands[0]
    inner = left[-1] if left[-2] == output[-2] else left[-2]  # the left one may be transposed
    return product((_whole(output), inner))


def _convolution(operands: Sequence[Shape], output: Shape) -> Dim:
    return product((_whole(output), *operands[1][1:]))


def _depthwise(operands: Sequence[Shape], output: Shape) -> Dim:
    return product((_whole(output), *operands[1][1:-1]))


def _volume(operands: Sequence[Shape], output: Shape) -> Dim:
    return product((_whole(output), *operands[1][:-1]))


def _transposed(operands: Sequence[Shape], output: Shape) -> Dim:
    """Each input value meets the kernel of its channel, `(out, rows, columns, in)`."""
    return product((_whole(operands[2]), *operands[1][:-1]))


def _filters(operands: Sequence[Shape], output: Shape) -> Dim:
    """Of SVDF: every value of both kernels once."""
    first, second = product(operands[1]), product(operands[2])
    return None if first is None or second is None else first + second


PRODUCTS: dict[str, Count] = {
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _batched,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "CONV_3D": _volume,
    "TRANSPOSE_CONV": _transposed,
    "CONV_3D_TRANSPOSE": _transposed,
    "SVDF": _filters,
}


def products(op: str, operands: Sequence[Shape], output: Shape) -> Dim:
    """Return what an operator of `PRODUCTS` multiplies, None where a size is open or missing."""
    try:
        return PRODUCTS[op](operands, output)
    except IndexError:
        return None
