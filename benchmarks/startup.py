"""How long a command takes from start to answer, beside what it cannot do without and its peers.

Usage: python benchmarks/startup.py [--runs 11] [--peers PYTHON]

Each command and its yardstick run in turn, so that a slow moment of the machine falls on both; the
ratio is that of the medians. PYTHON is an interpreter that has keras, tensorflow, torch and
torchinfo; without it the peers are left out, and said to be.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

RNNCLI = shutil.which("rnncli", path=str(Path(sys.executable).parent)) or "rnncli"
BARE = [sys.executable, "-c", "import typer"]
ARRAYS = [sys.executable, "-c", "import typer, numpy"]

SIZES = ["--input-size", "32", "--units", "64", "--steps", "100"]
OWN = [
    ("summary", [RNNCLI, "summary"], BARE, 1.25),
    ("summary --format json", [RNNCLI, "summary", "--format", "json"], BARE, 1.25),
    ("params", [RNNCLI, "params"], BARE, 1.25),
    ("forward", [RNNCLI, "forward", *SIZES], ARRAYS, 1.25),
]

KERAS = """
import keras
model = keras.Sequential([keras.Input((100, 32)), keras.layers.SimpleRNN(64)])
model.summary()
"""
TORCHINFO = """
import torch, torchinfo
torchinfo.summary(torch.nn.RNN(32, 64, batch_first=True), input_size=(1, 100, 32))
"""
PEERS = [("Keras", KERAS, 20), ("torchinfo", TORCHINFO, 10)]


def seconds(command: list[str]) -> float:
    """Return the wall time of one run, from the start of the process to its end."""
    start = time.perf_counter()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def side_by_side(one: list[str], other: list[str], runs: int) -> tuple[float, float]:
    """Return the medians of two commands run in turn, after a warm-up of each."""
    seconds(one), seconds(other)
    pairs = [(seconds(one), seconds(other)) for _ in range(runs)]
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second)


def main() -> None:
    """Print a line per command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--peers", help="an interpreter that has the peers", metavar="PYTHON")
    options = parser.parse_args()
    for name, command, yardstick, target in OWN:
        own, bare = side_by_side(command, yardstick, options.runs)
        print(f"rnncli {name:22} {own * 1e3:6.0f} ms   {own / bare:5.2f} x its imports alone "
              f"({bare * 1e3:.0f} ms; target <= {target})")  # fmt: skip
    for name, script, target in PEERS:
        if not options.peers:
            print(f"{name}: left out (no --peers)")
            continue
        peer, own = side_by_side([options.peers, "-c", script], [RNNCLI, "summary"], options.runs)
        print(f"{name:10} {peer * 1e3:6.0f} ms   rnncli summary is {peer / own:5.1f} x as fast "
              f"({own * 1e3:.0f} ms; target >= {target})")  # fmt: skip


if __name__ == "__main__":
    main()
