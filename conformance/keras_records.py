"""A model, its files and what Keras says of them, as a case; and whether rnncli says the same."""

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["COLUMNS"] = "200"  # else Keras crops its table at 80 columns

import numpy as np

# The settings at which the texts of summaries are compared.
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"expand_nested": True},
    {"show_trainable": True},
    {"line_length": 130, "expand_nested": True, "show_trainable": True},
)
FORMATS = ("keras", "h5", "weights.h5", "weights.json", "folder", "json", "savedmodel")
WEIGHTS = ("weights.h5", "weights.json")  # beside the config, which is a file of its own


def flat(value: Any) -> list[Any]:
    """Return the tensors of a nest in Keras's order: the keys of a dict sorted."""
    if isinstance(value, dict):
        return [each for key in sorted(value) for each in flat(value[key])]
    if isinstance(value, list | tuple):
        return [each for item in value for each in flat(item)]
    return [value]


def randomize(model: Any, rng: np.random.Generator) -> None:
    """Give a model random weights, biases too: constant ones cannot tell two gates apart."""
    for weight in model.weights:
        if "float" not in str(weight.dtype) or "seed" in getattr(weight, "path", weight.name):
            continue
        values = rng.normal(size=weight.shape, scale=0.5)
        weight.assign(np.abs(values) + 0.1 if "variance" in weight.name else values)


def record(keras: Any, model: Any, x: Any, path: Path, kind: str) -> None:
    """Write a model in a format, its inputs and outputs, and what Keras says of the file.

    What Keras says of the file once it has loaded it is the reference; where it cannot load what
    it has written, what it says of the model itself. Where it loads other values than it wrote,
    both are kept.
    """
    arrays = [np.asarray(each) for each in flat(x)]
    given = x if len(arrays) > 1 or isinstance(x, dict) else arrays[0]
    wanted = _outputs(keras, model, given)
    loaded, whole = _saved(keras, model, path, kind)
    shown, again = model, "no"
    if loaded is not None:
        found = wanted if kind == "json" else _outputs(keras, loaded, given)
        shown, again = loaded, "yes" if _same(found, wanted) else "other"
    compiled = whole and _text(whole, {})
    optimizer = getattr(shown, "optimizer", None)
    if optimizer is not None:
        shown.optimizer = None  # `summary` shows what it holds, which `compile=False` does not load
    texts = [_text(shown, setting) for setting in SETTINGS]
    count = [sum(int(np.prod(w.shape)) for w in weights)
             for weights in (shown.weights, shown.trainable_weights)]  # fmt: skip
    told = {"texts": texts, "rows": _rows(shown), "params": count, "kind": kind,
            "compiled": compiled, "half": _half(model),
            "names": [str(each.name).partition(":")[0] for each in model.inputs or ()],
            "keras": keras.__version__, "loaded": again}  # fmt: skip
    Path(f"{path}.told.json").write_text(json.dumps(told))
    held = {f"x{index}": each for index, each in enumerate(arrays)}
    held |= {f"y{index}": each for index, each in enumerate(wanted)}
    if again == "other":
        held |= {f"z{index}": each for index, each in enumerate(found)}
    np.savez(f"{path}.npz", **held)


def _saved(keras: Any, model: Any, path: Path, kind: str) -> tuple[Any, Any]:
    """Write the file, and return what Keras loads from it, without and with its optimizer."""
    file, unsafe, load = f"{path}.{kind}", _unsafe(keras), keras.models.load_model
    if kind in ("json", *WEIGHTS):
        Path(f"{path}.json").write_text(model.to_json())
        if kind in WEIGHTS:
            more = {"max_shard_size": 2e-6} if kind == "weights.json" else {}
            model.save_weights(file, **more)
        loaded = _loaded(keras.models.model_from_json, json.dumps(_uncompiled(model)))
        return _loaded(_with_weights, loaded, file) if kind in WEIGHTS else loaded, None
    if kind == "folder":
        model.save(file, zipped=False)
    elif kind == "savedmodel":
        model.save(file, save_format="tf")
    else:
        model.save(file)
    whole = None
    if getattr(model, "optimizer", None) is not None and kind != "savedmodel":
        whole = _loaded(load, file, **unsafe)
    return _loaded(load, file, compile=False, **unsafe), whole


def _half(model: Any) -> bool:
    """Whether any layer computes in less than float32."""
    layers = model._flatten_layers() if hasattr(model, "_flatten_layers") else ()
    return any("16" in str(getattr(each, "compute_dtype", "")) for each in layers)


def _uncompiled(model: Any) -> dict[str, Any]:
    return {**json.loads(model.to_json()), "compile_config": None}


def _with_weights(model: Any, file: str) -> Any:
    model.load_weights(file)
    return model


def _unsafe(keras: Any) -> dict[str, Any]:
    return {"safe_mode": False} if keras.__version__.startswith("3") else {}


def _loaded(load: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return load(*args, **kwargs)
    except Exception:  # what Keras itself cannot load, rnncli may
        return None


def _outputs(keras: Any, model: Any, given: Any) -> list[np.ndarray]:
    model.reset_states() if hasattr(model, "reset_states") else None
    for layer in model._flatten_layers() if hasattr(model, "_flatten_layers") else ():
        if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
            layer.reset_state()
    return [_plain(each) for each in flat(model(given, training=False))]


def _plain(tensor: Any) -> np.ndarray:
    """Return a tensor as an array of a dtype that NumPy stores."""
    array = np.asarray(tensor)
    return array if array.dtype.kind in "fiub" else array.astype("float32")


def _same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and np.allclose(a, b, atol=1e-5) for a, b in zip(one, other, strict=True)
    )


