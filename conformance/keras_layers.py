"""Keras's own layer tests, and more_layers.py, asked of rnncli: same text, counts, shapes, values?

The constructor arguments and inputs of every `run_layer_test` call are taken out of the installed
Keras's test files; each layer, and each case of more_layers.py, becomes a functional model with
random weights, saved as `.keras`. Values are those of the model that Keras loads from the file.

    python conformance/keras_layers.py make DIR      # where keras, tensorflow and pytest are
    python conformance/keras_layers.py compare DIR   # where rnncli is; prints the table
"""

import inspect
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
from more_layers import CASES as MORE
from more_layers import Case

RECORDS = "cases.json"
Build = Callable[[], tuple[Any, list[Any]]]


class Maker:
    """Writes a model, its inputs and what Keras says of it per case."""

    def __init__(self, folder: Path) -> None:
        import keras

        self.keras, self.folder = keras, folder
        self.records: list[dict[str, Any]] = []
        self.rng = np.random.default_rng(0)

    def add(self, layer: str, text: str, origin: str, build: Build, then: str = "") -> None:
        """Save the model that `build` returns with its inputs; what fails is no case."""
        name = f"{len(self.records):04}"
        case = {"file": name, "layer": layer, "arguments": text[:300], "origin": origin, "why": ""}
        self.records.append(case)
        self.keras.utils.clear_session(free_memory=False)  # which takes a second
        try:
            model, inputs = build()
            self._randomize(model)
            if then:
                eval(f"model.{then}", {"model": model, "K": self.keras})
            self._save(model, inputs, self.folder / name, ours=bool(then))
        except Exception as error:
            case["why"] = f"{type(error).__name__}: {error}"[:200]

    def from_test(
        self, test: Any, layer_cls: Any, init_kwargs: dict[str, Any], input_shape: Any = None,
        input_dtype: Any = None, input_data: Any = None, call_kwargs: Any = None, **rest: Any,
    ) -> None:  # fmt: skip
        """Stand in for `run_layer_test`."""
        call = {key: value for key, value in (call_kwargs or {}).items() if key != "training"}

        def build() -> tuple[Any, list[Any]]:
            x = self._values(input_shape, input_dtype, input_data)
            inputs = _mapped(self._symbol, x)
            layer = layer_cls(**init_kwargs)
            given = isinstance(inputs, dict) and rest.get("expected_mask_shape") is None
            named = given and "images" not in inputs
            outputs = layer(**inputs, **call) if named else layer(inputs, **call)
            return self.keras.Model(_flat(inputs), outputs), _flat(x)

        self.add(layer_cls.__name__, repr(init_kwargs), test.id(), build)

    def from_case(self, case: Case) -> None:
        """Add one of more_layers.py."""

        def build() -> tuple[Any, list[Any]]:
            arrays = [self._drawn(shape, "Masking" in case.text) for shape in case.inputs]
            symbols = [self._symbol(each) for each in arrays]
            names = dict(zip("xyz", symbols, strict=False))
            scope = {"K": self.keras, "L": self.keras.layers, **names}
            return self.keras.Model(symbols, eval(case.text, scope)), arrays

        text = f"{case.text} {case.inputs} {case.then}"
        self.add(case.layer, text, "more_layers.py", build, case.then)

    def _drawn(self, shape: str, masked: bool) -> Any:
        tokens, sizes = shape.startswith("i"), [int(n) for n in shape.lstrip("i").split(",")]
        if tokens:
            return self.rng.integers(0, 9, (3, *sizes)).astype("int32")
        x = self.rng.normal(size=(3, *sizes)).astype("float32")
        if masked:
            x[0, 4:] = x[1, :2] = x[2, 3] = 0  # after, before and within
        return x

    def _values(self, shape: Any, dtype: Any, data: Any) -> Any:
        if data is not None:
            return _mapped(np.asarray, data)
        if isinstance(shape, dict):
            named = {key.removesuffix("_shape"): value for key, value in shape.items()}
            return {key: self._values(value, None, None) for key, value in named.items()}
        if isinstance(shape, list | tuple) and shape and isinstance(shape[0], tuple | list):
            return [self._values(each, None, None) for each in shape]
        sizes = [3 if size is None else size for size in shape]
        if dtype is not None and "int" in str(dtype):
            return self.rng.integers(0, 2, sizes).astype(str(dtype))
        return self.rng.normal(size=sizes).astype("float32")

    def _symbol(self, array: Any) -> Any:
        return self.keras.Input(batch_shape=(None, *array.shape[1:]), dtype=array.dtype.name)

    def _randomize(self, model: Any) -> None:
        for weight in model.weights:
            if "float" not in str(weight.dtype) or "seed" in weight.path:
                continue
            values = self.rng.normal(size=weight.shape, scale=0.5)
            positive = "variance" in weight.name or "stddev" in weight.name
            weight.assign(np.abs(values) + 0.1 if positive else values)

    def _save(self, model: Any, inputs: list[Any], path: Path, ours: bool) -> None:
        lines: list[str] = []
        model.summary(print_fn=lines.append)
        model.save(f"{path}.keras")
        try:
            model = self.keras.saving.load_model(f"{path}.keras")
        except Exception:  # of a class that the file alone does not know
            if ours:  # Keras cannot read what it has written
                raise
        outputs = _flat(model(inputs if len(inputs) > 1 else inputs[0], training=False))
        arrays = {f"x{index}": each for index, each in enumerate(inputs)}
        arrays |= {f"y{i}": self.keras.ops.convert_to_numpy(y) for i, y in enumerate(outputs)}
        np.savez(f"{path}.npz", **arrays)
        path.with_suffix(".txt").write_text("\n".join(lines))


