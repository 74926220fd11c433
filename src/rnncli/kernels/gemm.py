"""Large matrix products in slabs, where this machine multiplies small matrices faster.

OpenBLAS repacks both factors of a product, the weights too, at every step. On processors with
AVX-512 it has kernels that read small factors where they are (`sgemm_small_kernel_permit` and
`dgemm_small_kernel_permit` in its `kernel/x86_64`); a product cut into slabs of rows that are small
enough takes about a fifth less time. Elsewhere slabs would only cost more, and none are cut.

Small products keep to one thread: where slabs are cut, a batch is spread over threads instead.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

import numpy as np

from rnncli.kernels.activation_layers import Array

SMALL = 1_000_000  # multiplications of a small product, at most
LEAST_ROWS = 4
LEAST_BATCH = 8  # of a thread
LEAST_WORK = 2_000_000  # multiplications of a thread per step: less, and threads wait for Python

Result = TypeVar("Result")


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


@cache
def threads() -> int:
    """Return how many threads to use: as many as OpenBLAS would."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdecimal():
            return max(1, int(os.environ[name]))
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def shards(batch: int, work: int) -> int:
    """Return over how many threads to spread a batch of `work` multiplications a row per step."""
    if threads() == 1 or not reads_in_place():
        return 1
    return max(1, min(threads(), batch // LEAST_BATCH, batch * work // LEAST_WORK))


def in_threads(run: Callable[[slice], Result], batch: int, count: int) -> list[Result]:
    """Return what `run` returns for each of `count` parts of a batch, in order."""
    bounds = [batch * part // count for part in range(count + 1)]
    rows = [slice(*pair) for pair in pairwise(bounds)]
    if count == 1:
        return [run(rows[0])]
    errors = np.geterr()  # a new thread starts with NumPy's own

    def quietly(part: slice) -> Result:
        with np.errstate(**errors):
            return run(part)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(quietly, rows))
