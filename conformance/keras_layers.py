"""Keras's own layer tests, asked of rnncli: same text, counts, shapes and values?

The constructor arguments and inputs of every `run_layer_test` call are taken out of the installed
Keras's test files, each layer becomes a functional model with random weights, saved as `.keras`.

    python conformance/keras_layers.py make DIR      # where keras, tensorflow and pytest are
    python conformance/keras_layers.py compare DIR   # where rnncli is; prints the table
"""

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["COLUMNS"] = "200"  # else Keras crops its table at 80 columns

import numpy as np

CASES = "cases.json"


def make(folder: Path) -> None:
    """Write a model, its input and what Keras says of it for each call of `run_layer_test`."""
    import keras
    import pytest
    from keras.src import layers, testing

    records: list[dict[str, Any]] = []
    rng = np.random.default_rng(0)

    def record(
        self: Any, layer_cls: Any, init_kwargs: dict[str, Any], input_shape: Any = None,
        input_dtype: Any = None, input_data: Any = None, call_kwargs: Any = None, **rest: Any,
    ) -> None:  # fmt: skip
        name = f"{len(records):04}"
        case = {"file": name, "layer": layer_cls.__name__, "arguments": repr(init_kwargs)[:300],
                "test": self.id(), "why": ""}  # fmt: skip
        records.append(case)
        if rest.get("input_sparse") or rest.get("input_ragged"):
            case["why"] = "sparse input"
        if (call_kwargs or {}).get("training"):
            case["why"] = "training"
        if case["why"]:
            return
        try:
            keras.utils.clear_session()
            x = _values(input_shape, input_dtype, input_data, rng)
            model = _model(keras, layer_cls(**init_kwargs), x, call_kwargs or {})
            _randomize(model, rng)
            _save(keras, model, x, folder / name)
        except Exception as error:  # what Keras cannot save or run is no case
            case["why"] = f"{type(error).__name__}: {error}"[:200]

    testing.TestCase.run_layer_test = record
    root = Path(layers.__file__).parent
    files = sorted(map(str, root.rglob("*_test.py")))
    pytest.main(["-q", "--continue-on-collection-errors", "-p", "no:cacheprovider", "-rN",
                 "--tb=no", *files, "-k", "not quantiz"])  # fmt: skip
    versions = {"keras": keras.__version__, "backend": keras.backend.backend()}
    (folder / CASES).write_text(json.dumps({"versions": versions, "cases": records}, indent=1))


def _values(shape: Any, dtype: Any, data: Any, rng: np.random.Generator) -> Any:
    if data is not None:
        return _mapped(np.asarray, data)
    if isinstance(shape, dict):
        return {k.removesuffix("_shape"): _values(v, None, None, rng) for k, v in shape.items()}
    if isinstance(shape, list) and shape and isinstance(shape[0], tuple | list):
        return [_values(each, None, None, rng) for each in shape]
    sizes = [3 if size is None else size for size in shape]
    if dtype is not None and "int" in str(dtype):
        return rng.integers(0, 2, sizes).astype(str(dtype))
    return rng.normal(size=sizes).astype("float32")


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _mapped(function, each) for key, each in value.items()}
    if isinstance(value, list | tuple) and value and hasattr(value[0], "shape"):
        return [_mapped(function, each) for each in value]
    return function(value)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [each for key in value for each in _flat(value[key])]
    if isinstance(value, list | tuple):
        return [each for item in value for each in _flat(item)]
    return [value]


def _model(keras: Any, layer: Any, x: Any, call: dict[str, Any]) -> Any:
    def symbol(array: Any) -> Any:
        return keras.Input(batch_shape=(None, *array.shape[1:]), dtype=array.dtype.name)

    inputs = _mapped(symbol, x)
    outputs = layer(**inputs, **call) if isinstance(inputs, dict) else layer(inputs, **call)
    return keras.Model(_flat(inputs), outputs)


