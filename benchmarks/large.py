"""How long `summary` takes of a file of 2 GB beside one of 200 KB: it reads no weights.

Usage: python benchmarks/large.py [--runs 11] [--peers PYTHON]

The files hold an LSTM on more or fewer inputs and are sparse: they take no room on a disk that
knows holes. PYTHON is an interpreter that has torch, which writes the .pt; without it that one is
left out.
"""

import argparse
import json
import shutil
import struct
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from startup import RNNCLI, side_by_side

GOLDEN = Path(__file__).parent.parent / "tests/goldens/keras/k3/lstm_stack.keras"
UNITS = 4
SMALL, LARGE = 200 << 10, 2 << 30  # bytes
TARGET = 1.2

TORCH = """
import sys, torch
sys.path.insert(0, {folder!r})
from large import Sparse
wide = torch.zeros(4 * {units}, {inputs})
state = dict(torch.nn.LSTM(1, {units}).state_dict(), weight_ih_l0=wide)
with open({path!r}, "wb") as file:
    torch.save({{"lstm." + name: value for name, value in state.items()}}, Sparse(file))
"""


class Sparse:
    """A file opened for writing, in which what is all zeros becomes a hole."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write(self, data: Any) -> int:
        """Write the data, or seek over it."""
        size = len(data)
        if size > 4096 and not np.frombuffer(data, "uint8").any():
            self.file.seek(size, 1)
        else:
            self.file.write(data)
        return size

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def inputs_for(size: int, units: int) -> int:
    """Return on how many inputs an LSTM's kernel of float32 has `size` bytes."""
    return size // (4 * units * 4)


def write_keras(path: Path, size: int) -> None:
    """Write the golden with a first layer on as many inputs as make the file so large."""
    weights = path.with_name("model.weights.h5")
    with zipfile.ZipFile(GOLDEN) as golden:
        config = json.loads(golden.read("config.json"))
        weights.write_bytes(golden.read("model.weights.h5"))
    entry, first, *_ = config["config"]["layers"]
    inputs = inputs_for(size, first["config"]["units"])
    widen(weights, inputs)
    shape = [None, 5, inputs]
    entry["config"]["batch_shape"] = first["build_config"]["input_shape"] = shape
    config["config"]["build_input_shape"] = config["build_config"]["input_shape"] = shape
    with path.open("wb") as file, zipfile.ZipFile(Sparse(file), "w") as out:  # type: ignore[arg-type]
        out.writestr("config.json", json.dumps(config))
        with weights.open("rb") as source, out.open(weights.name, "w", force_zip64=True) as member:
            shutil.copyfileobj(source, member, 1 << 20)
    weights.unlink()


def widen(weights: Path, inputs: int) -> None:
    """Give the first kernel so many rows, as room in the file that nobody writes to."""
    with h5py.File(weights, "r+") as held:
        variables = held["layers/lstm/cell/vars"]
        columns = variables["0"].shape[1]
        del variables["0"]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((inputs, columns))
        h5py.h5d.create(variables.id, b"0", h5py.h5t.IEEE_F32LE, space, plan)


def write_safetensors(path: Path, size: int) -> None:
    """Write an LSTM's state dict."""
    inputs, header, end = inputs_for(size, UNITS), {}, 0
    shapes = {"weight_ih_l0": (4 * UNITS, inputs), "weight_hh_l0": (4 * UNITS, UNITS),
              "bias_ih_l0": (4 * UNITS,), "bias_hh_l0": (4 * UNITS,)}  # fmt: skip
    for name, shape in shapes.items():
        start, end = end, end + 4 * int(np.prod(shape))
        header[f"lstm.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


def write_torch(peers: str) -> Callable[[Path, int], None]:
    """Return what has PyTorch write an LSTM's state dict."""

    def write(path: Path, size: int) -> None:
        inputs = inputs_for(size, UNITS)
        folder = str(Path(__file__).parent)
        script = TORCH.format(folder=folder, units=UNITS, inputs=inputs, path=str(path))
        subprocess.run([peers, "-c", script], check=True)

    return write


def main() -> None:
    """Print a line per format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--peers", help="an interpreter that has torch", metavar="PYTHON")
    options = parser.parse_args()
    writers = {".keras": write_keras, ".safetensors": write_safetensors}
    if options.peers:
        writers[".pt"] = write_torch(options.peers)
    else:
        print(".pt: left out (no --peers)")
    with tempfile.TemporaryDirectory() as folder:
        for suffix, write in writers.items():
            paths = [Path(folder) / f"{name}{suffix}" for name in ("large", "small")]
            for path, size in zip(paths, (LARGE, SMALL), strict=True):
                write(path, size)
            sizes = " and ".join(f"{path.stat().st_size:,}" for path in paths)
            large, small = side_by_side(
                *([RNNCLI, "summary", str(path)] for path in paths), options.runs
            )
            print(f"{suffix:13}{sizes} bytes: {large * 1e3:.0f} and {small * 1e3:.0f} ms, "
                  f"{large / small:.2f} x (target <= {TARGET})", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
