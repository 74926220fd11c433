"""Write what the real Keras says of each stack: names, shapes, weights, summary, values.

Usage: python tests/goldens/make_stacks.py   (needs keras and tensorflow; not run by the tests)
"""

import json
import os
from pathlib import Path

os.environ["COLUMNS"] = "200"  # else Keras crops its table at 80 columns

import keras
import numpy as np
from keras import layers
from stacks import STACKS

HERE = Path(__file__).parent
TOKENS = (layers.Embedding, layers.ReversibleEmbedding, layers.CategoryEncoding, layers.Hashing,
          layers.IntegerLookup)  # fmt: skip


def inputs_for(model: keras.Model, rng: np.random.Generator) -> np.ndarray:
    shape = (3, *model.input_shape[1:])
    if isinstance(model.layers[0], TOKENS):
        tokens = rng.integers(1, 9, shape)
        tokens[0, 4:] = tokens[1, :2] = tokens[2, 3] = 0  # padded after, before and within
        return tokens.astype("int32")
    x = rng.normal(size=shape).astype("float32")
    if any(isinstance(layer, layers.Masking) for layer in model.layers):
        x[0, 4:] = x[1, :2] = x[2, 3] = 0
    return x


def randomize(model: keras.Model, rng: np.random.Generator) -> None:
    for weight in model.weights:
        values = rng.normal(size=weight.shape, scale=0.5)
        weight.assign(np.abs(values) + 0.1 if "variance" in weight.name else values)


def shapes(layer: keras.Layer) -> list[list[int | None]]:
    return [list(tensor.shape) for tensor in layer._inbound_nodes[-1].outputs]


def main() -> None:
    rng = np.random.default_rng(0)
    records, arrays = [], {}
    for index, stack in enumerate(STACKS):
        keras.utils.clear_session()
        scope = {**vars(layers), "Input": keras.Input}
        model = keras.Sequential([eval(text, scope) for text in stack])
        randomize(model, rng)
        x = inputs_for(model, rng)
        outputs = model(x, training=False)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        lines: list[str] = []
        model.summary(print_fn=lines.append, show_trainable=index % 7 == 0)
        records.append(
            {
                "stack": stack,
                "show_trainable": index % 7 == 0,
                "summary": "\n".join(lines),
                "layers": [
                    {
                        "name": layer.name,
                        "type": type(layer).__name__,
                        "output_shapes": shapes(layer),
                        "params": layer.count_params(),
                        "weights": [[w.path, list(w.shape), w.trainable] for w in layer.weights],
                    }
                    for layer in model.layers
                ],
            }
        )
        arrays[f"{index}/x"] = x
        for weight in model.weights:
            arrays[f"{index}/w/{weight.path}"] = weight.numpy()
        for number, output in enumerate(outputs):
            arrays[f"{index}/y/{number}"] = np.asarray(output)
    versions = {"keras": keras.__version__, "backend": keras.backend.backend()}
    golden = {"versions": versions, "stacks": records}
    (HERE / "stacks.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
    np.savez_compressed(HERE / "stacks.npz", **arrays)


if __name__ == "__main__":
    main()