def _randomize(model: Any, rng: np.random.Generator) -> None:
    for weight in model.weights:
        if "float" not in str(weight.dtype) or "seed" in weight.path:
            continue
        values = rng.normal(size=weight.shape, scale=0.5)
        weight.assign(np.abs(values) + 0.1 if "variance" in weight.name else values)


def _save(keras: Any, model: Any, x: Any, path: Path) -> None:
    outputs = _flat(model(_flat(x) if len(model.inputs) > 1 else _flat(x)[0]))
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    model.save(f"{path}.keras")
    arrays = {f"x{index}": each for index, each in enumerate(_flat(x))}
    arrays |= {f"y{index}": keras.ops.convert_to_numpy(each) for index, each in enumerate(outputs)}
    np.savez(f"{path}.npz", **arrays)
    path.with_suffix(".txt").write_text("\n".join(lines))


def compare(folder: Path) -> None:
    """Print, per layer, in how many cases text, shapes and values agree, and what is refused."""
    read = json.loads((folder / CASES).read_text())
    print(f"Keras {read['versions']['keras']} ({read['versions']['backend']})\n")
    rows: dict[str, list[str]] = defaultdict(list)
    told = []
    for case in read["cases"]:
        if case["why"] or case["layer"] in _RANDOM:
            rows[case["layer"]].append("none")
            continue
        outcome, why = _compared(folder / case["file"])
        rows[case["layer"]].append(outcome)
        if outcome != "same":
            told.append((outcome, case["layer"], case["file"], case["arguments"], why))
    total = [each for row in rows.values() for each in row]
    print("| layer | cases | same | refused | wrong |\n|---|---|---|---|---|")
    for name, row in [*sorted(rows.items()), ("all", total)]:
        counts = [row.count(each) for each in ("same", "refused", "wrong")]
        if sum(counts):
            print(f"| {name} | {sum(counts)} | {' | '.join(map(str, counts))} |")
    for each in sorted(told):
        print(*each, sep="  ")


# Called in training, they draw what they do.
_RANDOM = ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D",
           "SpatialDropout2D", "SpatialDropout3D")  # fmt: skip


def _compared(path: Path) -> tuple[str, str]:
    from rnncli.errors import RnncliError
    from rnncli.formats import located, read
    from rnncli.forward import Request, forward
    from rnncli.render import Target, render
    from rnncli.report.summary import summarize

    arrays = np.load(f"{path}.npz")
    try:
        model = read(f"{path}.keras")
        text = render(summarize(model), "table", Target()).splitlines()
        expected = path.with_suffix(".txt").read_text().splitlines()
        if text != expected:
            pairs = [(a, b) for a, b in zip(text, expected, strict=False) if a != b]
            kind = "refused" if model.warnings else "wrong"
            return kind, f"text {pairs[:1] or (len(text), len(expected))} {model.warnings}"
        inputs = []
        for index in range(len(model.inputs)):
            np.save(f"{path}-{index}.npy", arrays[f"x{index}"])
            inputs.append((None, f"{path}-{index}.npy"))
        found = forward(located(model), Request(inputs=tuple(inputs))).arrays
    except RnncliError as error:
        return "refused", error.message
    except Exception as error:
        return "wrong", f"{type(error).__name__}: {error}"
    for index, ours in enumerate(found):
        theirs = arrays[f"y{index}"]
        assert ours is not None
        if ours.shape != theirs.shape:
            return "wrong", f"shape {ours.shape} for {theirs.shape}"
        largest = np.abs(theirs.astype("f8")).max(initial=1.0)
        apart = np.abs(ours.astype("f8") - theirs.astype("f8")).max(initial=0.0) / largest
        if not apart < 1e-5:
            return "wrong", f"values differ by {apart:.2g}"
    return "same", ""


if __name__ == "__main__":
    target = Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    {"make": make, "compare": compare}[sys.argv[1]](target)
