"""ONNX files: their nodes, counts and values."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.errors import RnncliError, UsageError
from rnncli.formats import read
from rnncli.forward import Request, forward
from rnncli.forward.finite import count_not_finite
from rnncli.graph.alone import alone
from rnncli.graph.sizes import sized
from rnncli.report.cost import cost

pytest.importorskip("onnx")
FOLDER = Path(__file__).parents[1] / "goldens" / "onnx"
RECORDS = json.loads((FOLDER / "files.json").read_text())["files"]
VALUES = np.load(FOLDER / "values.npz")


def arrays(name: str, which: str) -> dict[str, np.ndarray]:
    start = f"{name}/{which}/"
    return {k.removeprefix(start): VALUES[k] for k in VALUES.files if k.startswith(start)}


@pytest.fixture(params=RECORDS, ids=lambda record: record["file"])
def record(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def test_counts_are_those_of_the_initializers(record: dict[str, Any]) -> None:
    model = read(str(FOLDER / record["file"]))
    assert model.params == record["params"]
    found = [[layer.name, layer.type] for layer in model.layers]
    assert all(node in found for node in record["recurrent"])


def test_values_are_those_of_onnx_runtime(record: dict[str, Any], tmp_path: Path) -> None:
    name = record["file"].removesuffix(".onnx")
    model = read(str(FOLDER / record["file"]))
    for key, array in arrays(name, "x").items():
        np.save(tmp_path / f"{key}.npy", array)
    given = tuple((key, str(tmp_path / f"{key}.npy")) for key in arrays(name, "x"))
    request = Request(inputs=given, save=str(tmp_path / "y.npz"))
    result = forward(model, request)
    expected = arrays(name, "y")
    assert len(result.arrays) == len(expected)
    for found, wanted in zip(result.arrays, expected.values(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["lstm_bidirectional", "gru_reset_after", "rnn_reverse"])
def test_a_node_runs_alone_on_batch_first_input(name: str, tmp_path: Path) -> None:
    model = read(str(FOLDER / f"{name}.onnx"))
    (node,) = [layer.name for layer in model.layers if layer.type in ("RNN", "LSTM", "GRU")]
    np.save(tmp_path / "x.npy", VALUES[f"{name}/x/X"].swapaxes(0, 1))
    result = forward(alone(model, node), Request(inputs=((None, str(tmp_path / "x.npy")),)))
    expected = VALUES[f"{name}/y/0"].transpose(2, 0, 1, 3)
    np.testing.assert_allclose(result.arrays[0], expected, rtol=0, atol=1e-6)


def external(folder: Path, location: str, **place: str) -> Path:
    """Return a file whose kernel lies in another one."""
    import onnx

    model = onnx.load(FOLDER / "lstm_forward.onnx")
    tensor = next(each for each in model.graph.initializer if each.name == "W")
    (folder / "m.onnx.data").write_bytes(b"12345678" + tensor.raw_data)
    entries = {"location": location, "offset": "8", **place}
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    onnx.save(model, folder / "m.onnx")
    return folder / "m.onnx"


def test_data_beside_the_file_is_read(tmp_path: Path) -> None:
    model = read(str(external(tmp_path, "m.onnx.data")))
    np.save(tmp_path / "x.npy", VALUES["lstm_forward/x/X"])
    result = forward(model, Request(inputs=((None, str(tmp_path / "x.npy")),)))
    np.testing.assert_allclose(result.arrays[0], VALUES["lstm_forward/y/0"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("location", "place", "said"),
    [
        ("../m.onnx.data", {}, "no plain name"),
        ("/etc/passwd", {}, "no plain name"),
        ("..", {}, "no plain name"),
        ("a\\b", {}, "no plain name"),
        ("link", {}, "is a link"),
        ("pipe", {}, "is a link or no regular file"),
        ("other.data", {}, "No such file"),
        ("m.onnx.data", {"length": "12"}, "said to have 12"),
        ("m.onnx.data", {"offset": "16"}, "ends at byte"),
        ("m.onnx.data", {"offset": "-8"}, "offset '-8'"),
    ],
)
def test_no_other_file_is_read(
    location: str, place: dict[str, str], said: str, tmp_path: Path
) -> None:
    import os

    path = external(tmp_path, location, **place)
    (tmp_path / "link").symlink_to("m.onnx.data")
    os.mkfifo(tmp_path / "pipe")
    model = read(str(path))
    assert model.params == 144
    with pytest.raises(RnncliError, match=said):
        forward(model, Request())


def recurrent_macs(path: Path, named: dict[str, int] | None = None, **sizes: Any) -> list[Any]:
    """Return the products of the recurrent nodes as `cost` prints them."""
    rows = cost(sized(read(str(path)), named=named), **sizes).data["layers"]
    return [row["macs"] for row in rows if row["type"] in ("RNN", "LSTM", "GRU")]


@pytest.mark.parametrize("name", ["rnn_forward", "gru_bidirectional", "lstm_states"])
def test_products_of_a_node_are_those_of_its_steps_and_its_batch(name: str) -> None:
    model = read(str(FOLDER / f"{name}.onnx"))
    (node,) = [layer for layer in model.layers if layer.type in ("RNN", "LSTM", "GRU")]
    kernels = sum(weight.params for weight in node.all_weights() if weight.name in ("W", "R"))
    steps, batch, _ = VALUES[f"{name}/x/X"].shape
    assert recurrent_macs(FOLDER / f"{name}.onnx") == [steps * batch * kernels]


def open_axes(folder: Path, *names: str | None, layout: int = 0) -> Path:
    """Return a file whose LSTM takes axes of these names."""
    import onnx
    from onnx import helper

    model = onnx.load(FOLDER / "lstm_forward.onnx")
    graph = model.graph
    graph.input[0].CopyFrom(helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, [*names, 3]))
    graph.node[0].attribute.append(helper.make_attribute("layout", layout))
    onnx.save(model, folder / "open.onnx")
    return folder / "open.onnx"


@pytest.mark.parametrize(
    ("names", "layout"),
    [(("time", "batch"), 0), (("a", "b"), 0), ((None, None), 0), (("batch", "steps"), 1)],
)
def test_steps_and_batch_size_fill_open_axes(
    names: tuple[Any, Any], layout: int, tmp_path: Path
) -> None:
    path = open_axes(tmp_path, *names, layout=layout)
    kernels = 16 * (3 + 4)
    assert recurrent_macs(path) == [None]
    assert recurrent_macs(path, steps=10, batch=5) == [50 * kernels]
    assert recurrent_macs(path, steps=10) == [10 * kernels]
    if names[0] is not None:
        assert recurrent_macs(path, named={names[0]: 4, names[1]: 6}) == [24 * kernels]
    with pytest.raises(UsageError, match="no open axis called 'nobody'"):
        sized(read(str(path)), named={"nobody": 3})


def test_a_kernel_that_two_nodes_take_counts_once_and_works_twice(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(FOLDER / "lstm_forward.onnx")
    again = model.graph.node.add()
    again.CopyFrom(model.graph.node[0])
    again.name, again.output[:] = "again", ["Z"]
    onnx.save(model, tmp_path / "m.onnx")
    assert read(str(tmp_path / "m.onnx")).params == 144
    assert recurrent_macs(tmp_path / "m.onnx") == [7 * 2 * 16 * 7] * 2


def stored(folder: Path, data_type: int, values: list[float]) -> Path:
    """Return a file of a product with a constant of a type that NumPy may not have."""
    import onnx
    from onnx import helper

    tensor = helper.make_tensor("W", data_type, [4, 3], values)
    ends = [helper.make_tensor_value_info("x", data_type, [1, 4]),
            helper.make_tensor_value_info("y", data_type, None)]  # fmt: skip
    node = helper.make_node("MatMul", ["x", "W"], ["y"], "product")
    graph = helper.make_graph([node], "types", ends[:1], ends[1:], [tensor])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), folder / "m")
    return (folder / "m").rename(folder / "m.onnx")


@pytest.mark.parametrize(
    ("data_type", "values", "size", "bad"),
    [
        (22, [-6, 5] * 6, 6, 0),  # int4
        (21, [0, 15] * 6, 6, 0),  # uint4
        (18, [0.5] * 12, 12, 0),  # float8_e4m3fnuz
        (19, [0.5] * 11 + [float("nan")], 12, 1),  # float8_e5m2
        (16, [0.5] * 11 + [float("nan")], 24, 1),  # bfloat16
    ],
)
def test_weights_of_every_type_count_take_bytes_and_are_looked_at(
    data_type: int, values: list[float], size: int, bad: int, tmp_path: Path
) -> None:
    model = read(str(stored(tmp_path, data_type, values)))
    assert (model.params, model.bytes) == (12, size)
    assert count_not_finite(model) == (bad, 1, 1)


def test_what_nothing_gives_makes_the_counts_incomplete(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(FOLDER / "lstm_forward.onnx")
    del model.graph.initializer[0]
    onnx.save(model, tmp_path / "m.onnx")
    found = read(str(tmp_path / "m.onnx"))
    assert not found.complete
    assert found.warnings == ("node 'my_lstm' takes 'W', which nothing before it gives",)


def test_a_loop_whose_condition_nothing_changes_is_refused(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(FOLDER / "loop.onnx")
    model.graph.node[0].input[0] = ""  # no number of rounds
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(RnncliError, match="never ends"):
        forward(read(str(tmp_path / "m.onnx")), Request())


@pytest.mark.parametrize("last", [3, 50])
def test_a_loop_that_its_condition_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    import onnx
    from onnx import helper, numpy_helper

    from rnncli.forward.onnx.operators import loops

    monkeypatch.setattr(loops, "MOST_ROUNDS", 20)
    model = onnx.load(FOLDER / "loop.onnx")
    model.graph.node[0].input[0] = ""
    model.graph.initializer.append(numpy_helper.from_array(np.array(last), "last_round"))
    body = model.graph.node[0].attribute[0].g
    body.node[-1].CopyFrom(helper.make_node("Less", ["number", "last_round"], ["going"]))
    onnx.save(model, tmp_path / "m.onnx")
    if last > loops.MOST_ROUNDS:
        with pytest.raises(RnncliError, match="still holds after 20 rounds"):
            forward(read(str(tmp_path / "m.onnx")), Request())
    else:
        (found,) = forward(read(str(tmp_path / "m.onnx")), Request()).arrays
        assert found.shape == (last + 1, 2, 4)


@pytest.mark.parametrize("name", ["R", "B"])
def test_weights_of_other_sizes_than_a_node_states_are_no_cell(tmp_path: Path, name: str) -> None:
    import onnx
    from onnx import numpy_helper

    from rnncli.weights.pieces import pieces_of

    model = onnx.load(FOLDER / "lstm_forward.onnx")
    before = read(str(FOLDER / "lstm_forward.onnx"))
    weight = next(each for each in model.graph.initializer if each.name == name)
    array = numpy_helper.to_array(weight)
    weight.CopyFrom(numpy_helper.from_array(array[:, 1:], name))
    onnx.save(model, tmp_path / "m.onnx")
    after = read(str(tmp_path / "m.onnx"))
    found = [sum(len(pieces_of(layer)) for layer in each.layers) for each in (before, after)]
    assert found == [1, 0]


@pytest.mark.parametrize("shape", [(4,), (3, 4, 4)])
def test_a_product_with_anything_but_a_matrix_is_no_dense_layer(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from rnncli.weights.pieces import pieces_of

    tensor = numpy_helper.from_array(np.zeros(shape, np.float32), "W")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y")]
    node = helper.make_node("MatMul", ["x", "W"], ["y"], "product")
    graph = helper.make_graph([node], "products", ends[:1], ends[1:], [tensor])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    assert not any(pieces_of(layer) for layer in read(str(tmp_path / "m.onnx")).layers)


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import helper

    model = onnx.load(FOLDER / "function_lstm.onnx")
    function = model.functions[0]
    function.node.append(helper.make_node("Twice", ["Z"], ["again"], domain="own"))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(RnncliError, match="'Twice' calls itself"):
        read(str(tmp_path / "m.onnx"))


def test_functions_that_unfold_without_bound_are_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import helper

    model = onnx.load(FOLDER / "function_lstm.onnx")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for level in range(30):
        name = f"f{level - 1}" if level else "Twice"
        calls = [helper.make_node(name, ["X" if n == 0 else f"t{n}"], [f"t{n + 1}"], domain="own")
                 for n in range(4)]  # fmt: skip
        model.functions.append(
            helper.make_function("own", f"f{level}", ["X"], ["t4"], calls, opsets)
        )
    model.graph.node[0].op_type = "f29"
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(RnncliError, match="layers in local functions"):
        read(str(tmp_path / "m.onnx"))


@pytest.mark.parametrize(("name", "expected"), [("scan", 7 * 2 * (12 + 16)), ("loop", 5 * 2 * 16)])
def test_products_inside_loops_are_those_of_all_rounds(name: str, expected: int) -> None:
    assert cost(read(str(FOLDER / f"{name}.onnx"))).data["totals"]["macs"] == expected


@pytest.mark.parametrize(
    ("operator", "domain", "shapes"),
    [
        ("MatMul", "", ((10**6, 1), (1, 10**6))),
        ("Add", "", ((10**6, 1), (1, 10**6))),
        ("FusedMatMul", "com.microsoft", ((10**6, 1), (1, 10**6))),
        ("BiasGelu", "com.microsoft", ((10**6, 1), (10**6,))),
    ],
)
def test_what_the_machine_does_not_have_is_not_asked_for(
    operator: str, domain: str, shapes: tuple[tuple[int, ...], ...], tmp_path: Path
) -> None:
    import onnx
    from onnx import helper, numpy_helper

    held = [numpy_helper.from_array(np.ones(s, "f4"), n) for n, s in zip("ab", shapes, strict=True)]
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    node = helper.make_node(operator, ["a", "b"], ["y"], "large", domain=domain)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "sizes", [], [y], held)
    onnx.save(helper.make_model(graph, opset_imports=opsets), tmp_path / "m.onnx")
    with pytest.raises(RnncliError, match=r"the run needs \d+\.\d TB, this machine has"):
        forward(read(str(tmp_path / "m.onnx")), Request())


def all_beside(folder: Path, name: str) -> Path:
    """Return a golden file all of whose tensors lie in a file that is not there."""
    import onnx

    model = onnx.load(FOLDER / f"{name}.onnx")
    tensors = [*model.graph.initializer]
    tensors += [
        a.t for node in model.graph.node for a in node.attribute if node.op_type == "Constant"
    ]
    for tensor in tensors:
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="gone.data")
    onnx.save(model, folder / "m.onnx")
    return folder / "m.onnx"


@pytest.mark.parametrize("name", ["torch_tagger", "torch_int8", "loop", "scan", "lstm_constants"])
def test_counts_and_shapes_open_no_second_file(name: str, tmp_path: Path) -> None:
    model = read(str(all_beside(tmp_path, name)))
    record = next(each for each in RECORDS if each["file"] == f"{name}.onnx")
    assert model.params == record["params"]
    assert cost(model).data["layers"]
    with pytest.raises(RnncliError, match=r"lies in 'gone\.data': No such file"):
        forward(model, Request(batch_size=2, steps=6))


@pytest.mark.parametrize(
    ("operator", "x", "kernel"),
    [
        ("Conv", (1, 16, 100, 100), (16, 16, 3, 3)),
        ("Conv", (1, 16, 100, 100), (64, 16, 3, 3)),
        ("Conv", (1, 16, 100, 100), (1, 16, 3, 3)),
        ("Conv", (2, 32, 2000), (32, 32, 5)),
        ("ConvTranspose", (1, 16, 16, 16), (16, 8, 3, 3)),
    ],
)
def test_what_a_convolution_holds_is_asked_for(
    operator: str, x: tuple[int, ...], kernel: tuple[int, ...]
) -> None:
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    from rnncli.forward.onnx.sizes import Sizes

    node = helper.make_node(operator, ["x", "w"], ["y"])
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
            for names in ("xw", "y")]  # fmt: skip
    model = helper.make_model(helper.make_graph([node], "g", *ends))
    arrays = [np.ones(shape, "f4") for shape in (x, kernel)]
    evaluator = ReferenceEvaluator(model)
    tracemalloc.start()
    evaluator.run(None, dict(zip("xw", arrays, strict=True)))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    asked = Sizes({"": model.opset_import[0].version}).needed(node, arrays)
    assert most < asked < 4 * most
