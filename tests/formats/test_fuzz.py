"""A short run of `fuzz/`, and the kinds of files that its long runs have found."""

import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest

from rnncli.errors import RnncliError
from rnncli.formats import located, read
from rnncli.formats.containers.hdf5_guard import Guarded
from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.model import Model, Source, sequential
from rnncli.render import Target, render
from rnncli.report.cost import cost
from rnncli.report.explain import explain
from rnncli.report.params import params
from rnncli.report.shapes import shapes
from rnncli.report.summary import summarize

ROOT = Path(__file__).parents[2]
GOLDENS = ROOT / "tests" / "goldens"


def test_a_short_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "fuzz" / "run.py", "--inputs", "1500", "--seed", "1",
         "--failures", tmp_path], capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    *readers, total = done.stdout.splitlines()
    assert re.fullmatch(r"1,5\d\d inputs, 0 failures", total)
    assert len(readers) == 13
    for line in readers:  # some inputs must still be models, or the mutations reach nothing
        found = re.fullmatch(r"[\w.]+ +([\d,]+) inputs +([\d,]+) read +0 failures +\d+ s", line)
        assert found is not None
        assert 0 < int(found[2].replace(",", "")) < int(found[1].replace(",", ""))


def test_a_short_guided_run(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason='guided fuzzing needs pip install -e ".[fuzz]"')
    done = subprocess.run(
        [sys.executable, ROOT / "fuzz" / "guided.py", "--inputs", "500", "--reader", "safetensors",
         "--corpus", tmp_path / "corpus", "--failures", tmp_path / "failures"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "500 inputs" in done.stdout


def shown(model: Model) -> str:
    """Return what commands print of a model."""
    reports = [summarize(model, expand_nested=True), cost(model), params(model.rows, "keras", True)]
    reports.append(shapes(model.rows))
    return "".join(render(r, form, Target()) for r in reports for form in ("table", "json"))


def keras(path: str, change: Callable[[Any], None], tmp_path: Path) -> Path:
    """Return a Keras config of the goldens, changed."""
    config = json.loads((GOLDENS / "keras" / path).read_text())
    change(config)
    target = tmp_path / "model.json"
    target.write_text(json.dumps(config))
    return target


def one_layer(class_name: str, **config: Any) -> dict[str, Any]:
    entry = {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 5, 3]}}
    layer = {"class_name": class_name, "config": {"name": "x", **config}}
    return {"class_name": "Sequential", "config": {"name": "m", "layers": [entry, layer]}}


def inner(units: Any, **more: Any) -> dict[str, Any]:
    return {"class_name": "LSTM", "config": {"units": units, **more}}


@pytest.mark.parametrize(
    ("config", "warning"),
    [
        (
            one_layer("Bidirectional", layer=inner("\ud800")),
            "LSTM(units='\\ud800'): must be a whole",
        ),
        (
            one_layer("Bidirectional", layer={"class_name": "LSTM", "config": {}}),
            "LSTM needs units",
        ),
        (one_layer("Bidirectional", layer={"class_name": "LSTM", "config": 3}), ""),
        (one_layer("Bidirectional", layer={"class_name": [], "config": {}}), ""),
        (one_layer("Bidirectional", layer="LSTM"), "must be a layer"),
        (one_layer("Conv1D", filters=2, kernel_size=None), "Conv1D(kernel_size=None): must be"),
        (one_layer("RNN", cell={"class_name": "StackedRNNCells", "config": 3}), ""),
        (one_layer("RNN", cell={"class_name": "StackedRNNCells"}), ""),
        (one_layer("LSTM"), "LSTM needs units"),
        (one_layer("LSTM", units=2, dtype={"class_name": "x", "config": 3}), None),
        ({"class_name": "Sequential", "config": [{"class_name": "Merge", "config": 3}]}, None),
    ],
)
def test_a_config_that_is_none_of_its_kind(
    tmp_path: Path, config: dict[str, Any], warning: str | None
) -> None:
    """Its layer keeps its row, with a warning (None: there is none) and without a count."""
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config))
    model = read(str(path))
    assert "x" in shown(model)
    assert len(model.warnings) == (0 if warning is None else 1), model.warnings
    assert warning is None or warning in model.warnings[0]


