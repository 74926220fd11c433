"""A look inside the recurrent layers of PyTorch's and ONNX's files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forward.helpers import close

from rnncli.errors import ShapeError, UnsupportedError, UsageError
from rnncli.formats import read
from rnncli.forward import Request, Result, forward
from rnncli.forward.probe import Look
from rnncli.forward.weights import slots, stored_values
from rnncli.graph.alone import alone
from rnncli.layers.op import Array
from rnncli.model import Model

GOLDENS = Path(__file__).parents[1] / "goldens"
ALL = Look(stats=True)
TORCH = np.load(GOLDENS / "torch" / "values.npz")
ONNX = np.load(GOLDENS / "onnx" / "values.npz")
MODULES = {  # of modules.pt: layers, directions, units
    "lstm": (1, 1, 4),
    "lstm_stacked": (3, 1, 4),
    "lstm_two_ways": (2, 2, 4),
    "lstm_no_bias": (1, 1, 4),
    "gru": (2, 2, 4),
    "gru_no_bias": (1, 1, 4),
    "rnn": (2, 1, 4),
    "rnn_relu": (1, 2, 4),
    "lstm_cell": (0, 1, 4),
    "gru_cell": (0, 1, 4),
    "rnn_cell": (0, 1, 4),
}
GATES = {"torch": {"LSTM": "ifco", "GRU": "rzh", "RNN": "h"},
         "onnx": {"LSTM": "iofc", "GRU": "zrh", "RNN": "h"}}  # fmt: skip


def module(name: str) -> Model:
    return alone(read(str(GOLDENS / "torch" / "modules.pt")), name)


def run(model: Model, folder: Path, look: Look | None = ALL, **inputs: Array) -> Result:
    """Return a run on arrays."""
    for name, array in inputs.items():
        np.save(folder / f"{name}.npy", array)
    given = tuple((name, str(folder / f"{name}.npy")) for name in inputs)
    return forward(model, Request(inputs=given, look=look))


def torch_run(name: str, folder: Path, look: Look | None = ALL) -> tuple[Result, Array]:
    """Return a run of a module on its golden input, and the golden output."""
    result = run(module(name), folder, look, input=TORCH[f"modules.pt/{name}/x"])
    return result, TORCH[f"modules.pt/{name}/y"]


def row_names(name: str) -> list[str]:
    """Return the names of all directions of all stacked layers."""
    layers, ways, _ = MODULES[name]
    if not layers:
        return [name]
    ends = ["", "_reverse"][:ways]
    return [f"{name}/l{layer}{end}" for layer in range(layers) for end in ends]


def radii(gates: str, recurrent: Array) -> dict[str, float]:
    """Return the spectral radius of each gate's kernel; `gates` is their order in the file."""
    parts = np.split(recurrent.astype("float64"), len(gates))
    return {
        gate: pytest.approx(max(abs(np.linalg.eigvals(part))), rel=1e-4)
        for gate, part in zip(gates, parts, strict=True)
    }


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_a_row_for_each_direction_of_each_layer(name: str, tmp_path: Path) -> None:
    result, y = torch_run(name, tmp_path)
    assert result.layers is not None
    assert [row["name"] for row in result.layers] == row_names(name)
    _, ways, units = MODULES[name]
    means = [np.abs(y[..., way * units :][..., :units]).mean() for way in range(ways)]
    found = [row["mean_abs_state"] for row in result.layers[-ways:]]  # the last layer gives y
    assert found == pytest.approx(means, rel=1e-5)
    assert len(set(found)) == ways
    assert len({row["mean_abs_state"] for row in result.layers}) == len(result.layers)
    model = module(name)
    stored = stored_values(model, list(slots(model, model.outputs)), np.dtype("float32"))
    gates = GATES["torch"][name[: 4 if name.startswith("lstm") else 3].upper()]
    kernels = [array for path, array in stored.items() if "/weight_hh" in path]
    assert [row["spectral_radius"] for row in result.layers] == [
        radii(gates, kernel) for kernel in kernels
    ]
    assert [row["saturated"]["h"] for row in result.layers if name == "rnn_relu"] == (
        [None, None] if name == "rnn_relu" else []
    )


def test_what_is_no_number_goes_from_layer_to_layer_as_in_pytorch(tmp_path: Path) -> None:
    x = TORCH["modules.pt/gru/x"].copy()
    x[1, 4] = np.inf, -np.inf, np.inf
    layers = run(module("gru"), tmp_path, input=x).layers
    assert layers is not None
    # Layer 1 reads both directions of layer 0: steps 1 to 5 of one, 5 to 7 of the other are bad.
    assert [row["first_bad_step"] for row in layers] == [5, 5, 1, 7]


