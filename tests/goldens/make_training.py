"""Write models whose graphs tell layers to train, and what tf_keras and Keras 3 predict.

Usage: python tests/goldens/make_training.py   (needs keras and tf_keras; tests do not run it)
"""

import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tf_keras

HERE = Path(__file__).parent


def wide(framework: Any) -> Any:
    """Return a model of many outputs, of which the last two are drawn, or of a model inside."""
    L = framework.layers
    x = framework.Input((4, 6))
    steps = L.BatchNormalization(name="steps")(L.Masking(name="masking")(x), training=True)
    pixels = L.Masking(name="pixels")(L.Reshape((4, 3, 2), name="reshape")(x))
    image = L.BatchNormalization(name="image")(pixels, training=True)
    frozen = L.BatchNormalization(name="frozen", trainable=False)(x, training=True)
    drawn = L.Bidirectional(L.GRU(3, dropout=0.5, name="gru"), name="drawn")(x, training=True)
    plain = L.LSTM(3, name="plain")(x, training=True)
    inner = framework.Sequential([framework.Input((4, 6)), L.BatchNormalization()], name="inner")
    apart = framework.Sequential([framework.Input((4, 6)), L.Dropout(0.5)], name="apart")
    outputs = [steps, image, frozen, plain, apart(x, training=False)]
    return framework.Model(x, [*outputs, drawn, inner(x, training=True)])


def long(framework: Any) -> Any:
    """Return a chain for more steps than are taken at once."""
    L = framework.layers
    x = framework.Input((None, 2))
    return framework.Model(x, L.GRU(3)(L.BatchNormalization()(x, training=True)))


def main() -> None:
    rng = np.random.default_rng(0)
    recorded = []
    with (
        TemporaryDirectory() as folder,
        zipfile.ZipFile(HERE / "training.zip", "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, framework, build, shape in (
            ("wide.h5", tf_keras, wide, (3, 4, 6)), ("long.h5", tf_keras, long, (1, 700, 2)),
            ("wide.keras", keras, wide, (3, 4, 6)),
        ):  # fmt: skip
            path, model = Path(folder) / name, build(framework)
            for weight in model.weights:
                if not str(weight.dtype).endswith("int32"):
                    weight.assign(rng.uniform(0.2, 1.0, size=weight.shape))
            model.save(path)
            x = rng.normal(size=shape).astype("float32")
            x[:, 1] = 0
            found = framework.models.load_model(path, compile=False).predict(x, verbose=0)
            outputs = found[:5] if isinstance(found, list) else [found]
            values = {f"y{number}": array for number, array in enumerate(outputs)}
            np.savez_compressed(path.with_suffix(".npz"), x=x, **values)
            archive.write(path, name)
            archive.write(path.with_suffix(".npz"), f"{name}.npz")
            recorded.append(name)
        versions = {"keras": keras.__version__, "tf_keras": tf_keras.__version__}
        archive.writestr("cases.json", json.dumps({"versions": versions, "cases": recorded}))


if __name__ == "__main__":
    main()
