"""Write recurrent ONNX nodes with what is rare, and what they compute.

Run where onnx and onnxruntime are: `python tests/goldens/make_onnx_cells.py`. Values are those of
ONNX Runtime; of ONNX's own test_lstm_with_peepholes those that ONNX states.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

TARGET = Path(__file__).parent / "onnx" / "cells.npz"
RNG = np.random.default_rng(0)
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
BATCH, STEPS, SIZE, UNITS = 2, 5, 3, 4

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "peepholes": ("LSTM", {"peepholes": True}),
    "peepholes_reverse": ("LSTM", {"peepholes": True, "direction": "reverse"}),
    "peepholes_both": ("LSTM", {"peepholes": True, "direction": "bidirectional"}),
    "peepholes_lengths": ("LSTM", {"peepholes": True, "lengths": True}),
    "coupled": ("LSTM", {"input_forget": 1}),
    "coupled_peepholes": (
        "LSTM", {"input_forget": 1, "peepholes": True, "direction": "bidirectional"}),
    "lstm_clip": ("LSTM", {"clip": 0.5}),
    "peepholes_clip": ("LSTM", {"clip": 0.4, "peepholes": True}),
    "gru_clip": ("GRU", {"clip": 0.3, "linear_before_reset": 1}),
    "rnn_clip": ("RNN", {"clip": 0.2, "direction": "bidirectional"}),
    "lstm_activations": (
        "LSTM", {"activations": ["HardSigmoid", "ScaledTanh", "Softsign"],
                 "activation_alpha": [0.3, 1.5], "activation_beta": [0.4, 0.7]}),
    "lstm_output_activation": ("LSTM", {"activations": ["Sigmoid", "Tanh", "Relu"]}),
    "gru_activations": (
        "GRU", {"activations": ["Sigmoid", "LeakyRelu", "HardSigmoid", "Affine"],
                "activation_alpha": [0.2, 0.25, 0.6], "activation_beta": [0.45, 0.1],
                "direction": "bidirectional"}),
    "rnn_thresholded": (
        "RNN", {"activations": ["ThresholdedRelu"], "activation_alpha": [0.1]}),
}  # fmt: skip


def values(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape, scale=0.6).astype("float32")


def node(op: str, options: dict[str, Any]) -> tuple[onnx.ModelProto, np.ndarray]:
    """Return a model of one node, its weights within, and an input `(time, batch, size)`."""
    attributes = dict(options)
    peepholes, lengths = (attributes.pop(key, False) for key in ("peepholes", "lengths"))
    ways, gates = 1 + (attributes.get("direction") == "bidirectional"), GATES[op]
    tensors = {
        "W": values(ways, gates * UNITS, SIZE),
        "R": values(ways, gates * UNITS, UNITS),
        "B": values(ways, 2 * gates * UNITS),
    }
    names = ["X", "W", "R", "B"]
    if lengths:
        tensors["L"] = np.array([STEPS, 3], np.int32)
    if lengths or peepholes:
        names += ["L" if lengths else ""]
    if peepholes:
        tensors["P"] = values(ways, 3 * UNITS)
        names += ["", "", "P"]
    outputs = ["Y", "Y_h", "Y_c"][: 3 if op == "LSTM" else 2]
    graph = helper.make_graph(
        [helper.make_node(op, names, outputs, name="cell", hidden_size=UNITS, **attributes)],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [STEPS, BATCH, SIZE])],
        [helper.make_tensor_value_info(each, TensorProto.FLOAT, None) for each in outputs],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    return model, values(STEPS, BATCH, SIZE)


def main() -> None:
    found: dict[str, np.ndarray] = {
        "versions": np.array([f"onnx {onnx.__version__}", f"ort {onnxruntime.__version__}"])
    }
    for name, (op, options) in CASES.items():
        model, x = node(op, options)
        data = model.SerializeToString()
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        found[f"{name}/model"], found[f"{name}/x/X"] = np.frombuffer(data, np.uint8), x
        for index, array in enumerate(session.run(None, {"X": x})):
            found[f"{name}/y/{index}"] = array
    (case,) = (
        each for each in collect_testcases("LSTM") if each.name == "test_lstm_with_peepholes"
    )
    inputs, outputs = case.data_sets[0]
    name = case.name
    found[f"{name}/model"] = np.frombuffer(case.model.SerializeToString(), np.uint8)
    for value, array in zip(case.model.graph.input, inputs, strict=True):
        found[f"{name}/x/{value.name}"] = np.asarray(array)
    for index, array in enumerate(outputs):
        found[f"{name}/y/{index}"] = np.asarray(array)
    np.savez_compressed(TARGET, **found)


if __name__ == "__main__":
    main()