@pytest.mark.parametrize(
    ("backward", "message"),
    [
        (2, "there is no recurrent layer to explain"),
        ({"class_name": "LSTM", "config": 3}, "there is no recurrent layer to explain"),
        ({"class_name": "Dense", "config": {"units": 3}}, "Dense is not known as recurrent"),
    ],
)
def test_a_backward_layer_that_is_none(backward: Any, message: str, tmp_path: Path) -> None:
    """The shapes do not fit either, so that nothing else finds it."""
    config = one_layer("Bidirectional", layer=inner(2), backward_layer=backward)
    config["config"]["layers"][0]["config"]["batch_shape"].append(4)
    (tmp_path / "x.json").write_text(json.dumps(config))
    with pytest.raises(RnncliError, match=message):
        explain(read(str(tmp_path / "x.json")).rows)


@pytest.mark.parametrize("size", [-1, -7])
def test_an_input_of_negative_size(tmp_path: Path, size: int) -> None:
    config = one_layer("LSTM", units=2)
    config["config"]["layers"][0]["config"]["batch_shape"][1] = size
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config))
    (warning,) = read(str(path)).warnings
    assert warning.endswith("a size is negative")
    with pytest.raises(RnncliError, match=r"layer 'i' \(InputLayer\) cannot be run"):
        run(path)


def test_an_operation_that_nothing_calls(tmp_path: Path) -> None:
    config = functional()
    config["config"]["layers"].append(
        {"class_name": "GetItem", "name": "x", "config": {"name": "x"}, "inbound_nodes": []}
    )
    (tmp_path / "x.json").write_text(json.dumps(config))
    assert "x" in shown(read(str(tmp_path / "x.json")))


def functional() -> dict[str, Any]:
    """Return a model in which `b` and `c` follow one input."""
    layers = [
        {"class_name": "InputLayer", "name": "a", "inbound_nodes": [],
         "config": {"name": "a", "batch_input_shape": [None, 5, 3]}},
        {"class_name": "LSTM", "name": "b", "config": {"name": "b", "units": 2,
         "return_sequences": True}, "inbound_nodes": [[["a", 0, 0, {}]]]},
        {"class_name": "Dense", "name": "c", "config": {"name": "c", "units": 4},
         "inbound_nodes": [[["b", 0, 0, {}]]]},
    ]  # fmt: skip
    ends = {"input_layers": [["a", 0, 0]], "output_layers": [["c", 0, 0]]}
    return {"class_name": "Model", "config": {"name": "m", "layers": layers, **ends}}


@pytest.mark.parametrize(
    ("place", "ref", "message"),
    [
        ("input_layers", ["z", 0, 0], "begins or ends with call 0 of layer 'z'"),
        ("output_layers", ["c", 7, 0], "begins or ends with call 7 of layer 'c'"),
        ("input_layers", ["a", 0, 9], None),
        ("output_layers", ["c", 0, 9], None),
        ("b", ["c", 0, 0, {}], "form a cycle"),
        ("b", ["z", 0, 0, {}], "is connected to call 0 of 'z'"),
        ("c", ["b", 0, 9, {}], None),
    ],
)
def test_connections_to_what_is_not_there(
    tmp_path: Path, place: str, ref: list[Any], message: str | None
) -> None:
    config = functional()
    if place in config["config"]:
        config["config"][place] = [ref]
    else:
        layer = next(each for each in config["config"]["layers"] if each["name"] == place)
        layer["inbound_nodes"] = [[ref]]
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config))
    if message is None:
        assert "LSTM" in shown(read(str(path)))
    else:
        with pytest.raises(RnncliError, match=re.escape(message)):
            read(str(path))