@pytest.mark.parametrize("stats", [False, True])
@pytest.mark.parametrize(
    ("name", "layer", "title", "way"),
    [
        ("lstm", None, "lstm/l0: state h", 0),
        ("lstm_cell", None, "lstm_cell: state h", 0),
        ("rnn", "rnn", "rnn/l1: state h", 0),
        ("gru", None, "gru/l1: state h", 0),
        ("gru", "gru/l1_reverse", "gru/l1_reverse: state h, read from the end", 1),
    ],
)
def test_the_state_drawn_of_a_module_is_its_output(
    name: str, layer: str | None, title: str, way: int, stats: bool, tmp_path: Path
) -> None:
    result, y = torch_run(name, tmp_path, Look(stats, True, layer))
    assert result.trace is not None
    assert result.trace.title == title
    values = np.array(result.trace.cells(10**6, 10**6)[0], "float32")
    close(values.T, y[0, :, 4 * way : 4 * way + 4], 1e-6)


@pytest.mark.parametrize("name", ["lstm_stacked", "gru"])
def test_looking_into_a_module_changes_nothing(name: str, tmp_path: Path) -> None:
    (plain, _), (seen, _) = (torch_run(name, tmp_path, look) for look in (None, Look(True, True)))
    assert plain.arrays[0] is not None
    np.testing.assert_array_equal(plain.arrays[0], seen.arrays[0])
    assert (plain.states, plain.stats) == (seen.states, seen.stats)


def test_blocks_of_a_module_are_seen_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(6).normal(size=(2, 700, 3)).astype("float32")
    monkeypatch.setattr("rnncli.forward.probe_cells.BLOCK", 1000)
    whole = run(module("lstm_stacked"), tmp_path, input=x).layers
    monkeypatch.setattr("rnncli.forward.probe_cells.BLOCK", 7)
    monkeypatch.setattr("rnncli.forward.streaming.BLOCK_BYTES", 1)
    blocks = run(module("lstm_stacked"), tmp_path, input=x).layers
    assert whole is not None and blocks is not None and len(whole) == len(blocks) == 3
    for found, expected in zip(blocks, whole, strict=True):
        assert found.pop("mean_abs_state") == pytest.approx(expected.pop("mean_abs_state"))
        assert found == expected
        assert 1 < found["gradient_flow"]["steps"] < 700


def test_a_projected_state_is_seen_as_it_is_given_out(tmp_path: Path) -> None:
    result, y = torch_run("lstm_projected", tmp_path, Look(True, True))
    assert result.trace is not None and result.layers is not None
    values = np.array(result.trace.cells(10**6, 10**6)[0], "float32")
    close(values.T, y[0, :, : values.shape[0]], 1e-6)
    for row in result.layers:  # its kernel is not square, so that it has no eigenvalues
        assert set(row["spectral_radius"].values()) == {None}
        assert 0 < row["mean_abs_state"] < 1


def test_a_part_that_is_not_there_is_told_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recurrent layer called 'gru/l1_revers'") as caught:
        torch_run("gru", tmp_path, Look(True, layer="gru/l1_revers"))
    assert "gru/l1_reverse" in str(caught.value.hint)


def onnx_arrays(name: str, which: str) -> dict[str, Array]:
    start = f"{name}/{which}/"
    return {k.removeprefix(start): ONNX[k] for k in ONNX.files if k.startswith(start)}


NODES = [
    record["file"].removesuffix(".onnx")
    for record in json.loads((GOLDENS / "onnx" / "files.json").read_text())["files"]
    if [name[:3] for name, _ in record["recurrent"]] == ["my_"]  # the node alone
]


