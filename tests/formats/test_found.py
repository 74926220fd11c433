"""What published files hold that no other test has: see TRIED.md for the files."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.errors import RnncliError
from rnncli.formats import read
from rnncli.forward import Request, forward
from rnncli.graph.alone import alone
from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.layers import cells_of
from rnncli.model import Layer, Model, Source, sequential
from rnncli.report.explain import explain
from rnncli.report.params import params

h5py = pytest.importorskip("h5py")
onnx = pytest.importorskip("onnx")
from onnx import helper, numpy_helper  # noqa: E402

INPUTS, UNITS = 3, 2
PLAIN = {"W": (4 * UNITS, INPUTS), "R": (4 * UNITS, UNITS), "B": (8 * UNITS,)}


def constant(name: str, values: Any) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values, name))


def moves(prefix: str) -> list[Any]:
    """Return the nodes that PyTorch writes: each tensor's first half moved behind its second."""
    nodes = []
    for name, shape in PLAIN.items():
        half = shape[0] // 2
        for part, (start, end) in {"a": (half, 2 * half), "b": (0, half)}.items():
            nodes += [
                constant(f"{prefix}{name}{part}s", np.array([start])),
                constant(f"{prefix}{name}{part}e", np.array([end])),
                helper.make_node("Slice", [name, *(f"{prefix}{name}{part}{x}" for x in "se")],
                                 [f"{prefix}{name}{part}"]),
            ]  # fmt: skip
        nodes += [
            helper.make_node("Concat", [f"{prefix}{name}{x}" for x in "ab"], [f"{prefix}{name}c"],
                             axis=0),
            constant(f"{prefix}{name}axes", np.array([0])),
            helper.make_node("Unsqueeze", [f"{prefix}{name}c", f"{prefix}{name}axes"],
                             [f"{prefix}{name}"]),
        ]  # fmt: skip
    names = [f"{prefix}{name}" for name in PLAIN]
    lstm = helper.make_node("LSTM", ["x", *names], ["", f"{prefix}y"], f"{prefix}lstm",
                            hidden_size=UNITS)  # fmt: skip
    return [*nodes, lstm]


def weights() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype("float32") for name, shape in PLAIN.items()}


def value(name: str, *shape: int | str) -> Any:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def saved(nodes: list[Any], output: str, folder: Path, *inputs: Any) -> Model:
    x = value("x", "time", "batch", INPUTS)
    graph = helper.make_graph(nodes, "g", [x, *inputs], [value(output, 1, "batch", UNITS)])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "m.onnx"
    )
    return read(str(folder / "m.onnx"))


def lstms(model: Model) -> list[Layer]:
    return [layer for layer in model.layers if layer.type == "LSTM"]