def test_a_heap_that_would_keep_hdf5_busy_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "x" * 100
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    first = heap + 16
    free = first + 16 + -(-100 // 8) * 8
    assert data[free : free + 2] == b"\0\0"
    data[free + 8 : free + 16] = bytes(8)
    path.write_bytes(data)
    with pytest.raises(RnncliError, match="a heap with an object of no length"):
        read(str(path))


@pytest.mark.parametrize(
    ("at", "value", "told"),
    [
        (8, (1 << 20).to_bytes(8, "little"), "a heap that ends beyond the file"),
        (24, ((1 << 64) - 16).to_bytes(8, "little"), "an object larger than itself"),
        (5, b"\x01", "a heap with an object of no length"),  # a byte that nothing looks at
    ],
)
def test_other_heaps_that_hdf5_does_not_get_through(
    tmp_path: Path, at: int, value: bytes, told: str
) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "x" * 100
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    data[heap + at : heap + at + len(value)] = value
    free = heap + 32 + -(-100 // 8) * 8
    if at == 5:
        data[free + 8 : free + 16] = bytes(8)
    path.write_bytes(data)
    with pytest.raises(RnncliError, match=told):
        read(str(path))


@pytest.mark.parametrize("before", [0, 512])
@pytest.mark.parametrize("parts", [[16], [16, 40], [16, 40, 64]])
def test_a_heap_of_names_whose_free_parts_go_round(
    tmp_path: Path, parts: list[int], before: int
) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w", userblock_size=before) as file:
        file.create_group("group")
    data = bytearray(path.read_bytes())
    heap = data.index(b"HEAP")
    size, _, place = struct.unpack_from("<3Q", data, heap + 8)
    assert size >= 80
    struct.pack_into("<Q", data, heap + 16, parts[0])
    for at, following in zip(parts, [*parts[1:], parts[0]], strict=True):
        struct.pack_into("<2Q", data, before + place + at, following, 8)
    path.write_bytes(data)
    guarded = Guarded(io.BytesIO(data))
    with pytest.raises(OSError, match="a heap whose free parts go round"):
        guarded.check(0, bytes(data))  # alone, for the library would take all memory
    with pytest.raises(RnncliError, match="a heap whose free parts go round"):
        read(str(path))


def test_a_part_of_hdf5_beyond_the_file_is_not_made_up(tmp_path: Path) -> None:
    guarded = Guarded(io.BytesIO(b"\x89HDF\r\n\x1a\n" + bytes(1000)))
    assert guarded.readinto(bytearray(2000)) == 1008
    guarded.seek(0)
    with pytest.raises(OSError, match="ends beyond the file"):
        guarded.readinto(bytearray(2 << 20))


def test_hdf5_with_short_lengths(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    create = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    create.set_sizes(8, 4)
    h5py.File(h5py.h5f.create(str(path).encode(), fcpl=create)).close()
    with pytest.raises(RnncliError, match="lengths of other than 8 bytes"):
        read(str(path))


def test_hdf5_with_a_number_where_a_group_was(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"lstm"])
        file["lstm"] = 1.5
    with pytest.raises(RnncliError, match="'/lstm' is no group of tensors"):
        read(str(path))


def test_hdf5_whose_tensors_are_single_numbers(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"embedding", b"lstm"])
        for name, inside in (("embedding", ["embeddings"]), ("lstm", ["x_U_i", "x_W_i"])):
            group = file.create_group(name)
            group.attrs["weight_names"] = np.array(inside, "S")
            for each in inside:
                group[each] = 1.5
    assert "lstm" in shown(read(str(path)))


def test_zip_members_that_lie_outside_the_file(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
    data = bytearray(stream.getvalue())
    at = data.index(b"PK\x01\x02") + 42
    data[at : at + 4] = (1 << 20).to_bytes(4, "little")
    (tmp_path / "x.pt").write_bytes(data)
    with pytest.raises(RnncliError, match="lies outside the file"):
        read(str(tmp_path / "x.pt"))


def test_a_module_of_more_layers_than_tensors(tmp_path: Path) -> None:
    layers, header = 10**12, {}
    for name, shape in (("weight_ih", [8, 3]), ("weight_hh", [8, 2])):
        header[f"{name}_l{layers}"] = {"dtype": "U8", "shape": shape, "data_offsets": [0, 0]}
    start = 0
    for each in header.values():
        size = each["shape"][0] * each["shape"][1]
        each["data_offsets"] = [start, start + size]
        start += size
    data = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(data).to_bytes(8, "little") + data + bytes(start))
    assert f"weight_ih_l{layers}" in shown(read(str(path)))


def test_a_dtype_that_is_a_list(tmp_path: Path) -> None:
    data = json.dumps({"a": {"dtype": ["U8"], "shape": [1], "data_offsets": [0, 1]}}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(data).to_bytes(8, "little") + data + b"x")
    with pytest.raises(RnncliError, match="'a' has no shape, dtype or place"):
        read(str(path))


def onnx_model(change: Callable[[Any], None], tmp_path: Path) -> str:
    model = onnx.load(GOLDENS / "onnx" / "lstm_forward.onnx")
    change(model)
    path = tmp_path / "x.onnx"
    path.write_bytes(model.SerializeToString())
    return str(path)


def test_onnx_with_text_that_is_no_utf8(tmp_path: Path) -> None:
    path = Path(onnx_model(lambda model: setattr(model, "producer_name", "MAKER"), tmp_path))
    path.write_bytes(path.read_bytes().replace(b"MAKER", b"MA\xffER"))
    with pytest.raises(RnncliError, match="damaged"):
        read(str(path))


def test_onnx_with_a_kernel_of_many_directions(tmp_path: Path) -> None:
    def change(model: Any) -> None:
        for each in model.graph.initializer:
            each.dims[0] = 1 << 50
            each.ClearField("raw_data")

    assert "LSTM" in shown(read(onnx_model(change, tmp_path)))


@pytest.mark.parametrize("axes", [0, 1, 2, 4])
def test_onnx_whose_input_has_another_rank(tmp_path: Path, axes: int) -> None:
    def change(model: Any) -> None:
        shape = model.graph.input[0].type.tensor_type.shape
        del shape.dim[:]
        for _ in range(axes):
            shape.dim.add(dim_value=3)

    assert "LSTM" in shown(read(onnx_model(change, tmp_path)))


@pytest.mark.parametrize(
    "stack",
    [
        ["Input((10, 4), 'x')", "LSTM(2)"],
        ["Input((10, 4), Input((2, 3)))", "LSTM(2)"],
        ["Input((10, 4))", "RNN(SimpleRNNCell([[[]]]))"],
        ["Input((10, 4))", "Bidirectional(GRU('8'))"],
        ["Input((10, 4))", "Dense(1, {1: 2})"],
    ],
)
def test_arguments_of_the_wrong_kind_inside_a_layer(stack: list[str]) -> None:
    with pytest.raises(RnncliError):
        infer(sequential(parse_stack(stack), source=Source("layers")))


@pytest.mark.parametrize("text", [r"LSTM('\d')", "LSTM(1if 1else 2)", "LSTM(3 is 3)"])
def test_python_does_not_warn_of_an_expression(text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rnncli", "summary", "--layer", "Input((3, 2))", "--layer", text],
        capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "always"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "SyntaxWarning" not in done.stderr


def run(path: Path | str, **options: Any) -> Any:
    """Return what a file computes on random weights, where it has none."""
    from rnncli.forward import Request, forward

    return forward(read(str(path)), Request(init="keras", **options))


def test_an_output_that_nothing_gives_is_named(tmp_path: Path) -> None:
    config = functional()
    config["config"]["output_layers"] = [["c", 0, 9]]
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config))
    with pytest.raises(RnncliError, match="output 9 of call 0 of layer 'c' is asked for"):
        run(path)