@pytest.mark.parametrize("name", NODES)
def test_a_node_has_a_row_for_each_direction(name: str, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = GOLDENS / "onnx" / f"{name}.onnx"
    inputs = onnx_arrays(name, "x")
    rows = run(read(str(path)), tmp_path, **inputs).layers
    y = ONNX[f"{name}/y/0"]  # (time, ways, batch, units)
    steps, ways, batch, units = y.shape
    kept = int(inputs["lengths"].sum()) if "lengths" in inputs else steps * batch
    assert rows is not None
    node = f"my_{name.partition('_')[0]}"
    names = [f"{node}/forward", f"{node}/backward"] if ways == 2 else [node]
    assert [row["name"] for row in rows] == names
    sizes = [np.abs(y[:, way]).sum() / (kept * units) for way in range(ways)]
    assert [row["mean_abs_state"] for row in rows] == pytest.approx(sizes, rel=1e-5)
    assert len(set(sizes)) == ways
    graph = onnx.load(path).graph
    tensors = {each.name: each for each in graph.initializer} | {
        each.output[0]: each.attribute[0].t for each in graph.node if each.op_type == "Constant"
    }
    gates = GATES["onnx"][name.partition("_")[0].upper()]
    recurrent = onnx.numpy_helper.to_array(tensors["R"])
    assert [row["spectral_radius"] for row in rows] == [radii(gates, each) for each in recurrent]


@pytest.mark.parametrize("layer", [None, "my_lstm", "my_lstm/forward", "my_lstm/backward"])
def test_the_state_drawn_of_a_node_is_its_output(layer: str | None, tmp_path: Path) -> None:
    model = read(str(GOLDENS / "onnx" / "lstm_bidirectional.onnx"))
    inputs = onnx_arrays("lstm_bidirectional", "x")
    result = run(model, tmp_path, Look(picture=True, layer=layer), **inputs)
    assert result.trace is not None
    values = np.array(result.trace.cells(10**6, 10**6)[0], "float32")
    way = 1 if layer == "my_lstm/backward" else 0
    close(values.T, ONNX["lstm_bidirectional/y/0"][:, way, 0], 1e-6)
    assert ("read from the end" in result.trace.title) == (way == 1)


def test_a_graph_has_the_rows_of_all_its_nodes(tmp_path: Path) -> None:
    model = read(str(GOLDENS / "onnx" / "torch_tagger.onnx"))
    inputs = onnx_arrays("torch_tagger", "x")
    plain, seen, one = (
        run(model, tmp_path, look, **inputs)
        for look in (None, ALL, Look(stats=True, layer="/lstm/LSTM_1/backward"))
    )
    assert seen.layers is not None and one.layers is not None and plain.arrays[0] is not None
    assert [row["name"] for row in seen.layers] == [
        "/lstm/LSTM/forward", "/lstm/LSTM/backward", "/lstm/LSTM_1/forward",
        "/lstm/LSTM_1/backward", "/gru/GRU", "/rnn/RNN",
    ]  # fmt: skip
    assert one.layers == [seen.layers[3]]
    np.testing.assert_array_equal(plain.arrays[0], seen.arrays[0])


def made(path: Path, names: list[str], shapes: dict[str, tuple[int, ...]], given: str) -> Model:
    """Return the model of one GRU of 4 units on `(time, batch, 3)`, written to a file.

    `shapes` are those of its weights, `given` names the ones that are inputs of the model.
    """
    onnx = pytest.importorskip("onnx")
    values = np.random.default_rng(0)
    entries = {"X": (5, 1, 3), **{name: shapes[name] for name in given}}
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("GRU", names, ["Y"], name="gru", hidden_size=4)],
        "made",
        [onnx.helper.make_tensor_value_info(k, 1, v) for k, v in entries.items()],
        [onnx.helper.make_tensor_value_info("Y", 1, None)],
        [onnx.numpy_helper.from_array(values.normal(size=shape).astype("float32"), name)
         for name, shape in shapes.items() if name not in given],
    )  # fmt: skip
    onnx.save(onnx.helper.make_model(graph), path)
    return read(str(path))


SHAPES: dict[str, Any] = {"W": (1, 12, 3), "R": (1, 12, 4)}


def test_a_node_may_leave_out_its_last_operands(tmp_path: Path) -> None:
    result = forward(made(tmp_path / "m.onnx", ["X", "W", "R"], SHAPES, ""), Request(look=ALL))
    assert result.layers is not None and result.arrays[0] is not None
    (row,) = result.layers
    assert row["mean_abs_state"] == pytest.approx(np.abs(result.arrays[0]).mean(), rel=1e-5)


def test_weights_that_come_with_the_run_are_not_passed_over(tmp_path: Path) -> None:
    model = made(tmp_path / "m.onnx", ["X", "W", "R"], SHAPES, "R")
    assert forward(model, Request()).arrays[0] is not None
    with pytest.raises(UnsupportedError, match="'gru' cannot be looked into"):
        forward(model, Request(look=ALL))


@pytest.mark.parametrize("wrong", [{"R": (1, 11, 4)}, {"R": (2, 12, 4)}, {"B": (1, 23)}])
def test_weights_that_do_not_fit_are_named(wrong: dict[str, Any], tmp_path: Path) -> None:
    shapes = {**SHAPES, "B": (1, 24), **wrong}
    with pytest.raises(ShapeError, match="'gru'"):
        forward(made(tmp_path / "m.onnx", ["X", "W", "R", "B"], shapes, ""), Request(look=ALL))
