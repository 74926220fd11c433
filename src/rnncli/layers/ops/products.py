"""Products of tensors, and linear algebra."""

from typing import TYPE_CHECKING, Any

from rnncli.layers.lazy import lazy
from rnncli.layers.ops.row import Row, axes_of, same, shapes_of, together, types
from rnncli.model import Config
from rnncli.shapes import Dim, Shape, Shapes, product

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import linear
else:
    np, linear = lazy("numpy"), lazy("rnncli.kernels.linear")


def _multiplied(config: Config, inputs: Shapes) -> Shapes:
    one, other = shapes_of(config, inputs)[:2]
    if config.get("transpose_a"):
        one = (*one[:-2], *one[:-3:-1])
    if config.get("transpose_b"):
        other = (*other[:-2], *other[:-3:-1])
    if len(one) < 2 or len(other) < 2:
        return ((*one[:-1], *other[:-2], *other[-1:][: len(other) - 1]),)
    return ((*together([one[:-2], other[:-2]]), one[-2], other[-1]),)


def _matmul(x1: Any, x2: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """Return a product; the transposes are arguments of TensorFlow's."""
    x1 = np.swapaxes(x1, -1, -2) if transpose_a else x1
    return np.matmul(x1, np.swapaxes(x2, -1, -2) if transpose_b else x2)


def _dotted(config: Config, inputs: Shapes) -> Shapes:
    one, other = shapes_of(config, inputs)[:2]
    if not one or not other:
        return (one or other,)
    return ((*one[:-1], *other[:-2], *other[-1:][: len(other) - 1]),)


def _inner(config: Config, inputs: Shapes) -> Shapes:
    one, other = shapes_of(config, inputs)[:2]
    return (one or other,) if not one or not other else ((*one[:-1], *other[:-1]),)


def _outer(config: Config, inputs: Shapes) -> Shapes:
    return (tuple(product(shape) for shape in shapes_of(config, inputs)[:2]),)


def _contracted(config: Config, inputs: Shapes) -> Shapes:
    one, other = shapes_of(config, inputs)[:2]
    axes = config.get("axes", 2)
    if isinstance(axes, int):
        return ((*one[: len(one) - axes], *other[axes:]),)
    first, second = axes_of(axes[0], len(one)), axes_of(axes[1], len(other))
    left = tuple(dim for at, dim in enumerate(one) if at not in first)
    return ((*left, *(dim for at, dim in enumerate(other) if at not in second)),)


def _summed(config: Config, inputs: Shapes) -> Shapes:
    """Return the shape of an einsum, `...` and all."""
    left, arrow, right = str(config["subscripts"]).replace(" ", "").partition("->")
    terms, shapes = left.split(","), shapes_of(config, inputs)
    sizes: dict[str, Dim] = {}
    rests: list[Shape] = []
    for letters, shape in zip(terms, shapes, strict=True):
        before, dots, after = letters.partition("...")
        named = [*zip(before, shape, strict=False)]
        if dots:
            middle = len(shape) - len(after)
            rests.append(shape[len(before) : middle])
            named += zip(after, shape[middle:], strict=True)
        for letter, dim in named:
            sizes[letter] = dim if sizes.get(letter) in (None, 1) else sizes[letter]
    if not arrow:
        letters = left.replace(",", "").replace("...", "")
        right = "..." * bool(rests)
        right += "".join(sorted(each for each in set(letters) if letters.count(each) == 1))
    before, dots, after = right.partition("...")
    return ((*(sizes[letter] for letter in before), *(together(rests) if dots else ()),
             *(sizes[letter] for letter in after)),)  # fmt: skip


def _einsum(*operands: Any, subscripts: str) -> Any:
    return np.einsum(subscripts, *operands, optimize=True)


def _kron(config: Config, inputs: Shapes) -> Shapes:
    one, other = shapes_of(config, inputs)[:2]
    rank = max(len(one), len(other))
    pairs = zip(*((1,) * (rank - len(each)) + each for each in (one, other)), strict=True)
    return (tuple(None if a is None or b is None else a * b for a, b in pairs),)


def _crossed(config: Config, inputs: Shapes) -> Shapes:
    one, other = shapes_of(config, inputs)[:2]
    every = config.get("axis")
    axes = [config.get(key, -1) if every is None else every for key in ("axisa", "axisb", "axisc")]
    (a,), (b,) = axes_of(axes[0], len(one)), axes_of(axes[1], len(other))
    deep = one[a], other[b]
    head = list(together([one[:a] + one[a + 1 :], other[:b] + other[b + 1 :]]))
    if deep == (2, 2):
        return (tuple(head),)
    known = next((size for size in deep if size is not None), None)
    if known == 2 and None in deep:
        return ((*head, None),)
    head.insert(axes[2] % (len(head) + 1), 3)
    return (tuple(head),)


def _cross(x1: Any, x2: Any, **axes: Any) -> Any:
    return linear.cross(x1, x2, **axes)


def _correlated(config: Config, inputs: Shapes) -> Shapes:
    (one,), (other,) = shapes_of(config, inputs)[:2]
    if one is None or other is None:
        return ((None,),)
    longest, shortest = max(one, other), min(one, other)
    sizes = {"valid": longest - shortest + 1, "same": longest, "full": one + other - 1}
    return ((sizes[config.get("mode", "valid")],),)


def _batch(config: Config, inputs: Shapes) -> Shapes:
    return (inputs[0][:-2],)


def _signed(config: Config, inputs: Shapes) -> Shapes:
    return inputs[0][:-2], inputs[0][:-2]


def _eigen(config: Config, inputs: Shapes) -> Shapes:
    return inputs[0][:-1], inputs[0]


def _pivots(config: Config, inputs: Shapes) -> Shapes:
    *head, rows, columns = inputs[0]
    return inputs[0], (*head, _least(rows, columns))


def _least(rows: Dim, columns: Dim) -> Dim:
    return None if rows is None or columns is None else min(rows, columns)


def _orthogonal(config: Config, inputs: Shapes) -> Shapes:
    *head, rows, columns = inputs[0]
    deep = _least(rows, columns) if config.get("mode", "reduced") == "reduced" else rows
    return (*head, rows, deep), (*head, deep, columns)


def _singular(config: Config, inputs: Shapes) -> Shapes:
    *head, rows, columns = inputs[0]
    deep = _least(rows, columns)
    if not config.get("compute_uv", True):
        return ((*head, deep),)
    full = config.get("full_matrices", True)
    return ((*head, rows, rows if full else deep), (*head, deep),
            (*head, columns if full else deep, columns))  # fmt: skip


def _solved(config: Config, inputs: Shapes) -> Shapes:
    return (shapes_of(config, inputs)[1],)


def _least_squares(config: Config, inputs: Shapes) -> Shapes:
    a, b = shapes_of(config, inputs)[:2]
    return ((a[-1], *b[1:]),)


def _turned(config: Config, inputs: Shapes) -> Shapes:
    *head, rows, columns = inputs[0]
    return ((*head, columns, rows),)


def _distances(config: Config, inputs: Shapes) -> Shapes:
    one, other = shapes_of(config, inputs)[:2]
    return ((*together([one[:-2], other[:-2]]), one[-2], other[-2]),)


_AXES = ("axisa", "axisb", "axisc", "axis")
TYPES = types(
    {
        "Matmul": Row(_multiplied, _matmul, ("transpose_a", "transpose_b")),
        "Dot": Row(_dotted, "dot"),
        "Inner": Row(_inner, "inner"),
        "Outer": Row(_outer, "outer"),
        "Vdot": Row(lambda config, inputs: ((),), "vdot"),
        "Tensordot": Row(_contracted, lambda x1, x2, axes=2: np.tensordot(x1, x2, axes), ("axes",)),
        "Einsum": Row(_summed, _einsum, ("subscripts",)),
        "Kron": Row(_kron, "kron"),
        "Cross": Row(_crossed, _cross, _AXES),
        "Correlate": Row(_correlated, lambda x1, x2, mode="valid": np.correlate(x1, x2, mode),
                         ("mode",)),
        "Corrcoef": Row(same, "corrcoef"),  # Keras shows the shape of its input
        "CDist": Row(_distances, lambda x, y: np.linalg.norm(
            np.asarray(x)[..., :, None, :] - np.asarray(y)[..., None, :, :], axis=-1)),
        "Det": Row(_batch, lambda x: np.linalg.det(x)),
        "Logdet": Row(_batch, lambda x: np.linalg.slogdet(x)[1]),
        "Slogdet": Row(_signed, lambda x: tuple(np.linalg.slogdet(x))),
        "Inv": Row(same, lambda x: np.linalg.inv(x)),
        "Pinv": Row(_turned, lambda x, rcond=None: np.linalg.pinv(x, rcond), ("rcond",)),
        "Cholesky": Row(same, lambda x, upper=False: linear.cholesky(x, upper), ("upper",)),
        "CholeskyInverse": Row(same, lambda x, upper=False: linear.cholesky_inverse(x, upper),
                               ("upper",)),
        "Eigh": Row(_eigen, lambda x: tuple(np.linalg.eigh(x))),
        "Eig": Row(_eigen, lambda x: tuple(np.linalg.eig(x))),
        "LuFactor": Row(_pivots, lambda x: linear.lu_factor(x)),
        "Qr": Row(_orthogonal, lambda x, mode="reduced": tuple(np.linalg.qr(x, mode)), ("mode",)),
        "SVD": Row(_singular, lambda x, full_matrices=True, compute_uv=True:
                   np.linalg.svd(x, full_matrices, compute_uv), ("full_matrices", "compute_uv")),
        "Solve": Row(_solved, lambda a, b: linear.solve(a, b)),
        "SolveTriangular": Row(_solved, lambda a, b, lower=False: linear.solve(
            np.tril(a) if lower else np.triu(a), b), ("lower",)),
        "Lstsq": Row(_least_squares, lambda a, b, rcond=None: np.linalg.lstsq(a, b, rcond)[0],
                     ("rcond",)),
        "MatrixRank": Row(_batch, lambda x, tol=None: np.linalg.matrix_rank(x, tol), ("tol",)),
    }
)  # fmt: skip