@pytest.mark.parametrize("value", [["tanh"], {"a": 1}, {"class_name": []}, 3, [[]]])
def test_an_activation_that_is_none(tmp_path: Path, value: Any) -> None:
    config = one_layer("LSTM", units=2, recurrent_activation=value)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config))
    with pytest.raises(RnncliError, match=r"activation|'x'"):
        run(path)


def test_onnx_with_a_weight_of_fewer_values_than_its_shape(tmp_path: Path) -> None:
    def change(model: Any) -> None:
        model.graph.initializer[0].raw_data = b"1234"

    with pytest.raises(RnncliError, match="its graph cannot be made ready to run"):
        run(onnx_model(change, tmp_path))


def test_a_class_whose_name_is_a_pattern(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with (
        zipfile.ZipFile(GOLDENS / "keras" / "k3" / "lstm_stack.keras") as whole,
        zipfile.ZipFile(path, "w") as changed,
    ):
        for name in whole.namelist():
            changed.writestr(name, whole.read(name).replace(b'"LSTM"', b'"LS[M"'))
    assert "LS[M" in shown(located(read(str(path))))


def test_an_input_that_is_no_input_layer_has_no_shape(tmp_path: Path) -> None:
    def change(config: Any) -> None:
        config["config"]["layers"][1]["class_name"] = "Mine"  # and nothing calls it
        config["config"]["layers"][2]["inbound_nodes"][1] = [0]

    text = shown(read(str(keras("k1/shared.json", change, tmp_path))))
    assert "right (Mine)" in text


def test_an_attribute_of_a_type_that_nobody_writes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        values = np.empty((), object)
        values[()] = np.array([1, 2])
        file.attrs.create("model_config", values, dtype=h5py.vlen_dtype(np.int8))
    with pytest.raises(RnncliError, match="model_config is neither text nor numbers"):
        read(str(path))


def test_a_type_in_place_of_a_dataset_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"], group = ["a"], file.create_group("a")
        group.attrs["weight_names"], group["kernel"] = ["kernel"], np.dtype("f4")
    with pytest.raises(RnncliError, match="is no dataset"):
        read(str(path))


def test_a_zip_member_beyond_the_end_is_not_read(tmp_path: Path) -> None:
    data = bytearray((GOLDENS / "torch" / "tied.pt").read_bytes())
    entry = data.index(b"PK\x01\x02")  # of the directory at the end
    data[entry + 20 : entry + 24] = (1 << 30).to_bytes(4, "little")  # its compressed size
    (tmp_path / "model.pt").write_bytes(data)
    with pytest.raises(RnncliError, match="lies outside the file"):
        read(str(tmp_path / "model.pt"))


def test_a_dtype_of_a_file_does_not_steer_the_terminal(tmp_path: Path) -> None:
    tensor = {"dtype": "F32_\x1b[31m", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"lstm.weight": tensor}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    report = cost(read(str(path)))
    for look in ("table", "markdown"):
        for color in (False, True):
            text = render(report, look, Target(color=color))
            assert "\x1b[31m" not in text
            assert "x1b" in text


def test_an_input_without_values_is_refused_and_one_without_axes_runs(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    config = one_layer("Dropout", rate=0.1)
    for shape in ([None, 0, 3], []):
        config["config"]["layers"][0]["config"]["batch_shape"] = shape
        path.write_text(json.dumps(config))
        if shape:
            with pytest.raises(RnncliError, match="input 'i' is empty"):
                run(path)
        else:
            run(path)


def test_a_nested_model_with_fewer_inputs_than_it_is_given(tmp_path: Path) -> None:
    inner = functional()["config"]
    inner["name"] = "inner"
    layers = [
        *functional()["config"]["layers"][:1],
        {"class_name": "Model", "name": "inner", "config": {**inner, "input_layers": []},
         "inbound_nodes": [[["a", 0, 0, {}]]]},
    ]  # fmt: skip
    outer = {"name": "o", "layers": layers, "input_layers": [["a", 0, 0]],
             "output_layers": [["inner", 0, 0]]}  # fmt: skip
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"class_name": "Model", "config": outer}))
    with pytest.raises(RnncliError):
        run(path)


