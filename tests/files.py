"""Files of weights that tests write themselves."""

import json
from pathlib import Path

import numpy as np

NAMES = {"F32": np.float32, "F16": np.float16, "I8": np.int8, "F64": np.float64,
         "C64": np.complex64}  # fmt: skip


def safetensors(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Write a safetensors file; its format is eight bytes of length, JSON, and the values."""
    header, at = {}, 0
    for name, array in arrays.items():
        dtype = next(key for key, kind in NAMES.items() if array.dtype == kind)
        end = at + array.nbytes
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(
        np.ascontiguousarray(each).tobytes() for each in arrays.values()))  # fmt: skip
    return path