def make(folder: Path) -> None:
    """Write what Keras says of each case."""
    import pytest

    maker = Maker(folder)
    for case in MORE:
        maker.from_case(case)
    if "--more" not in sys.argv:
        from keras.src import layers, testing

        def run(self: Any, *args: Any, **kwargs: Any) -> None:
            maker.from_test(self, *args, **kwargs)

        testing.TestCase.run_layer_test = run
        files = sorted(map(str, Path(layers.__file__).parent.rglob("*_test.py")))
        pytest.main(["-q", "--continue-on-collection-errors", "-p", "no:cacheprovider", "--tb=no",
                     "-rN", *files], plugins=[Chosen()])  # fmt: skip
    keras = maker.keras
    versions = {"keras": keras.__version__, "backend": keras.backend.backend()}
    told = {"versions": versions, "cases": maker.records}
    (folder / RECORDS).write_text(json.dumps(told, indent=1))


class Chosen:
    """Keeps the tests that call `run_layer_test`."""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [each for each in items if "run_layer_test" in _source(each)]


def _source(item: Any) -> str:
    try:
        return inspect.getsource(inspect.getmodule(item.function) and item.cls)
    except (OSError, TypeError, AttributeError):
        return "run_layer_test"


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


def compare(folder: Path) -> None:
    """Print, per layer, in how many cases text, shapes and values agree, and what is refused."""
    read = json.loads((folder / RECORDS).read_text())
    print(f"Keras {read['versions']['keras']} ({read['versions']['backend']})\n")
    rows: dict[str, list[str]] = defaultdict(list)
    told = []
    for case in read["cases"]:
        if case["why"]:
            rows[case["layer"]].append("none")
            continue
        outcome, why = _compared(folder / case["file"])
        rows[case["layer"]].append(outcome)
        if outcome not in ("same", "none"):
            told.append((outcome, case["layer"], case["file"], case["arguments"], why))
    total = [each for row in rows.values() for each in row]
    print("| layer | cases | same | refused | wrong |\n|---|---|---|---|---|")
    for name, row in [*sorted(rows.items()), ("all", total)]:
        counts = [row.count(each) for each in ("same", "refused", "wrong")]
        if sum(counts):
            print(f"| {name} | {sum(counts)} | {' | '.join(map(str, counts))} |")
    for each in sorted(told):
        print(*each, sep="  ")


def _compared(path: Path) -> tuple[str, str]:
    from rnncli.errors import RnncliError
    from rnncli.formats import located, read
    from rnncli.forward import Request, forward
    from rnncli.render import Target, render
    from rnncli.report.summary import summarize

    arrays = np.load(f"{path}.npz", allow_pickle=True)  # texts are objects to Keras
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
        if theirs.dtype.kind not in "fiub":
            return "none", "its output is no number"
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
