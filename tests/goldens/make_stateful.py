"""A SavedModel of stateful layers, without the metadata that came with TensorFlow 2.5.

Run where tf_keras is: `python tests/goldens/make_stateful.py`.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.remove(str(HERE))  # where folders are called like the frameworks

import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402


def main() -> None:
    """Save the model, and zip what the checkpoint of an earlier version has too."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.layers.LSTM(3, stateful=True, return_sequences=True, batch_input_shape=(1, 4, 2)),
        keras.layers.GRU(2, stateful=True),
        keras.layers.Dense(1),
    ])  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder, save_format="tf")
        index = Path(folder) / "variables" / "variables.index"
        record = {"tf_keras": keras.__version__, "tensorflow": tf.__version__,
                  "params": model.count_params()}  # fmt: skip
        with zipfile.ZipFile(HERE / "stateful.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("record.json", json.dumps(record))
            archive.writestr("model/saved_model.pb", b"")  # the graph, which is not read
            for path in sorted(index.parent.iterdir()):
                archive.write(path, f"model/variables/{path.name}")


if __name__ == "__main__":
    main()
