"""Write a subclassed model and its weights, whose layers stand under its attributes.

Usage: python tests/goldens/make_subclassed.py   (needs keras and tensorflow; not run by the tests)
"""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.words = layers.Embedding(9, 4)
        self.reader = layers.LSTM(3, return_sequences=True)
        self.both = layers.Bidirectional(layers.GRU(2))
        self.blocks = [layers.Dense(4), layers.Dense(3)]
        self.heads = {"a": layers.GRU(2), "b": keras.Sequential([layers.Dense(2)])}
        self.scale = self.add_weight(shape=(2,), name="scale")

    def call(self, x: Any) -> Any:
        x = self.reader(self.words(x))
        y = self.blocks[1](self.blocks[0](self.both(x)))
        return self.heads["a"](x) + self.heads["b"](y) * self.scale


def main() -> None:
    model = Subclassed()
    model(np.zeros((2, 5), "int32"))
    model.save_weights(HERE / "subclassed.weights.h5")
    model.save(HERE / "subclassed.keras")
    told = {"keras": keras.__version__, "params": model.count_params()}
    (HERE / "subclassed.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