def test_onnx_weights_that_nodes_put_together_are_those_of_their_lstm(tmp_path: Path) -> None:
    given = weights()
    model = saved(
        [*(constant(name, array) for name, array in given.items()), *moves("moved/")],
        "moved/y",
        tmp_path,
    )
    assert [layer.type for layer in model.layers] == ["InputLayer", "LSTM"]
    count = sum(array.size for array in given.values())
    assert (lstms(model)[0].params, model.params) == (count, count)
    assert cells_of(lstms(model)[0])[0].units == UNITS

    x = np.random.default_rng(1).normal(size=(5, 2, INPUTS)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    (found,) = forward(model, Request(inputs=((None, str(tmp_path / "x.npy")),))).arrays
    moved = {name: np.roll(array, len(array) // 2, axis=0)[None] for name, array in given.items()}
    plain = helper.make_node("LSTM", ["x", *moved], ["", "y"], "plain", hidden_size=UNITS)
    (tmp_path / "plain").mkdir()
    nodes = [*(constant(name, array) for name, array in moved.items()), plain]
    model = saved(nodes, "y", tmp_path / "plain")
    (expected,) = forward(model, Request(inputs=((None, str(tmp_path / "x.npy")),))).arrays
    assert np.abs(expected).max() > 0.01
    np.testing.assert_array_equal(found, expected)


def test_onnx_weights_that_both_branches_cut_alike_are_counted_once(tmp_path: Path) -> None:
    choose = helper.make_tensor_value_info("choose", onnx.TensorProto.BOOL, [])
    branches = {
        f"{which}_branch": helper.make_graph(
            moves(f"{which}/"), which, [], [value(f"{which}/y", 1, "batch", UNITS)]
        )
        for which in ("then", "else")
    }
    nodes = [*(constant(name, array) for name, array in weights().items()),
             helper.make_node("If", ["choose"], ["y"], "if", **branches)]  # fmt: skip
    model = saved(nodes, "y", tmp_path, choose)
    count = sum(array.size for array in weights().values())
    assert sorted(layer.params for layer in lstms(model)) == [0, count]
    assert model.params == count


def test_an_lstm_whose_input_has_no_shape_is_explained(tmp_path: Path) -> None:
    odd = helper.make_node("Odd", ["x"], ["h"], "odd", domain="odd")
    nodes = [*(constant(name, array) for name, array in weights().items()), odd, *moves("")]
    nodes[-1].input[0] = "h"
    model = saved(nodes, "y", tmp_path)
    assert lstms(model)[0].calls[0].input_shapes is None
    symbols = {row["symbol"]: row["shape"] for row in explain(model.layers).data["symbols"]}
    assert (symbols["x_t"], symbols["W_i"]) == ((None, INPUTS), (INPUTS, UNITS))


def unstated(folder: Path, *before: Any) -> Model:
    """Return what is read of a published-style graph that states no shape of its input."""
    proto = onnx.load(Path(__file__).parents[1] / "goldens" / "onnx" / "lstm_forward.onnx")
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    for node in before:
        proto.graph.node.insert(0, node)
        proto.graph.node[1].input[0] = node.output[0]
    onnx.save(proto, folder / "m.onnx")
    return read(str(folder / "m.onnx"))


def test_an_onnx_input_without_a_shape_has_that_of_the_layer_it_feeds(tmp_path: Path) -> None:
    model = unstated(tmp_path)
    kernel = next(weight for weight in lstms(model)[0].all_weights() if weight.name == "W")
    assert model.layers[0].output_shapes == ((None, None, kernel.shape[2]),)
    assert forward(model, Request(steps=4)).arrays[0].shape[-1] * 4 == kernel.shape[1]


def test_an_onnx_input_whose_shape_nothing_tells_is_no_scalar(tmp_path: Path) -> None:
    model = unstated(tmp_path, helper.make_node("Identity", ["X"], ["h"], "id"))
    assert model.layers[0].output_shapes is None
    with pytest.raises(RnncliError, match="the shape of input 'X' is not known"):
        forward(model, Request(steps=4))


def test_an_lstm_whose_bias_is_computed_does_not_run_on_its_own_without_it(tmp_path: Path) -> None:
    twice = helper.make_node("Add", ["B", "B"], ["sum"], "twice")
    nodes = [*(constant(name, array) for name, array in weights().items()), twice, *moves("")]
    for node in nodes:
        if "Bas" in node.input or "Bbs" in node.input:
            node.input[0] = "sum"
    model = saved(nodes, "y", tmp_path)
    with pytest.raises(RnncliError, match="other nodes compute its weights"):
        alone(model, "lstm")


@pytest.mark.parametrize(("kind", "gates"), [("CuDNNLSTM", 4), ("CuDNNGRU", 3)])
def test_cudnn_layers_are_explained_with_their_two_biases(kind: str, gates: int) -> None:
    stack = parse_stack([f"Input((4, {INPUTS}))", f"{kind}({UNITS})"])
    layers = infer(sequential(stack, source=Source("layers"))).layers
    (use,) = cells_of(layers[-1])
    assert gates * UNITS * (INPUTS + UNITS + use.bias_rows) == layers[-1].params
    assert "bh_" in explain(layers).data["equations"][0]


def keras_2(path: Path, class_name: str, tensors: dict[str, Any], only_weights: bool) -> None:
    """Write what Keras 2.2 writes of a Sequential with one Bidirectional layer and a Dropout."""
    inner = {"name": "rnn", "units": UNITS, "return_sequences": True}
    if class_name in ("LSTM", "GRU"):
        inner |= {"recurrent_activation": "sigmoid"} | (
            {"reset_after": True} if class_name == "GRU" else {}
        )
    both = {"name": "both", "batch_input_shape": [None, 4, INPUTS], "merge_mode": "concat",
            "layer": {"class_name": class_name, "config": inner}}  # fmt: skip
    layers = [{"class_name": "Bidirectional", "config": both},
              {"class_name": "Dropout", "config": {"name": "dropout_1", "rate": 0.5}}]  # fmt: skip
    with h5py.File(path, "w") as file:
        root = file if only_weights else file.create_group("model_weights")
        if not only_weights:
            config = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
            file.attrs["model_config"] = json.dumps(config)
        for place in {file, root}:
            place.attrs.update({"keras_version": b"2.2.4", "backend": b"tensorflow"})
        root.attrs["layer_names"] = [b"both", b"dropout_1"]
        root.create_group("dropout_1").attrs["weight_names"] = []
        group = root.create_group("both")
        group.attrs["weight_names"] = [f"both/{name}:0".encode() for name in tensors]
        for name, array in tensors.items():
            group[f"both/{name}:0"] = array


def cudnn_and_plain(gates: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the same weights as CuDNN's layers and as Keras's own store them."""
    rng, stored, plain = np.random.default_rng(2), {}, {}
    for way in ("forward_rnn", "backward_rnn"):
        for name, rows in (("kernel", INPUTS), ("recurrent_kernel", UNITS)):
            each = [rng.normal(size=(rows, UNITS)).astype("float32") for _ in range(gates)]
            plain[f"{way}/{name}"] = np.hstack(each)
            turned = [np.array(list(gate.T.flat), "float32").reshape(gate.shape) for gate in each]
            stored[f"{way}/{name}"] = np.hstack(turned)
        bias = rng.normal(size=(2, gates * UNITS)).astype("float32")
        stored[f"{way}/bias"] = bias.ravel()
        plain[f"{way}/bias"] = bias if gates == 3 else bias[0] + bias[1]
    return stored, plain


@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3)])
def test_cudnn_layers_run_in_both_directions(kind: str, gates: int, tmp_path: Path) -> None:
    results = []
    for class_name, tensors in zip((f"CuDNN{kind}", kind), cudnn_and_plain(gates), strict=True):
        keras_2(tmp_path / "m.h5", class_name, tensors, only_weights=False)
        model = read(str(tmp_path / "m.h5"))
        assert not model.warnings
        assert model.params == sum(array.size for array in tensors.values())
        assert model.layers[-1].output_shapes == ((None, 4, 2 * UNITS),)
        results.append(forward(model, Request(seed=3)).arrays[0])
    np.testing.assert_allclose(*results, rtol=0, atol=1e-6)


def test_weights_of_cudnn_in_both_directions_are_read_without_their_config(tmp_path: Path) -> None:
    tensors, _ = cudnn_and_plain(4)
    keras_2(tmp_path / "w.h5", "CuDNNLSTM", tensors, only_weights=True)
    model = read(str(tmp_path / "w.h5"))
    assert [use.cell.name for use in cells_of(model.layers[0])] == ["LSTM", "LSTM"]
    assert model.params == sum(array.size for array in tensors.values())
    assert len(model.warnings) == 1  # nothing of the Dropout's rate, which no such file holds
    assert [layer.type for layer in model.layers] == ["Bidirectional", "Dropout"]


def test_a_weight_listed_twice_is_held_once(tmp_path: Path) -> None:
    """Keras 3.1 called the weights of both directions alike, and ended halfway through saving."""
    path = tmp_path / "m.h5"
    shapes = {"kernel": (3, 8), "recurrent_kernel": (2, 8), "bias": (8,)}
    with h5py.File(path, "w") as file:
        lstm = {"class_name": "LSTM", "config": {"name": "lstm", "units": 2}}
        config = {"name": "bidirectional", "layer": lstm, "merge_mode": "concat"}
        entry = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4, 3], "name": "x"}}
        both = {"class_name": "Bidirectional", "config": config}
        whole = {"class_name": "Sequential", "config": {"name": "s", "layers": [entry, both]}}
        file.attrs["model_config"] = json.dumps(whole)
        file.attrs["keras_version"] = "3.1.1"
        group = file.create_group("model_weights/bidirectional")
        group.parent.attrs["layer_names"] = ["bidirectional"]
        group.attrs["weight_names"] = [*shapes, *shapes]
        for name, shape in shapes.items():
            group[name] = np.ones(shape, np.float32)
    model = read(str(path))
    assert model.params == 96
    assert any("its config gives 96 parameters, the file holds 48" in each
               for each in model.warnings)  # fmt: skip
    with pytest.raises(RnncliError, match="the file holds 48"):
        forward(model, Request())


def test_what_a_stateful_layer_remembers_is_no_weight() -> None:
    path = Path(__file__).parents[1] / "goldens" / "stateful.zip"
    with zipfile.ZipFile(path) as archive:
        record = json.loads(archive.read("record.json"))
    model = read(str(path))
    assert [layer.type for layer in model.layers] == ["LSTM", "GRU", "Dense"]
    assert model.params == record["params"]


def test_the_formula_of_an_onnx_lstm_whose_other_biases_are_zeros(tmp_path: Path) -> None:
    """So tf2onnx writes the one bias that Keras has."""
    given = weights()
    given["B"][4 * UNITS :] = 0
    arrays = [constant(name, array[None]) for name, array in given.items()]
    node = helper.make_node("LSTM", ["x", *given], ["", "y"], "lstm", hidden_size=UNITS)
    saved([*arrays, node], "y", tmp_path)
    made = onnx.load(tmp_path / "m.onnx")
    made.producer_name = "tf2onnx"
    onnx.save(made, tmp_path / "m.onnx")
    found = params(tuple(lstms(read(str(tmp_path / "m.onnx")))), "onnx")
    count = 4 * UNITS * (INPUTS + UNITS + 1)
    assert found.notes[0] == (
        f"lstm: 4 × units × (inputs + units + 1) = 4 × {UNITS} × ({INPUTS} + {UNITS} + 1) = {count}"
    )
