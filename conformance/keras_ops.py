"""Every operation of `keras.ops`, asked of rnncli: same text, shapes and values?

The calls of Keras's own tests of its operations are recorded while they run; each becomes a
functional model of that one operation, on the same shapes and arguments, saved as `.keras`.

    python conformance/keras_ops.py make DIR      # where keras, tensorflow and pytest are
    python conformance/keras_ops.py compare DIR   # where rnncli is; prints the table
    python conformance/keras_ops.py sample DIR    # writes one case of each for the tests
"""

import json
import sys
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import keras_records
import numpy as np

CASES = "cases.json"
LARGEST = 40_000  # values of an input; larger ones say nothing more


def make(folder: Path) -> None:
    """Write a model for each operation and set of arguments that Keras's tests call it with."""
    found = _recorded()
    import keras

    rng = np.random.default_rng(0)
    cases: list[dict[str, str]] = []
    for key, (operation, args, kwargs) in found.items():
        for constants in (False, True):
            case = {"file": f"{len(cases):04}", "operation": operation.__name__, "call": key[:300]}
            keras.utils.clear_session(free_memory=False)  # which takes a second
            try:
                model, x = _model(keras, operation, args, kwargs, constants, rng)
                if constants and len(x) == len(_tensors(args, kwargs)):
                    continue
                keras_records.record(keras, model, x, folder / case["file"], "keras")
                told = json.loads((folder / f"{case['file']}.told.json").read_text())
                case["why"] = "" if told["loaded"] else "Keras does not load it"
            except Exception as error:  # what Keras cannot build, save or run is no case
                case["why"] = f"{type(error).__name__}: {error}"[:200]
            cases.append(case)
    told = {"versions": {"keras": keras.__version__}, "cases": cases}
    (folder / CASES).write_text(json.dumps(told, indent=1))


def _recorded() -> dict[str, Any]:
    """Return the calls of operations in Keras's tests: class and config, arguments."""
    import pytest
    from keras.src import ops
    from keras.src.layers.layer import Layer
    from keras.src.ops.operation import Operation

    found: dict[str, Any] = {}
    plain = Operation.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(self, Layer) and ".ops." in type(self).__module__:
            key = f"{type(self).__name__}({self.get_config()}){_shown((args, kwargs))}"
            found.setdefault(key, ((type(self), self.get_config()), args, kwargs))
        return plain(self, *args, **kwargs)

    Operation.__call__ = call
    tests = Path(ops.__file__).parent
    files = [each for each in sorted(tests.glob("*_test.py")) if each.name != "ops_test.py"]
    pytest.main(["-q", "-k", "not Dtype", "--continue-on-collection-errors", "--tb=no", "-rN",
                 "-p", "no:cacheprovider", *map(str, files)])  # fmt: skip
    Operation.__call__ = plain
    return {key: (_Made(*made), args, kwargs) for key, (made, args, kwargs) in found.items()}


class _Made:
    """An operation by its class and config."""

    def __init__(self, kind: Any, config: dict[str, Any]) -> None:
        self.kind, self.config, self.__name__ = kind, config, kind.__name__

    def __call__(self) -> Any:
        return self.kind.from_config(self.config)


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and not callable(value)


def _shown(value: Any) -> str:
    if _is_tensor(value):
        return f"{value.dtype}{tuple(value.shape)}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}: {_shown(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_shown, value))})"
    return str(value)


def _tensors(*values: Any) -> list[Any]:
    return [each for each in keras_records.flat(list(values)) if _is_tensor(each)]


def _model(
    keras: Any, operation: Any, args: Any, kwargs: Any, constants: bool, rng: np.random.Generator
) -> Any:
    """Return a model of one operation and arrays for it; `constants`: it has only one input."""
    inputs: list[Any] = []
    x: list[np.ndarray] = []

    def symbol(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: symbol(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(symbol, value))
        if not _is_tensor(value):
            return value
        array = _array(value, rng)
        if constants and inputs:
            return array
        shape = tuple(value.shape)
        dtype = keras.backend.standardize_dtype(value.dtype)
        inputs.append(keras.Input(batch_shape=shape, dtype=dtype))
        x.append(array)
        return inputs[-1]

    given, named = symbol(tuple(args)), symbol(dict(kwargs))
    return keras.Model(inputs, operation()(*given, **named)), x


def _array(value: Any, rng: np.random.Generator) -> np.ndarray:
    sizes = [3 if size is None else int(size) for size in value.shape]
    if int(np.prod(sizes)) > LARGEST:
        raise ValueError("too large")
    dtype = str(getattr(value.dtype, "name", value.dtype))
    if type(value).__name__ != "KerasTensor":
        return np.asarray(value)
    if dtype == "bool":
        return rng.integers(0, 2, sizes) > 0
    if "int" in dtype:
        return rng.integers(1, 3, sizes).astype(dtype)
    return np.asarray(rng.normal(size=sizes)).astype("float32" if dtype == "bfloat16" else dtype)


def compare(folder: Path) -> None:
    """Print, per operation, how many of its cases are the same, refused and wrong."""
    read = json.loads((folder / CASES).read_text())
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    told = []
    for case in read["cases"]:
        if case["why"]:
            continue
        outcome, why = keras_records.compared(folder / case["file"])
        rows[case["operation"]][outcome] += 1
        if outcome != "same":
            told.append((outcome, case["operation"], case["file"], case["call"][:150], why[:300]))
    print("| operation | cases | same | refused | wrong |\n|---|---|---|---|---|")
    for name, row in [*sorted(rows.items()), ("all", sum(rows.values(), Counter()))]:
        counts = [row[each] for each in ("same", "refused", "wrong")]
        print(f"| {name} | {sum(counts)} | {' | '.join(map(str, counts))} |")
    for each in sorted(told):
        print(*each, sep="  ")


def sample(folder: Path) -> None:
    """Write the first case of each operation whose inputs are real numbers, for the tests."""
    first: dict[str, str] = {}
    for case in json.loads((folder / CASES).read_text())["cases"]:
        if not case["why"] and case["operation"] not in first and _is_real(folder / case["file"]):
            first[case["operation"]] = case["file"]
    target = Path(__file__).parents[1] / "tests" / "goldens" / "operations_each.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in sorted(first.items()):
            told = json.loads((folder / f"{file}.told.json").read_text())
            archive.writestr(f"{name}.told.json", json.dumps({**told, "texts": told["texts"][:1]}))
            for ending in ("keras", "npz"):
                archive.write(folder / f"{file}.{ending}", f"{name}.{ending}")


def _is_real(path: Path) -> bool:
    arrays = np.load(f"{path}.npz")
    inputs = [arrays[name] for name in arrays.files if name.startswith("x")]
    return all(each.dtype.kind in "biuf" and np.isfinite(each).all() for each in inputs)


if __name__ == "__main__":
    target = Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    {"make": make, "compare": compare, "sample": sample}[sys.argv[1]](target)
