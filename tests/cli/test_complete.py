"""An answer is whole, or says that it is not: in the table, in JSON, in the exit code."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

GOLDENS = Path(__file__).parents[1] / "goldens" / "keras" / "k3"

LAYERS = [
    {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 5, 3]}},
    {"class_name": "LSTM", "config": {"name": "l", "units": 4, "return_sequences": True}},
    {"class_name": "Mine", "config": {"name": "x"}},  # 4 * 4 * (3 + 4 + 1) = 128 are before it
    {"class_name": "Dense", "config": {"name": "d", "units": 2}},
]
LIMITS = (
    "--max-params",
    "1k",
    "--max-bytes",
    "1MB",
    "--max-macs",
    "1M",
    "--output-shape",
    "None,2",
)


@pytest.fixture
def partial(tmp_path: Path) -> str:
    """Return a file of a layer that rnncli does not know, and of one after it."""
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": LAYERS}}
    (tmp_path / "model.json").write_text(json.dumps(model))
    return "model.json"


@pytest.mark.parametrize(
    ("command", "totals"),
    [
        (("summary",), ["Total params: at least 128 (2 layers unknown) (512.00 B)",
                        "Trainable params: at least 128 (2 layers unknown) (512.00 B)"]),
        (("summary", "--format", "classic"), ["Total params: at least 128 (2 layers unknown)"]),
        (("summary", "--format", "markdown"), ["- Total params: at least 128 (2 layers unknown)"]),
        (("summary", "--expand-nested"), ["Total params: at least 128 (2 layers unknown)"]),
        (("params",), ["Total params: at least 128 (2 layers unknown)", "│ x (Mine)"]),
        (("cost",), ["MACs: at least 560 (2 layers unknown)",
                     "Weights in float32: at least 512.00 B (2 layers unknown)",
                     "Outputs: at least 80.00 B (2 layers unknown)"]),
        (("summary", "model.json"), ["at least 128 (2 layers unknown)"]),
    ],
)  # fmt: skip
def test_tables_say_what_totals_leave_out(
    rnncli: Any, partial: str, command: tuple[str, ...], totals: list[str]
) -> None:
    done = rnncli(*command, partial)
    assert done.returncode == 0
    for total in totals:
        assert total in done.stdout


@pytest.mark.parametrize("command", ["summary", "params", "cost"])
def test_json_says_that_totals_leave_something_out(rnncli: Any, partial: str, command: str) -> None:
    assert json.loads(rnncli(command, partial, "--format", "json").stdout)["totals"][
        "complete"
    ] is False  # fmt: skip
    whole = json.loads(rnncli(command, "--cell", "lstm", "--format", "json").stdout)
    assert whole["totals"]["complete"] is True


def test_check_fails_on_what_is_left_out(rnncli: Any, partial: str) -> None:
    done = rnncli("check", partial, *LIMITS)
    assert done.returncode == 1
    assert done.stdout.count("unknown │") == 4
    assert "at least 128 (2 layers unknown)" in done.stdout
    found = json.loads(rnncli("check", partial, *LIMITS, "--format", "json").stdout)
    assert [each["ok"] for each in found["checks"]] == [None] * 4
    assert [each["actual"] for each in found["checks"]] == [None] * 4
    assert [each.get("at_least") for each in found["checks"]] == [128, 512, None, None]
    csv = rnncli("check", partial, "--max-params", "1k", "--format", "csv").stdout
    assert csv.splitlines()[1] == "model.json,max_params,1000,,unknown"


@pytest.mark.parametrize(
    "command",
    [("summary",), ("params",), ("shapes",), ("cost",), ("explain",), ("check", *LIMITS),
     ("forward", "--until", "l", "--init", "keras"), ("summary", "model.json")],
)  # fmt: skip
def test_json_repeats_the_warnings_of_stderr(
    rnncli: Any, partial: str, command: tuple[str, ...]
) -> None:
    done = rnncli(*command, partial, "--format", "json")
    told = [
        line.removeprefix("warning: ")
        for line in done.stderr.splitlines()
        if line.startswith("warning: ")
    ]
    objects = done.stdout.splitlines() if command[1:] == ("model.json",) else [done.stdout]
    assert told == [each for text in objects for each in json.loads(text)["warnings"]]
    assert told


@pytest.mark.parametrize("format", [("--format", "json"), ("--format=json",)])
@pytest.mark.parametrize(
    "line",
    [
        "summary missing.h5", "params missing.h5", "shapes missing.h5", "explain missing.h5",
        "cost missing.h5", "forward missing.h5", "check missing.h5 --max-params 1",
        "check --max-params 1", "check --cell lstm", "fit --max-params 0.5", "summary --nonsense",
        "nonsense", "summary --units x", "forward --input missing.npy", "check --max-params 1,5M",
        "summary --layer LSTM(", "forward --steps none", "cost --layer-name x",
    ],
)  # fmt: skip
def test_a_failed_command_answers_in_json(rnncli: Any, line: str, format: tuple[str, ...]) -> None:
    done = rnncli(*line.split(), *format)
    found = json.loads(done.stdout)
    assert done.returncode == 2
    assert f"error: {found['error']}\n" in done.stderr
    assert (f"hint: {found['hint']}\n" in done.stderr) == (found["hint"] is not None)
    assert found["schema"] == 1


def layers_group(file: Any) -> Any:
    """Return the group whose members are layers: of Keras 3, or of a full model in HDF5."""
    return file["layers"] if "layers" in file else file["model_weights"]


def more(file: Any) -> None:
    """Add a group that no layer of the config claims, with 6 parameters."""
    layers_group(file)["other/vars/0"] = np.ones((2, 3), np.float32)


def fewer(file: Any) -> None:
    """Remove the group of the first layer that has weights."""
    group = layers_group(file)
    del group[next(name for name in group if len(group[name]))]


def changed(path: Path, change: Callable[[Any], None], target: Path) -> None:
    """Copy a model with its weights changed."""
    if path.suffix == ".h5":
        shutil.copy(path, target)
        with h5py.File(target, "r+") as file:
            change(file)
        return
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(target, "w") as copy:
        for name in whole.namelist():
            data = io.BytesIO(whole.read(name))
            if name.endswith(".h5"):
                with h5py.File(data, "r+") as file:
                    change(file)
            copy.writestr(name, data.getvalue())


@pytest.mark.parametrize("name", ["lstm_stack.keras", "lstm_stack.h5"])
@pytest.mark.parametrize(
    ("change", "told", "runs"),
    [
        (more, "the file holds 6 parameters that no layer of its config claims: ", True),
        (fewer, "layer 'lstm", False),
    ],
)
def test_what_config_and_weights_do_not_share(
    rnncli: Any, tmp_path: Path, name: str, change: Any, told: str, runs: bool
) -> None:
    whole = rnncli("check", str(GOLDENS / name), "--max-params", "1M", "--no-nan")
    assert whole.returncode == 0
    changed(GOLDENS / name, change, tmp_path / name)
    done = rnncli("check", name, "--max-params", "1M", "--max-bytes", "1GB", "--no-nan")
    assert done.returncode == 1
    assert done.stdout.count("unknown │") == 3
    assert f"warning: {told}" in done.stderr
    done = rnncli("forward", name)
    assert done.returncode == (0 if runs else 2)
    assert told in done.stderr


def onnx_file(path: Path, change: Callable[[Any], None]) -> str:
    """Write `y = x @ w + b`, of 12 and 3 values, changed, and return its name."""
    from onnx import TensorProto, helper, numpy_helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
            for name, size in (("x", 4), ("y", 3)))  # fmt: skip
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])
    ]  # fmt: skip
    weights = [numpy_helper.from_array(np.ones(shape, np.float32), name)
               for name, shape in (("w", (4, 3)), ("b", (3,)))]  # fmt: skip
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path.name


def without_weight(model: Any) -> None:
    del model.graph.initializer[0]


def in_a_circle(model: Any) -> None:
    model.graph.node[0].input[0] = "y"


def of_an_unknown_type(model: Any) -> None:
    model.graph.initializer[0].data_type = 77


def with_a_name_twice(model: Any) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def with_an_output_twice(model: Any) -> None:
    model.graph.node.append(model.graph.node[1])


def of_too_few_values(model: Any) -> None:
    model.graph.initializer[0].raw_data = bytes(20)


@pytest.mark.parametrize(
    ("change", "told", "unknown"),
    [
        (without_weight, "node 'matmul' takes 'w', which nothing before it gives", 3),
        (in_a_circle, "node 'matmul' takes 'y', which nothing before it gives", 3),
        (of_an_unknown_type, "tensor 'w' is of an unknown type", 3),
        (with_a_name_twice, "several tensors of a graph have the name 'w'", 3),
        (with_an_output_twice, "several tensors of a graph have the name 'y'", 3),
        (of_too_few_values, "", 1),
    ],
)
def test_graphs_that_lack_something_fail_check(
    rnncli: Any, tmp_path: Path, change: Any, told: str, unknown: int
) -> None:
    limits = ("--max-params", "1k", "--max-bytes", "1k", "--no-nan")
    name = onnx_file(tmp_path / "model.onnx", lambda model: None)
    assert rnncli("check", name, *limits).returncode == 0
    onnx_file(tmp_path / "model.onnx", change)
    done = rnncli("check", name, *limits)
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stdout.count("unknown │") == unknown
    assert rnncli("forward", name).returncode == 2


@pytest.mark.parametrize(("dtype", "size"), [("INT4", 6), ("FLOAT8E4M3FN", 12)])
def test_small_weights_are_counted_whatever_takes_them(
    rnncli: Any, tmp_path: Path, dtype: str, size: int
) -> None:
    from onnx import TensorProto, helper

    def change(model: Any) -> None:
        weight = model.graph.initializer[0]
        weight.name, weight.raw_data = "small", bytes(size)
        weight.data_type = getattr(TensorProto, dtype)
        model.graph.node.insert(0, helper.make_node("Cast", ["small"], ["w"], to=1))

    name = onnx_file(tmp_path / "model.onnx", change)
    assert rnncli("check", name, "--params", "15", "--no-nan").returncode == 0


def with_sparse_weights(model: Any) -> None:
    from onnx import helper, numpy_helper

    values = numpy_helper.from_array(np.ones(2, np.float32), "w")
    places = numpy_helper.from_array(np.array([[0, 1], [2, 2]]), "places")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4, 3]))
    del model.graph.initializer[0]


def test_sparse_weights_are_counted_whole_and_not_run(rnncli: Any, tmp_path: Path) -> None:
    name = onnx_file(tmp_path / "model.onnx", with_sparse_weights)
    assert rnncli("check", name, "--params", "15").returncode == 0
    done = rnncli("forward", name)
    assert (done.returncode, done.stderr) == (
        2, "error: the values of sparse weights cannot be run\n",
    )  # fmt: skip


def test_a_keras_file_without_its_weights_says_so(rnncli: Any, tmp_path: Path) -> None:
    """Keras always writes them, so a count by the config alone is no proof of what is there."""
    with (
        zipfile.ZipFile(GOLDENS / "lstm_stack.keras") as whole,
        zipfile.ZipFile(tmp_path / "m.keras", "w") as copy,
    ):
        for name in whole.namelist():
            if not name.endswith(".h5"):
                copy.writestr(name, whole.read(name))
    done = rnncli("check", "m.keras", "--max-params", "1M")
    assert done.returncode == 1
    assert "warning: the file holds no weights for its layers" in done.stderr
    assert "Total params: at least" in rnncli("summary", "m.keras").stdout
