"""Write models of layers whose channels stand first, an output for each, and what Keras computes.

TensorFlow has no such convolutions without a GPU, so Keras runs on PyTorch here. Averages of
windows that reach over the border by uneven amounts are left out: PyTorch's repeat the border.

Usage: KERAS_BACKEND=torch python tests/goldens/make_channels_first.py   (tests do not run it)
"""

import json
import os
import zipfile
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["COLUMNS"] = "200"  # else Keras crops its table at 80 columns

import keras
import numpy as np
from keras import layers as L

HERE = Path(__file__).parent
FIRST = {"data_format": "channels_first"}
SHAPES = {1: (4, 9), 2: (4, 7, 6), 3: (4, 5, 6, 5)}


def made(axes: int) -> list[Any]:
    """Return the layers for an input of one, two or three axes beside the channels."""
    names = {name: getattr(L, f"{name}{axes}D") for name in (
        "Conv", "ZeroPadding", "Cropping", "UpSampling", "SpatialDropout", "MaxPooling",
        "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling", "AdaptiveMaxPooling",
        "AdaptiveAveragePooling")}  # fmt: skip
    found = [names["Conv"](3, 2, **FIRST), names["Conv"](4, 3, strides=2, padding="same", **FIRST),
             names["Conv"](4, 2, dilation_rate=2, groups=2, activation="relu", **FIRST),
             names["Conv"](3, 1, use_bias=False, **FIRST)]  # fmt: skip
    transpose = getattr(L, f"Conv{axes}DTranspose")
    found += [transpose(3, 2, strides=stride, padding=padding, **FIRST)
              for stride, padding in product((1, 2), ("valid", "same"))]  # fmt: skip
    found.append(transpose(3, 3, strides=2, output_padding=1, padding="same", **FIRST))
    for kind, padding in product(("MaxPooling", "AveragePooling"), ("valid", "same")):
        found.append(names[kind](2, padding=padding, **FIRST))
        if (kind, padding) != ("AveragePooling", "same"):
            found.append(names[kind](3, strides=2, padding=padding, **FIRST))
    for kind in ("GlobalMaxPooling", "GlobalAveragePooling"):
        found += [names[kind](**FIRST), names[kind](keepdims=True, **FIRST)]
    found += [names[kind](3, **FIRST) for kind in ("AdaptiveMaxPooling", "AdaptiveAveragePooling")]
    found += [names["ZeroPadding"](1, **FIRST), names["Cropping"](1, **FIRST)] if axes > 1 else [
        L.ZeroPadding1D((2, 1), **FIRST)]  # fmt: skip
    if axes > 1:
        found += [names["UpSampling"](2, **FIRST), names["SpatialDropout"](0.5, **FIRST)]
    found += [L.BatchNormalization(axis=1), L.GroupNormalization(2, axis=1), L.Flatten(**FIRST),
              L.UnitNormalization(axis=1), L.Softmax(axis=1),
              L.PReLU(shared_axes=list(range(2, axes + 2)))]  # fmt: skip
    if axes < 3:
        depthwise, separable = (
            getattr(L, f"{name}Conv{axes}D") for name in ("Depthwise", "Separable")
        )
        found += [depthwise(2, depth_multiplier=2, **FIRST),
                  depthwise(3, strides=2, padding="same", **FIRST), separable(3, 2, **FIRST),
                  separable(5, 3, padding="same", depth_multiplier=2, **FIRST)]  # fmt: skip
    if axes == 2:
        found += [L.UpSampling2D((2, 3), interpolation="bilinear", **FIRST),
                  L.Resizing(5, 9, **FIRST), L.CenterCrop(3, 4, **FIRST)]  # fmt: skip
    return found


def films() -> list[Any]:
    """Return recurrent layers of images."""
    return [
        L.ConvLSTM2D(3, 2, **FIRST),
        L.ConvLSTM2D(2, 3, padding="same", return_sequences=True, **FIRST),
        L.ConvLSTM2D(2, 2, strides=2, go_backwards=True, return_sequences=True, **FIRST),
        L.Bidirectional(L.ConvLSTM2D(2, 2, **FIRST), merge_mode="sum"),
        L.TimeDistributed(L.Conv2D(3, 2, **FIRST)),
    ]


def main() -> None:
    rng = np.random.default_rng(0)
    recorded = []
    with (
        TemporaryDirectory() as folder,
        zipfile.ZipFile(HERE / "channels_first.zip", "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for shape, found in (
            *((SHAPES[axes], made(axes)) for axes in SHAPES),
            ((3, 4, 6, 5), films()),
        ):
            keras.utils.clear_session()
            x = keras.Input(shape)
            model = keras.Model(x, [layer(x) for layer in found])
            for weight in model.weights:
                values = rng.normal(size=weight.shape, scale=0.5)
                weight.assign(np.abs(values) + 0.1 if "variance" in weight.name else values)
            path = Path(folder) / f"{len(recorded)}.keras"
            model.save(path)
            given = rng.normal(size=(2, *shape)).astype("float32")
            outputs = model(given, training=False)
            arrays = {f"y{i}": keras.ops.convert_to_numpy(y) for i, y in enumerate(outputs)}
            np.savez_compressed(path.with_suffix(".npz"), x=given, **arrays)
            lines: list[str] = []
            model.summary(print_fn=lines.append)
            for each in (path, path.with_suffix(".npz")):
                archive.write(each, each.name)
            recorded.append({"layers": [layer.name for layer in found],
                             "summary": "\n".join(lines)})  # fmt: skip
        versions = {"keras": keras.__version__, "backend": keras.backend.backend()}
        told = {"versions": versions, "models": recorded}
        archive.writestr("models.json", json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
