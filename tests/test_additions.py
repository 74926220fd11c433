"""What CONTRIBUTING says is to touch for a thing to be added is enough."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("additions.py")


def run(*arguments: str) -> str:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_layer_is_one_entry(tmp_path: Path) -> None:
    x = np.arange(24, dtype="float32").reshape(1, 12, 2)
    np.save(tmp_path / "x.npy", x)
    layers = ["--layer", "Input((12, 2))", "--layer", "Scaled(factor=3.0)"]
    run("forward", *layers, "--input", str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), 3 * x)
    cost = json.loads(run("cost", *layers, "--format", "json"))
    assert cost["totals"]["peak_streaming_bytes"] < cost["totals"]["peak_sequence_bytes"]
    assert "Scaled" in run("summary", *layers)


def test_a_renderer_is_a_file_and_a_line() -> None:
    assert run("summary", "--format", "shout") == "SIMPLE_RNN SIMPLERNN ((NONE, 64),) 6208\n"
    assert "shout" in run("params", "--help")


def test_a_format_is_a_reader_a_line_and_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "model.stack"
    file.write_text("#stack\nInput((9, 3))\nLSTM(4)\n")
    found = json.loads(run("summary", str(file), "--format", "json"))
    assert found["source"]["format"] == "Stack"
    assert found["totals"]["params"] == 4 * 4 * (3 + 4 + 1)


def test_a_command_is_a_file_and_a_name() -> None:
    assert json.loads(run("count", "--depth", "3", "--format", "json"))["layers"] == 3
    assert "count" in run("--help")


def test_an_operator_is_one_entry(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    kind, helper = onnx.TensorProto.FLOAT, onnx.helper
    graph = helper.make_graph(
        [helper.make_node("Rounded", ["x"], ["y"], domain="test")], "g",
        [helper.make_tensor_value_info("x", kind, [2])],
        [helper.make_tensor_value_info("y", kind, [2])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("test", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", np.array([0.2, 1.7], "float32"))
    run("forward", str(tmp_path / "m.onnx"), "--input", str(tmp_path / "x.npy"),
        "-o", str(tmp_path / "y.npy"), "--with-onnx")  # fmt: skip
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), [0, 2])
