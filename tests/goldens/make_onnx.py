"""Write ONNX files of every kind, and what ONNX Runtime computes of them.

Run in an environment with torch, onnx and onnxruntime: `python tests/goldens/make_onnx.py`.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

HERE = Path(__file__).parent / "onnx"
RNG = np.random.default_rng(0)
RECORDS: list[dict[str, Any]] = []
ARRAYS: dict[str, np.ndarray] = {}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def values(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape, scale=0.5).astype("float32")


def save(name: str, model: Any, inputs: dict[str, np.ndarray], params: int | None = None) -> None:
    path = HERE / f"{name}.onnx"
    if not isinstance(model, Path):
        onnx.save(model, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = session.run(None, inputs)
    for key, array in inputs.items():
        ARRAYS[f"{name}/x/{key}"] = array
    for index, array in enumerate(outputs):
        ARRAYS[f"{name}/y/{index}"] = array
    loaded = onnx.load(path)
    if params is None:
        floats = (TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8)
        params = sum(
            int(np.prod(t.dims)) for t in loaded.graph.initializer if t.data_type in floats
        )
    nodes = [[n.name, n.op_type] for n in loaded.graph.node if n.op_type in GATES]
    RECORDS.append({"file": path.name, "params": params, "recurrent": nodes})


def node_model(
    op: str,
    *,
    ways: int = 1,
    units: int = 4,
    size: int = 3,
    lengths: bool = False,
    states: bool = False,
    bias: bool = True,
    constants: bool = False,
    **attributes: Any,
) -> tuple[Any, dict[str, np.ndarray]]:
    """Return a model of one recurrent node and its inputs."""
    rows = GATES[op] * units
    tensors = {"W": values(ways, rows, size), "R": values(ways, rows, units)}
    if bias:
        tensors["B"] = values(ways, 2 * rows)
    inputs = {"X": values(7, 2, size)}
    names = ["X", "W", "R", "B" if bias else "", "", "", ""]
    if lengths:
        inputs["lengths"], names[4] = np.array([7, 4], np.int32), "lengths"
    if states:
        inputs["h"], names[5] = values(ways, 2, units), "h"
        if op == "LSTM":
            inputs["c"], names[6] = values(ways, 2, units), "c"
    names = names[: 7 if op == "LSTM" else 6]
    outputs = ["Y", "Y_h", "Y_c"] if op == "LSTM" else ["Y", "Y_h"]
    node = helper.make_node(
        op, names, outputs, name=f"my_{op.lower()}", hidden_size=units, **attributes
    )
    kinds = {np.dtype("f4"): TensorProto.FLOAT, np.dtype("i4"): TensorProto.INT32}
    before = []
    initializers = [numpy_helper.from_array(v, k) for k, v in tensors.items()]
    if constants:
        before = [
            helper.make_node("Constant", [], [t.name], value=t, name=f"constant_{t.name}")
            for t in initializers
        ]
        initializers = []
    graph = helper.make_graph(
        [*before, node], "one_node",
        [helper.make_tensor_value_info(k, kinds[v.dtype], v.shape) for k, v in inputs.items()],
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, None) for k in outputs],
        initializers,
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="made"
    )
    model.ir_version = 9
    return model, inputs


def branches() -> tuple[Any, dict[str, np.ndarray]]:
    """Return a model whose recurrent node is inside an If."""
    inner, inputs = node_model("LSTM", constants=True)
    body = inner.graph
    del body.input[:]
    del body.output[1:]
    then = helper.make_graph(list(body.node), "then", [], list(body.output))
    other = helper.make_graph(
        [helper.make_node("Constant", [], ["Z"], name="zeros",
                          value=numpy_helper.from_array(np.zeros((7, 1, 2, 4), "f4"), "zeros"))],
        "else", [], [helper.make_tensor_value_info("Z", TensorProto.FLOAT, None)],
    )  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node("If", ["flag"], ["out"], name="choose",
                          then_branch=then, else_branch=other)],
        "branches",
        [helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
         helper.make_tensor_value_info("X", TensorProto.FLOAT, inputs["X"].shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return model, {"flag": np.array(True), "X": inputs["X"]}


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.lstm = nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(10, 3, batch_first=True)
        self.rnn = nn.RNN(3, 3, nonlinearity="relu")
        self.norm = nn.LayerNorm(3)
        self.head = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.gru(self.lstm(self.embedding(x))[0])[0]
        y = self.rnn(y.transpose(0, 1))[0].transpose(0, 1)
        return torch.softmax(self.head(self.norm(y)), -1)


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for op in GATES:
        for direction, ways in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
            save(f"{op.lower()}_{direction}", *node_model(op, ways=ways, direction=direction))
    save(
        "gru_reset_after",
        *node_model("GRU", ways=2, direction="bidirectional", linear_before_reset=1),
    )
    save("lstm_states", *node_model("LSTM", states=True))
    save("gru_states", *node_model("GRU", states=True, ways=2, direction="bidirectional"))
    save("lstm_lengths", *node_model("LSTM", lengths=True, ways=2, direction="bidirectional"))
    save("rnn_relu", *node_model("RNN", activations=["Relu"]))
    save("lstm_hard", *node_model("LSTM", activations=["HardSigmoid", "Softsign", "Softsign"],
                                  activation_alpha=[0.2], activation_beta=[0.5]))  # fmt: skip
    save("lstm_no_bias", *node_model("LSTM", bias=False))
    save("lstm_constants", *node_model("LSTM", constants=True), params=4 * 4 * (3 + 4 + 2))
    save("if_lstm", *branches(), params=4 * 4 * (3 + 4 + 2))
    torch.manual_seed(0)
    path = HERE / "torch_tagger.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Tagger().eval(), (torch.zeros(2, 6, dtype=torch.long),), str(path), dynamo=False,
            opset_version=17, input_names=["tokens"], output_names=["tags"],
            dynamic_axes={"tokens": {0: "batch", 1: "time"}},
        )  # fmt: skip
    save("torch_tagger", path, {"tokens": RNG.integers(0, 11, (2, 6))})
    quantised, _ = node_model("LSTM")
    external = HERE / "external.onnx"
    onnx.save(
        quantised, external, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    (HERE / "weights.bin").unlink()
    versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__,
                "torch": torch.__version__}  # fmt: skip
    text = json.dumps({"versions": versions, "files": RECORDS}, indent=1)
    (HERE / "files.json").write_text(text + "\n")
    np.savez_compressed(HERE / "values.npz", **ARRAYS)


if __name__ == "__main__":
    main()
