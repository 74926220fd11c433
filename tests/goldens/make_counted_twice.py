"""Write a `.keras` file whose groups are called as Keras 2.12 calls them, and its outputs.

`_layer_checkpoint_dependencies` of that version lists a layer with weights twice, and its
`_save_container_state` counts both: the groups that tf_keras writes are renamed by that rule.

Usage: python tests/goldens/make_counted_twice.py   (needs tf_keras; the tests do not run it)
"""

import io
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import tf_keras as keras

TARGET = Path(__file__).parent / "counted_twice.keras"
L = keras.layers
# Of a class of four layers, the second of which has no weights.
GROUPS = {"time_distributed": "time_distributed", "time_distributed_2": "time_distributed_3",
          "time_distributed_3": "time_distributed_5"}  # fmt: skip


def model() -> keras.Model:
    x = keras.Input((5, 4))
    one = L.TimeDistributed(L.Dense(4), name="one")(x)
    flat = L.TimeDistributed(L.Flatten(), name="flat")(one)
    two = L.TimeDistributed(L.Dense(4), name="two")(flat)
    three = L.TimeDistributed(L.Dense(4), name="three")(flat)
    return keras.Model(x, [two, three])


def renamed(data: bytes) -> bytes:
    """Return HDF5 with its groups under other names."""
    result = io.BytesIO()
    with h5py.File(io.BytesIO(data), "r") as old, h5py.File(result, "w") as new:
        for name, other in GROUPS.items():
            group = new.require_group(f"_layer_checkpoint_dependencies/{other}")
            for inner in old[f"layers/{name}"]:
                old.copy(f"layers/{name}/{inner}", group)
    return result.getvalue()


def main() -> None:
    rng = np.random.default_rng(0)
    made = model()
    for weight in made.weights:
        weight.assign(rng.normal(size=weight.shape))
    x = rng.normal(size=(2, 5, 4)).astype("float32")
    outputs = [np.asarray(each) for each in made(x)]
    np.savez_compressed(TARGET.with_suffix(".npz"), x=x, y0=outputs[0], y1=outputs[1])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        made.save(path)
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(TARGET, "w", 8) as new:
            for name in old.namelist():
                data = old.read(name)
                if name == "model.weights.h5":
                    data = renamed(data)
                if name == "metadata.json":
                    data = json.dumps({"keras_version": "2.12.0"}).encode()
                new.writestr(name, data)


if __name__ == "__main__":
    main()