def test_weights_that_are_not_finite_are_run_without_a_warning_of_numpy(tmp_path: Path) -> None:
    header: dict[str, Any] = {}
    shapes = {"weight_ih_l0": [8, 3], "weight_hh_l0": [8, 2], "bias_ih_l0": [8], "bias_hh_l0": [8]}
    for part, shape in shapes.items():
        start = max((each["data_offsets"][1] for each in header.values()), default=0)
        size = 4 * int(np.prod(shape))
        header[f"lstm.{part}"] = {"dtype": "F32", "shape": shape,
                                  "data_offsets": [start, start + size]}  # fmt: skip
    data = json.dumps(header).encode()
    values = np.full(56, np.inf, np.float32).tobytes()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(data).to_bytes(8, "little") + data + values)
    done = subprocess.run(
        [sys.executable, "-m", "rnncli", "forward", path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "RuntimeWarning" not in done.stderr


def test_a_tensor_that_repeats_a_few_values_far_too_often_is_not_run(tmp_path: Path) -> None:
    from rnncli.forward.stored import to_values
    from rnncli.storage import Tensor

    small = Tensor("float32", (1000, 4), bytes(16), (0, 1))
    assert to_values(small).shape == (1000, 4)
    large = Tensor("float32", (1 << 21, 4), bytes(16), (0, 1))
    with pytest.raises(RnncliError, match="33,554,432 bytes repeats 16 that are stored"):
        to_values(large)


def test_hdf5_whose_weights_are_a_dataset(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(one_layer("LSTM", units=2))
        file["model_weights"] = np.array([1, 2])
    model = read(str(path))
    assert model.gaps
    assert "LSTM" in shown(model)


@pytest.mark.parametrize("place", [2, 3])
def test_weights_of_onnx_that_do_not_fit_its_units(tmp_path: Path, place: int) -> None:
    from rnncli.weights.pieces import pieces_of

    def change(model: Any) -> None:
        name = model.graph.node[0].input[place]
        (stored,) = [each for each in model.graph.initializer if each.name == name]
        shorter = onnx.numpy_helper.to_array(stored)[:, :-1]
        stored.CopyFrom(onnx.numpy_helper.from_array(shorter, name))

    path = onnx_model(lambda model: None, tmp_path)
    assert any(pieces_of(layer) for layer in located(read(path)).layers)
    path = onnx_model(change, tmp_path)
    assert not any(pieces_of(layer) for layer in located(read(path)).layers)


def test_an_output_of_onnx_that_no_operator_gives(tmp_path: Path) -> None:
    def change(model: Any) -> None:
        node = model.graph.node[0]
        node.output.extend([""] * (3 - len(node.output)))
        node.output.append("more")
        model.graph.output[0].name = "more"

    with pytest.raises(RnncliError, match="no operator gives the output 'more'"):
        run(onnx_model(change, tmp_path))


def test_a_nan_that_signals_is_looked_at_without_a_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    from rnncli.weights.compared import distances
    from rnncli.weights.figures import figures

    values = np.array([0x7F800001, 0x3F800000], "<u4").view("<f4")
    (found,), (apart,) = figures([values]), distances(values, values.copy())
    assert (found.nan, found.max, apart.max, recwarn.list) == (1, 1, 0, [])


def test_directions_of_a_file_that_cannot_be_merged(tmp_path: Path) -> None:
    from rnncli.forward import Request, forward

    layer, backward = ({"class_name": "LSTM", "config": {"units": units, "go_backwards": back}}
                       for units, back in ((4, False), (5, True)))  # fmt: skip
    config = {"layer": layer, "backward_layer": backward, "merge_mode": "ave"}
    layers = [{"class_name": "InputLayer", "config": {"batch_shape": [None, 6, 3]}},
              {"class_name": "Bidirectional", "config": config}]  # fmt: skip
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))
    model = read(str(path))
    assert any("cannot merge" in each for each in model.warnings)
    with pytest.raises(RnncliError, match="4 and 5 features"):
        forward(model, Request(init="keras"))


@pytest.mark.parametrize("dtype", ["f8", "O8", 8, "f", "fx"])
@pytest.mark.parametrize("state", [{1: 2}, {0: 1}, (3,), (3, "<", None, None, None, "8"), None])
def test_a_pickled_dtype_that_is_none(dtype: Any, state: Any) -> None:
    from rnncli.formats.containers.pickle_machine import Record
    from rnncli.formats.torch.tensors import tensor_of

    kind, array = Record("numpy.dtype", (dtype, False, True)), Record("x._reconstruct", ())
    kind.state, array.state = state, (1, (2,), kind, False, bytes(16))
    found = tensor_of(array)
    assert found is None if dtype != "f8" else (found is not None and found.shape == (2,))


@pytest.mark.parametrize("odd", [{"layer": {"config": 3}}, {"cell": {"config": [1]}}, {"cells": 7}])
def test_dtypes_of_layers_inside_that_are_none(odd: dict[str, Any]) -> None:
    from rnncli.forward.provenance import precision_warnings
    from rnncli.model import Layer, sequential

    model = sequential((Layer("RNN", "rnn", {"dtype": "float16", **odd}),))
    (warning,) = precision_warnings(model, "float32")
    assert "float16" in warning
