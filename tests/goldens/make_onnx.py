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
from onnxruntime.quantization import quantize_dynamic
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
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # by the number of which a quantised LSTM cuts the batch
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    outputs = session.run(None, inputs)
    for key, array in inputs.items():
        ARRAYS[f"{name}/x/{key}"] = array
    for index, array in enumerate(outputs):
        ARRAYS[f"{name}/y/{index}"] = array
    loaded = onnx.load(path, load_external_data=False)
    if params is None:
        floats = (TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8)
        params = sum(
            int(np.prod(t.dims)) for t in loaded.graph.initializer if t.data_type in floats
        )
    nodes = [[n.name, n.op_type] for n in loaded.graph.node if n.op_type in GATES]
    RECORDS.append({"file": path.name, "params": int(params), "recurrent": nodes})


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
    peepholes: bool = False,
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
    if peepholes:
        tensors["P"] = values(ways, 3 * units)
        names.append("P")
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


def function() -> tuple[Any, dict[str, np.ndarray]]:
    """Return a model that calls a local function twice, in which a recurrent node is."""
    inner, inputs = node_model("LSTM", size=4, constants=True)
    nodes = list(inner.graph.node)
    del nodes[-1].output[1:]
    nodes.append(helper.make_node("Squeeze", ["Y", "axes"], ["Z"], name="squeeze"))
    axes = numpy_helper.from_array(np.array([1]), "axes")
    nodes.insert(0, helper.make_node("Constant", [], ["axes"], value=axes))
    opsets = [helper.make_opsetid("", 17)]
    own = helper.make_function("own", "Twice", ["X"], ["Z"], nodes, opsets)
    calls = [helper.make_node("Twice", [one], [other], domain="own", name=f"call_{one}")
             for one, other in (("X", "H"), ("H", "Z"))]  # fmt: skip
    kinds = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [7, 2, 4]) for n in "XZ"]
    graph = helper.make_graph(calls, "functions", kinds[:1], kinds[1:])
    model = helper.make_model(graph, functions=[own], ir_version=9,
                              opset_imports=[*opsets, helper.make_opsetid("own", 1)])  # fmt: skip
    return model, inputs


def scan() -> tuple[Any, dict[str, np.ndarray]]:
    """Return a model whose recurrence is written out, in a Scan over the steps of X backwards."""
    tensors = {"W": values(3, 4), "R": values(4, 4), "b": values(4)}
    body = helper.make_graph(
        [helper.make_node("MatMul", ["x", "W"], ["xw"], name="xw"),
         helper.make_node("MatMul", ["h", "R"], ["hr"], name="hr"),
         helper.make_node("Add", ["xw", "b"], ["xb"], name="xb"),
         helper.make_node("Add", ["xb", "hr"], ["sum"], name="sum"),
         helper.make_node("Tanh", ["sum"], ["next"], name="tanh"),
         helper.make_node("Identity", ["next"], ["out"], name="out")],
        "step",
        [helper.make_tensor_value_info("h", TensorProto.FLOAT, [2, 4]),
         helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 4]) for n in ("next", "out")],
    )  # fmt: skip
    node = helper.make_node("Scan", ["start", "X"], ["last", "Y"], name="scan", body=body,
                            num_scan_inputs=1, scan_input_directions=[1])  # fmt: skip
    graph = helper.make_graph(
        [node], "scan",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [7, 2, 3])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [7, 2, 4])],
        [numpy_helper.from_array(array, name) for name, array in
         {**tensors, "start": np.zeros((2, 4), "f4")}.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model, {"X": values(7, 2, 3)}


def loop() -> tuple[Any, dict[str, np.ndarray]]:
    """Return a model whose recurrence is written out, in a Loop of as many rounds as it is told."""
    tensors = {"R": values(4, 4)}
    body = helper.make_graph(
        [helper.make_node("MatMul", ["h", "R"], ["hr"], name="hr"),
         helper.make_node("Tanh", ["hr"], ["next"], name="tanh"),
         helper.make_node("Identity", ["next"], ["each"], name="each"),
         helper.make_node("Identity", ["go"], ["going"], name="going")],
        "round",
        [helper.make_tensor_value_info("number", TensorProto.INT64, []),
         helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("h", TensorProto.FLOAT, [2, 4])],
        [helper.make_tensor_value_info("going", TensorProto.BOOL, []),
         *(helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 4]) for n in ("next", "each"))],
    )  # fmt: skip
    node = helper.make_node("Loop", ["rounds", "", "X"], ["last", "Y"], name="loop", body=body)
    rounds = numpy_helper.from_array(np.array(5), "rounds")
    graph = helper.make_graph(
        [node], "loop",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [2, 4])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [5, 2, 4])],
        [*(numpy_helper.from_array(array, name) for name, array in tensors.items()), rounds],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model, {"X": values(2, 4)}


def exported(nn_module: Any, name: str, x: torch.Tensor, **options: Any) -> None:
    """Save what PyTorch's exporters make of a module, its random weights all unlike."""
    path = HERE / f"{name}.onnx"
    for weight in nn_module.parameters():
        nn.init.normal_(weight, std=0.4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(nn_module.eval(), (x,), str(path), input_names=["x"], **options)
    params = sum(weight.numel() for weight in nn_module.parameters())
    save(name, path, {"x": x.numpy()}, params=params)


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
    save("lstm_peepholes", *node_model("LSTM", peepholes=True, clip=0.4), params=156)
    save("gru_clip", *node_model("GRU", clip=0.3, linear_before_reset=1))
    save("function_lstm", *function(), params=4 * 4 * (4 + 4 + 2))
    save("scan", *scan(), params=4 * (3 + 4 + 1))
    save("loop", *loop(), params=4 * 4)
    lstm = nn.LSTM(3, 4, bidirectional=True, batch_first=True)
    exported(lstm, "torch_steps", torch.randn(2, 6, 3), dynamo=False, opset_version=9,
             dynamic_axes={"x": {0: "batch", 1: "steps"}})  # fmt: skip
    sizes = {
        0: torch.export.Dim("batch", min=2, max=99),
        1: torch.export.Dim("steps", min=2, max=99),
    }
    exported(nn.GRU(3, 4, bidirectional=True, batch_first=True), "torch_beside",
             torch.randn(2, 6, 3), dynamo=True, opset_version=18,
             dynamic_shapes=(sizes,))  # fmt: skip
    quantize_dynamic(str(HERE / "torch_steps.onnx"), str(HERE / "torch_int8.onnx"))
    save("torch_int8", HERE / "torch_int8.onnx", {"x": ARRAYS["torch_steps/x/x"]},
         params=sum(weight.numel() for weight in lstm.parameters()))  # fmt: skip
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