def _text(model: Any, setting: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line), **setting)
    return "\n".join(lines).split("\n")


def _rows(model: Any) -> list[Any]:
    return [[layer.name, type(layer).__name__, layer.count_params() if layer.built else None]
            for layer in model.layers]  # fmt: skip


def compared(path: Path, run: bool = True) -> tuple[str, str]:
    """Return "same", "refused", "unread" or "wrong" for a case, and why.

    "refused" is an answer that says what it lacks, or an error of one line; "unread": Keras cannot
    load the file, and rnncli says something else of it than Keras did before it was written.
    """
    from rnncli.errors import RnncliError

    told = json.loads(Path(f"{path}.told.json").read_text())
    try:
        outcome, why = _compared(path, told, run)
    except RnncliError as error:
        outcome, why = "refused", error.message
    except Exception as error:
        return "wrong", f"{type(error).__name__}: {error}"
    if outcome in ("wrong", "refused") and told.get("loaded") == "no":
        return "unread", why
    return outcome, why


def _compared(path: Path, told: dict[str, Any], run: bool) -> tuple[str, str]:
    from rnncli.formats import attach_weights, located, read
    from rnncli.forward import Request, forward

    kind = told["kind"]
    optimizer = bool(told.get("compiled"))
    model = read(f"{path}.json" if kind in WEIGHTS else f"{path}.{kind}", optimizer)
    if kind in WEIGHTS:
        model = attach_weights(model, f"{path}.{kind}")
    partial = "refused" if model.warnings else "wrong"
    if [model.params, model.trainable_params] != told["params"]:
        return partial, (f"counts {model.params, model.trainable_params} for {told['params']} "
                         f"{model.warnings}")  # fmt: skip
    problem = _differing_text(model, told)
    if problem:
        return partial, f"text {problem} {model.warnings}"
    if kind == "json" or not run:
        return "same", ""
    arrays, given = np.load(f"{path}.npz"), []
    for index, ref in enumerate(model.inputs):
        names = told["names"]
        number = names.index(ref.layer) if ref.layer in names else index
        np.save(f"{path}-{index}.npy", arrays[f"x{number}"])
        given.append((ref.layer, f"{path}-{index}.npy"))
    weights = f"{path}.{kind}" if kind in WEIGHTS else None
    asked = {"inputs": tuple(given), "weights": weights}
    result = forward(located(model), Request(**asked))
    letters = "zy" if told.get("loaded") == "other" else "y"
    bound = 0.05 if told.get("half") else 1e-5
    outcomes = [_values(result.arrays, arrays, letter, bound) for letter in letters]
    if "same" not in [outcome for outcome, _ in outcomes]:  # then float32 may not suffice
        exact = forward(located(model), Request(**asked, dtype="float64")).arrays
        bound = max(bound, *(3 * _apart(*pair) for pair in zip(result.arrays, exact, strict=True)))
        outcomes += [_values(exact, arrays, letter, min(bound, 0.01)) for letter in letters]
    warned = [each for each in result.warnings if not each.startswith("computed in ")]
    if "same" in [outcome for outcome, _ in outcomes]:
        return "same", ""
    return ("refused", f"{outcomes[0][1]} {warned}") if warned else outcomes[0]


def _differing_text(model: Any, told: dict[str, Any]) -> str:
    from rnncli.render import Target, render
    from rnncli.report.summary import summarize

    if told["keras"].startswith("2"):
        found = [[layer.name, layer.type, layer.params if layer.built else None]
                 for layer in model.rows]  # fmt: skip
        return "" if found == told["rows"] else str([*zip(found, told["rows"], strict=False)])
    if told["compiled"] and told["texts"]:
        text = render(summarize(model, optimizer=True), "table", Target()).split("\n")
        if text != told["compiled"]:
            return f"--optimizer {text[-6:]} for {told['compiled'][-6:]}"
    for setting, expected in zip(SETTINGS, told["texts"], strict=False):
        options = {key: value for key, value in setting.items() if key != "line_length"}
        target = Target(line_length=setting.get("line_length"))
        text = render(summarize(model, **options), "table", target).split("\n")
        if text != expected:
            apart = [pair for pair in zip(text, expected, strict=False) if pair[0] != pair[1]]
            return f"{setting} {apart[:1] or (len(text), len(expected))}"
    return ""


def _values(found: Any, arrays: Any, letter: str, bound: float) -> tuple[str, str]:
    if f"{letter}{len(found)}" in arrays.files or f"{letter}{len(found) - 1}" not in arrays.files:
        return "wrong", f"{len(found)} outputs"
    for index, ours in enumerate(found):
        theirs = arrays[f"{letter}{index}"]
        if ours.shape != theirs.shape:
            return "wrong", f"shape {ours.shape} for {theirs.shape}"
        if not _apart(ours, theirs) <= bound:
            return "wrong", f"values differ by {_apart(ours, theirs):.2g}"
    return "same", ""


def _apart(ours: Any, theirs: Any) -> float:
    """Return the largest difference, relative to the largest value where that is over 1."""
    one, other = (each.astype("c16" if each.dtype.kind == "c" else "f8") for each in (ours, theirs))
    finite = np.isfinite(other)
    if not np.array_equal(np.isfinite(one), finite):
        return float("inf")
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        return float("inf")
    largest = np.abs(other[finite]).max(initial=1.0)
    return float(np.abs(one[finite] - other[finite]).max(initial=0.0) / largest)
