"""Large matrix products in slabs, where this machine multiplies small matrices faster.

OpenBLAS repacks both factors of a product, the weights too, at every step. On processors with
AVX-512 it has kernels that read small factors where they are (`sgemm_small_kernel_permit` and
`dgemm_small_kernel_permit` in its `kernel/x86_64`); a product cut into slabs of rows that are small
enough takes about a fifth less time. Elsewhere slabs would only cost more, and none are cut.
"""

from functools import cache

import numpy as np

from rnncli.forward.activations import Array

SMALL = 1_000_000  # multiplications of a small product, at most
LEAST_ROWS = 4


@cache
def reads_in_place() -> bool:
    """Return whether NumPy's BLAS is one with the kernels, on a processor that runs them."""
    config = np.show_config(mode="dicts")
    simd = config["SIMD Extensions"]
    features = {*simd.get("baseline", ()), *simd.get("found", ())}
    blas = config["Build Dependencies"]["blas"]["name"]
    return "openblas" in blas and bool(features & {"AVX512_SKX", "X86_V4"})


def slab_rows(weights: Array, columns: int) -> int:
    """Return how many rows of `weights` to multiply by so many columns at a time."""
    rows, inner = len(weights), weights.shape[1]
    each = max(1, inner * columns)
    if rows * each <= SMALL or not reads_in_place():
        return rows
    parts = [n for n in range(LEAST_ROWS, SMALL // each + 1) if rows % n == 0]
    return parts[-1] if parts else rows


def in_slabs(weights: Array, rows: int) -> Array:
    """Return `(slabs, rows, ...)`, a view of an array of `(slabs * rows, ...)`."""
    return weights.reshape(-1, rows, *weights.shape[1:])
