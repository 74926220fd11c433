"""How long the recurrence takes, beside its bare matrix products and its peers.

Usage: python benchmarks/forward.py [--seconds 0.5] [--threads 1,all] [--cells LSTM] [--sizes 1,6]

All contenders run the same layer on the same input in turn, in one process per number of threads,
so that a slow moment of the machine falls on all of them; the figures are medians, in milliseconds.
PyTorch, ONNX Runtime and Keras on TensorFlow are used where they are installed, and the outputs of
all are compared before anything is timed.
"""

import argparse
import importlib
import os
import statistics
import subprocess
import sys
import timeit

from contenders import CONTENDERS, Contender, Size, layer

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
TURN = 0.005  # seconds each contender runs for before the next has its turn
CHILD = "RNNCLI_BENCHMARK_THREADS"

SIZES = (
    Size(1, 100, 32, 64),
    Size(32, 100, 32, 64),
    Size(1, 1000, 64, 128),
    Size(32, 200, 128, 256),
    Size(1, 200, 512, 512),
    Size(64, 100, 512, 512),
)
# How much slower than PyTorch, and than the bare products, rnncli may be on one thread.
PYTORCH = {
    "SimpleRNN": (1.0,) * 6,
    "LSTM": (1.8, 1.8, 1.8, 1.5, 1.8, 1.1),
    "GRU": (1.1,) * 6,
}
PRODUCTS = {("SimpleRNN", SIZES[0]): 2.2, ("SimpleRNN", SIZES[5]): 1.35, ("LSTM", SIZES[5]): 1.4}


def missing(modules: tuple[str, ...]) -> str | None:
    """Return the first of these modules that is not installed."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:
            return module
    return None


def compared(calls: dict[str, Contender]) -> None:
    """Check that all contenders that give an output give the same."""
    import numpy as np

    expected = calls["naive"]()
    for name, call in calls.items():
        found = call()
        if found is not None and not np.allclose(found, expected, rtol=0, atol=1e-4):
            raise SystemExit(f"{name} computes something else")


def medians(calls: dict[str, Contender], seconds: float) -> dict[str, float]:
    """Return the median time of each, all run in turn until `seconds` each are used up.

    A turn of a fast one is several runs, so that it is not timed with the caches of another.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    turns = {
        name: max(1, int(TURN / timeit.timeit(call, number=1))) for name, call in calls.items()
    }
    while len(times["rnncli"]) < 5 or sum(times["rnncli"]) * turns["rnncli"] < seconds:
        for name, call in calls.items():
            times[name].append(timeit.timeit(call, number=turns[name]) / turns[name])
    return {name: statistics.median(each) * 1e3 for name, each in times.items()}


def verdict(name: str, size: Size, times: dict[str, float], threads: int) -> str:
    """Return rnncli's time over the products' and over PyTorch's, the ones too high marked."""
    cells = []
    index = SIZES.index(size)
    limits = (("products", PRODUCTS.get((name, size))), ("PyTorch", PYTORCH[name][index]))
    for peer, limit in limits:
        if peer not in times:
            cells.append(f"{'-':>8}  ")
            continue
        ratio = times["rnncli"] / times[peer]
        high = threads == 1 and limit is not None and ratio > limit
        cells.append(f"{ratio:8.2f}{' !' if high else '  '}")
    return " ".join(cells)


def child(options: argparse.Namespace, threads: int) -> None:
    """Print the table for one number of threads."""
    from rnncli.cells import GRU, LSTM, SIMPLE_RNN

    present = {}
    for name, (make, modules) in CONTENDERS.items():
        absent = missing(modules)
        if absent:
            print(f"{name}: left out ({absent} is not installed)")
        else:
            present[name] = make
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, float32, median ms; rnncli over the "
          "bare products and over PyTorch ('!': above its target)")  # fmt: skip
    columns = " ".join(f"{name:>9}" for name in present)
    print(f"{'cell':9} {'batch steps in units':>21} {columns} {'/products':>9}  {'/PyTorch':>9}")
    for cell in (SIMPLE_RNN, LSTM, GRU):
        for size in [SIZES[index - 1] for index in options.sizes]:
            if cell.name not in options.cells:
                continue
            this = layer(cell, size)
            calls = {name: make(this, threads) for name, make in present.items()}
            compared(calls)
            times = medians(calls, options.seconds)
            figures = " ".join(f"{each:9.3f}" for each in times.values())
            shape = "{:>4} {:>5} {:>4} {:>5}".format(*size)
            print(f"{cell.name:9} {shape} {figures} {verdict(cell.name, size, times, threads)}")


def main() -> None:
    """Print a table per number of threads, each from a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="for rnncli, per layer")
    parser.add_argument("--threads", default="1,all")
    parser.add_argument("--cells", default="SimpleRNN,LSTM,GRU")
    parser.add_argument("--sizes", default="1,2,3,4,5,6", help="which sizes, counted from 1")
    options = parser.parse_args()
    options.cells = options.cells.split(",")
    options.sizes = [int(size) for size in options.sizes.split(",")]
    if CHILD in os.environ:
        child(options, int(os.environ[CHILD]))
        return
    for setting in options.threads.split(","):
        threads = str(len(os.sched_getaffinity(0))) if setting == "all" else setting
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        environment = {**os.environ, **quiet, **dict.fromkeys(THREADS, threads), CHILD: threads}
        subprocess.run([sys.executable, *sys.argv], env=environment, check=True)


if __name__ == "__main__":
    main()
