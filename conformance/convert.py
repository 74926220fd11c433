"""`rnncli convert`, proved by the frameworks: what they load computes what it did before.

Every cell in one and both directions, of one and of two layers, with and without bias: a model of
Keras goes to PyTorch and ONNX, a module of PyTorch to Keras and ONNX. The result is loaded there
(`load_state_dict`, `set_weights`, a graph for ONNX Runtime) and run on the same input. So do the
layers without cells in `convert_layers.py`.

    python conformance/convert.py DIR [RNNCLI]   # where torch, keras, h5py, onnx, onnxruntime are

RNNCLI is the command, if it is not on the path. Prints a row per kind of conversion.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import onnx
import onnxruntime
import torch
from convert_layers import CASES, inputs_of, module, run_keras, run_torch
from convert_layers import RUN as RUN_LAYER
from convert_layers import keras_model as layer_model
from keras import layers

INPUTS, UNITS, STEPS, BOUND = 3, 4, 6, 1e-5
CELLS = {"SimpleRNN": "RNN", "LSTM": "LSTM", "GRU": "GRU"}
SHAPES = list(product(CELLS, (False, True), (1, 2), (True, False)))
X = np.random.default_rng(0).normal(size=(2, STEPS, INPUTS)).astype("float32")


def keras_model(cell: str, both: bool, depth: int, bias: bool) -> Any:
    """Return a stack with random weights, biases too."""
    stack = [layers.Input((STEPS, INPUTS))]
    for _ in range(depth):
        layer = getattr(layers, cell)(UNITS, return_sequences=True, use_bias=bias)
        stack.append(layers.Bidirectional(layer) if both else layer)
    model = keras.Sequential(stack)
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape, scale=0.5) for w in model.get_weights()])
    return model


def torch_module(cell: str, both: bool, depth: int, bias: bool) -> Any:
    """Return a module with random weights, its two biases different."""
    torch.manual_seed(2)
    module = getattr(torch.nn, CELLS[cell])(
        INPUTS, UNITS, depth, bias=bias, bidirectional=both, batch_first=True
    )
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


def converted(command: str, model: Path, to: str, suffix: str) -> dict[str, np.ndarray]:
    """Return the tensors that rnncli makes of a file."""
    out = model.with_suffix(f".{to}{suffix}")
    line = [command, "convert", str(model), "--to", to, "-o", str(out), "--format", "json"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["max_difference"] <= BOUND
    if suffix == ".npz":
        with np.load(out) as file:
            return dict(file)
    from safetensors.numpy import load_file

    return load_file(out)


def in_torch(tensors: dict[str, np.ndarray], case: tuple[Any, ...]) -> np.ndarray:
    """Return what modules compute that load the tensors: one for each name before the dot."""
    groups: dict[str, dict[str, Any]] = {}
    for name, array in tensors.items():
        group, _, inside = name.rpartition(".")
        groups.setdefault(group, {})[inside] = torch.from_numpy(array)
    x = torch.from_numpy(X)
    cell, both, _, bias = case
    with torch.no_grad():
        for state in groups.values():
            size = state["weight_ih_l0"].shape[1]
            module = getattr(torch.nn, CELLS[cell])(
                size, UNITS, bias=bias, bidirectional=both, batch_first=True
            )
            module.load_state_dict(state)
            x = module(x)[0]
    return x.numpy()


def in_keras(tensors: dict[str, np.ndarray], case: tuple[Any, ...]) -> np.ndarray:
    """Return what a model computes whose `set_weights` takes the tensors in their order."""
    model = keras_model(*case)
    model.set_weights(list(tensors.values()))
    return np.asarray(model.predict(X, verbose=0))


def in_onnx(tensors: dict[str, np.ndarray], case: tuple[Any, ...]) -> np.ndarray:
    """Return what ONNX Runtime computes with nodes that have the tensors."""
    cell, both, _, _ = case
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, array in tensors.items():
        group, _, inside = name.rpartition("/")
        groups.setdefault(group, {})[inside] = array
    x = X.swapaxes(0, 1)
    for each in groups.values():
        x = _node(CELLS[cell], both, each, x)
        x = x.transpose(0, 2, 1, 3).reshape(*x.shape[:1], x.shape[2], -1)
    return x.swapaxes(0, 1)


def _node(op: str, both: bool, tensors: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    node = onnx.helper.make_node(
        op, ["X", *tensors], ["Y"], hidden_size=UNITS,
        direction="bidirectional" if both else "forward",
        **({"linear_before_reset": 1} if op == "GRU" else {}),
    )  # fmt: skip
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node], "node", [value("X", 1, x.shape)], [value("Y", 1, None)],
        [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )  # fmt: skip
    opsets = [onnx.helper.make_opsetid("", 22)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"X": np.ascontiguousarray(x)})[0]


RUN = {"torch": in_torch, "keras": in_keras, "onnx": in_onnx}


def cases(folder: Path) -> Iterator[tuple[str, tuple[Any, ...], Path, np.ndarray]]:
    """Yield the framework, the case, the file and the output of every model."""
    for index, case in enumerate(SHAPES):
        model = keras_model(*case)
        path = folder / f"{index}.keras"
        model.save(path)
        yield "keras", case, path, np.asarray(model.predict(X, verbose=0))
        module = torch_module(*case)
        path = folder / f"{index}.pt"
        torch.save(module.state_dict(), path)
        with torch.no_grad():
            yield "torch", case, path, module(torch.from_numpy(X))[0].numpy()


def layer_cases(folder: Path) -> Iterator[tuple[str, Any, str, Path, np.ndarray]]:
    """Yield the framework, the case, where it goes, the file and the output of every layer."""
    for index, case in enumerate(CASES):
        model = layer_model(case)
        path = folder / f"layer_{index}.keras"
        model.save(path)
        expected = run_keras(model, inputs_of(case))
        yield "keras", case, "torch", path, expected
        if case.onnx is not None:
            yield "keras", case, "onnx", path, expected
        if case.pytorch:
            made = module(case)
            path = folder / f"layer_{index}.pt"
            torch.save(made, path)
            yield "torch", case, "keras", path, run_torch(case, made, inputs_of(case))


def main(folder: Path, command: str = "rnncli") -> None:
    """Convert every model to the other frameworks and print how many compute the same there."""
    folder.mkdir(parents=True, exist_ok=True)
    good, all_, largest = Counter(), Counter(), Counter()
    for source, case, path, expected in cases(folder):
        for to, suffix in product(RUN, (".npz", ".safetensors")):
            if to == source or (to == "keras" and suffix != ".npz"):  # which keeps the order
                continue
            tensors = converted(command, path, to, suffix)
            apart = float(np.abs(RUN[to](tensors, case) - expected).max())
            key = f"{source} to {to}, {suffix}"
            all_[key] += 1
            good[key] += apart <= BOUND
            largest[key] = max(largest[key], apart)
            if apart > BOUND:
                print(f"{key}: {case} differs by {apart:.3g}")
    for source, case, to, path, expected in layer_cases(folder):
        key = f"{source} to {to}, layers without cells"
        all_[key] += 1
        try:
            found = RUN_LAYER[to](converted(command, path, to, ".npz"), case)
        except subprocess.CalledProcessError as error:
            print(f"{key}: {case.name}: {error.stderr.strip()}")
            continue
        apart = float(np.abs(found - expected).max())
        good[key] += apart <= BOUND
        largest[key] = max(largest[key], apart)
        if apart > BOUND:
            print(f"{key}: {case.name} differs by {apart:.3g}")
    versions = f"Keras {keras.__version__}, PyTorch {torch.__version__}, "
    print(f"{versions}ONNX Runtime {onnxruntime.__version__}; at most {BOUND:g} apart")
    for key in all_:
        print(f"{key}: {good[key]} of {all_[key]}, largest difference {largest[key]:.2g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
