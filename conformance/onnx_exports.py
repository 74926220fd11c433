"""Exports of recurrent models to ONNX, asked of rnncli: same values, counts and products?

    python conformance/onnx_exports.py torch DIR        # where torch, onnxscript, onnxruntime are
    python conformance/onnx_exports.py tensorflow DIR   # where tf_keras, tf2onnx, onnxruntime are
    python conformance/onnx_exports.py compare DIR [-v] # where rnncli is; prints the table

Values are held to ONNX Runtime's, `Total params` to the module's own count, and the
multiply-accumulates of the recurrent nodes to `batch * steps * gates * units * (inputs + units)`.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3, "SimpleRNN": 1}
SCRIPT_OPSETS = (9, 11, 13, 15, 17, 18, 20)
DYNAMO_OPSETS = (18, 20, 21, 23)
BATCH, STEPS, SIZE = 3, 6, 5


def record(folder: Path, name: str, inputs: dict[str, Any], **facts: Any) -> None:
    """Write what ONNX Runtime makes of an export, beside the facts that its author knows of it."""
    import numpy as np
    import onnxruntime

    path = folder / f"{name}.onnx"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1  # by the number of which DynamicQuantizeLSTM cuts the batch
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    named = {each.name: array for each, array in zip(session.get_inputs(), inputs.values(),
                                                     strict=True)}  # fmt: skip
    outputs = session.run(None, named)
    arrays = {f"x/{key}": array for key, array in named.items()}
    arrays |= {f"y/{number}": array for number, array in enumerate(outputs)}
    np.savez(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(json.dumps(facts))


def torch_exports(folder: Path) -> None:
    """Export modules by both exporters of PyTorch."""
    import torch
    from onnx_torch_modules import Tagger, Wrapped, recurrent_macs

    rng = random.Random(0)
    torch.manual_seed(0)
    for dynamo in (False, True):
        for opset in DYNAMO_OPSETS if dynamo else SCRIPT_OPSETS:
            for number in range(9 if dynamo else 12):
                kind = ("RNN", "LSTM", "GRU")[number % 3]
                options = {
                    "bidirectional": rng.random() < 0.5, "num_layers": rng.choice((1, 1, 2)),
                    "batch_first": rng.random() < 0.5, "bias": rng.random() < 0.8,
                }  # fmt: skip
                if kind == "RNN":
                    options["nonlinearity"] = rng.choice(("tanh", "relu"))
                states, half = rng.random() < 0.4, not dynamo and opset >= 13 and number == 10
                module: Any = Wrapped(kind, SIZE, 4, states, options)
                tagged = number >= (6 if dynamo else 8) and not half
                if tagged:
                    module = Tagger(kind, number, options)
                for weight in module.parameters():  # a module's own zeros and ones are all alike
                    torch.nn.init.normal_(weight, std=0.4)
                inputs = module.example(BATCH, STEPS, SIZE)
                name = f"{'dynamo' if dynamo else 'script'}{opset}_{number:02}_{kind}"
                if half:
                    module, inputs = module.half(), [each.half() for each in inputs]
                _export(folder, name, module.eval(), inputs, dynamo, opset, rng.random() < 0.6,
                        recurrent_macs(module, BATCH, STEPS))  # fmt: skip


def _export(
    folder: Path, name: str, module: Any, inputs: list[Any], dynamo: bool, opset: int,
    open_axes: bool, macs: int,
) -> None:  # fmt: skip
    import torch

    path = folder / f"{name}.onnx"
    names = module.names
    axes = module.axes() if open_axes else None
    more: dict[str, Any] = {}
    if axes and dynamo:
        sizes = {key: torch.export.Dim(key, min=2, max=99) for key in ("batch", "steps")}
        first, *others = ({axis: sizes[each] for axis, each in axes[key].items()} for key in names)
        more["dynamic_shapes"] = {"x": first, **({"states": tuple(others)} if others else {})}
    elif axes:
        more["dynamic_axes"] = axes
    try:
        torch.onnx.export(module, tuple(inputs), str(path), input_names=names, opset_version=opset,
                          dynamo=dynamo, **more)  # fmt: skip
        params = sum(each.numel() for each in module.parameters())
        given = dict(zip(names, (each.numpy() for each in inputs), strict=True))
        record(folder, name, given, params=params, macs=macs)
        if not dynamo and name.endswith(("LSTM", "GRU")) and inputs[0].dtype == torch.float32:
            _quantise(folder, name, given, params, macs)
    except Exception as error:  # what an exporter or the runtime does not support is no case
        print(f"{name}: not made: {type(error).__name__}: {str(error)[:150]}".replace("\n", " "))
        path.unlink(missing_ok=True)


def _quantise(folder: Path, name: str, given: dict[str, Any], params: int, macs: int) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = f"{name}_int8"
    kind = QuantType.QInt8 if "0" in name[-6:] else QuantType.QUInt8
    source, made = (str(folder / f"{each}.onnx") for each in (name, target))
    quantize_dynamic(source, made, weight_type=kind)
    record(folder, target, given, params=params, macs=macs, quantised=True)


def tensorflow_exports(folder: Path) -> None:
    """Export Keras models by tf2onnx."""
    import numpy as np
    import tensorflow as tf
    import tf2onnx
    import tf_keras as keras

    rng, layers = random.Random(1), keras.layers
    values = np.random.default_rng(1)
    for number in range(60):
        keras.backend.clear_session()
        kind, opset = ("SimpleRNN", "LSTM", "GRU")[number % 3], (9, 11, 13, 15, 17, 18)[number % 6]
        options: dict[str, Any] = {"return_sequences": rng.random() < 0.5}
        options["unroll"] = rng.random() < 0.15
        options["use_bias"] = rng.random() < 0.85
        if kind == "GRU":
            options["reset_after"] = rng.random() < 0.5
        if rng.random() < 0.2:
            options["activation"] = rng.choice(("relu", "softsign", "elu"))
        if rng.random() < 0.2:
            options["go_backwards"] = True
        masked, words = rng.random() < 0.3, rng.random() < 0.3
        fixed = STEPS if options["unroll"] or rng.random() < 0.5 else None
        x = keras.Input((fixed,) if words else (fixed, SIZE), dtype="int32" if words else "float32")
        y = layers.Embedding(11, SIZE, mask_zero=masked)(x) if words else x
        if masked and not words:
            y = layers.Masking()(y)
        if rng.random() < 0.2 and not masked:
            y = layers.Conv1D(SIZE, 3, padding="same", activation="relu")(y)
        if rng.random() < 0.3:
            y = getattr(layers, kind)(6, return_sequences=True)(y)
        layer = getattr(layers, kind)(4, **options)
        y = layers.Bidirectional(layer)(y) if rng.random() < 0.4 else layer(y)
        if rng.random() < 0.3:
            y = layers.LayerNormalization()(y)
        if rng.random() < 0.5:
            y = layers.Dense(3, activation="softmax")(y)
        model = keras.Model(x, y)
        for weight in model.weights:
            weight.assign(values.normal(size=weight.shape, scale=0.4))
        name = f"tf2onnx{opset}_{number:02}_{kind}"
        shape = (BATCH, STEPS) if words else (BATCH, STEPS, SIZE)
        array = values.integers(0, 11, shape).astype("int32") if words else values.normal(
            size=shape).astype("float32")  # fmt: skip
        if masked and not words:
            array[0, 4:] = 0
        try:
            tf2onnx.convert.from_keras(
                model, (tf.TensorSpec(x.shape, x.dtype, name="x"),), opset=opset,
                output_path=str(folder / f"{name}.onnx"),
            )  # fmt: skip
            record(folder, name, {"x": array}, params=int(model.count_params()))
        except Exception as error:
            print(f"{name}: not made: {type(error).__name__}: {str(error)[:150]}")
            (folder / f"{name}.onnx").unlink(missing_ok=True)


def compare(folder: Path, verbose: bool) -> None:
    """Print how many exports rnncli runs, counts and prices as their authors do."""
    import numpy as np
    import onnx

    found = [(path, *_compared(path)) for path in sorted(folder.glob("*.json"))]
    for path, outcome, why in found if verbose else ():
        if outcome != "equal" or why:
            print(f"{outcome:8} {path.stem}: {why}")
    print(f"onnx {onnx.__version__}, numpy {np.__version__}")
    for kind in ("script", "dynamo", "tf2onnx", ""):
        of = [each for each in found if each[0].stem.startswith(kind)]
        counts = [sum(outcome == each for _, outcome, _ in of) for each in OUTCOMES]
        facts = [sum(not why.count(what) for _, _, why in of) for what in ("params", "MACs")]
        if of:
            outcomes = (f"{n} {each}" for n, each in zip(counts, OUTCOMES, strict=True))
            print(f"{kind or 'all':8} {len(of):4} files:", *outcomes,
                  f"{facts[0]} params {facts[1]} MACs")  # fmt: skip


OUTCOMES = ("equal", "refused", "wrong", "crashed")


def _compared(record: Path) -> tuple[str, str]:
    """Return how the values compare, and which of the counts differ."""
    import numpy as np
    from onnx_nodes import run

    model, facts = record.with_suffix(".onnx"), json.loads(record.read_text())
    arrays = np.load(record.with_suffix(".npz"))
    given = []
    for key in arrays.files:
        if key.startswith("x/"):
            path = Path("/tmp") / f"given{len(given)}.npy"
            np.save(path, arrays[key])
            given += ["--input", f"{key[2:]}={path}"]
    target = Path("/tmp/given.npz")
    why = _counted(model, facts)
    code, said = run(["forward", str(model), *given, "-o", str(target)])
    if code:
        return ("refused" if code == 2 else "crashed"), f"{said.partition(chr(10))[0]} {why}"
    wanted = [arrays[key] for key in arrays.files if key.startswith("y/")]
    with np.load(target) as made:
        got = [made[name] for name in made.files]
    tolerance = 1e-2 if wanted[0].dtype == np.float16 else 1e-5
    for one, other in zip(got, wanted, strict=True):
        if one.shape != other.shape or one.dtype != other.dtype:
            return "wrong", f"{one.dtype} {one.shape} for {other.dtype} {other.shape} {why}"
        if not np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True):
            return "wrong", f"{np.abs(one - other).max():.3g} off {why}"
    return "equal", why


def _counted(model: Path, facts: dict[str, Any]) -> str:
    """Return which counts differ from the module's: its parameters, and its recurrent MACs."""
    from rnncli.errors import RnncliError
    from rnncli.formats import read
    from rnncli.graph.sizes import sized
    from rnncli.report.macs import macs_of

    try:
        found = read(str(model))
        text = (
            ""
            if found.params == facts["params"]
            else f"params {found.params} for {facts['params']}"
        )
        if "macs" in facts:
            filled = sized(found, BATCH, STEPS)
            macs = [
                macs_of(layer)[1]
                for layer in filled.layers
                if layer.kind and layer.kind.endswith(("RNN", "LSTM", "GRU"))
            ]
            total = None if None in macs else sum(each or 0 for each in macs)
            if total != facts["macs"] and macs:  # else an exporter has unrolled them
                text += f" MACs {total} for {facts['macs']}"
    except RnncliError as error:
        return f"params MACs {error}"
    return text


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    where.mkdir(parents=True, exist_ok=True)
    if what == "compare":
        compare(where, "-v" in sys.argv)
    else:
        {"torch": torch_exports, "tensorflow": tensorflow_exports}[what](where)
