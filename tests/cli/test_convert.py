"""`rnncli convert`: what both frameworks store for the same network, made by the frameworks."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from files import safetensors

from rnncli.cli.models import ModelFlags, load
from rnncli.cli.options import CellFlags
from rnncli.errors import FileError
from rnncli.weights import targets
from rnncli.weights.convert import Values, convert, difference, groups
from rnncli.weights.held import Reader, opened
from rnncli.weights.refused import NAMES

GOLDENS = Path(__file__).parents[1] / "goldens"
PAIRS = GOLDENS / "pairs"


def converted(rnncli: Any, path: Path, to: str, *more: str) -> tuple[dict[str, Any], Any]:
    done = rnncli("convert", str(path), "--to", to, "-o", "out.npz", "--format", "json", *more)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["max_difference"] <= 1e-5
    return answer, done


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_pytorch_to_keras_is_what_keras_stores(rnncli: Any, tmp_path: Path, name: str) -> None:
    answer, _ = converted(rnncli, PAIRS / f"{name}.pt", "keras")
    with np.load(tmp_path / "out.npz") as out, np.load(PAIRS / f"{name}.npz") as expected:
        assert list(out) == [each["to"] for each in answer["weights"]]
        for mine, theirs in zip(out.values(), expected.values(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        shapes = [each["shape"] for each in answer["weights"]]
        assert shapes == [list(each.shape) for each in expected.values()]


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_keras_to_pytorch_is_what_pytorch_stores(rnncli: Any, tmp_path: Path, name: str) -> None:
    converted(rnncli, PAIRS / f"{name}.keras", "torch")
    with np.load(tmp_path / "out.npz") as out, np.load(PAIRS / f"{name}_torch.npz") as expected:
        left = dict(out)
        for key in expected:
            if "bias_hh" in key and name != "gru":
                continue
            wanted = expected[key]
            if "bias_ih" in key and name != "gru":
                wanted = wanted + expected[key.replace("bias_ih", "bias_hh")]
            level = key.partition("_l")[2][:1]
            own = [n for n in left if np.array_equal(left[n], wanted)]
            assert own, (key, level)
        assert all(not left[n].any() for n in left if "bias_hh" in n and name != "gru")


def test_layers_cut_differently_are_what_both_frameworks_store(rnncli: Any, tmp_path: Path) -> None:
    converted(rnncli, PAIRS / "mixer.keras", "torch")
    with np.load(tmp_path / "out.npz") as out, np.load(PAIRS / "mixer_torch.npz") as expected:
        assert set(out) == set(expected)
        for name, theirs in expected.items():
            np.testing.assert_array_equal(out[name], theirs)
    done = rnncli("convert", str(PAIRS / "mixer.pt"), "--layer-name", "attention", "--to", "keras",
                  "-o", "one.npz")  # fmt: skip
    assert "its out_proj is not there" in done.stderr


def test_a_whole_module_becomes_what_keras_stores(rnncli: Any, tmp_path: Path) -> None:
    converted(rnncli, PAIRS / "mixer.pt", "keras")
    with np.load(tmp_path / "out.npz") as out, np.load(PAIRS / "mixer.npz") as expected:
        own = [each for name, each in out.items() if not name.startswith(("sep", "depth"))]
        theirs = [each for name, each in expected.items()
                  if name.startswith(("prelu", "norm", "attention"))]  # fmt: skip
        for one, other in zip(own, theirs, strict=True):
            np.testing.assert_array_equal(one, other.reshape(one.shape))
    done = rnncli("diff", str(PAIRS / "mixer.keras"), str(PAIRS / "mixer.pt"), "--values",
                  "--format", "json")  # fmt: skip
    rows = {each["name"]: each for each in json.loads(done.stdout)["weights"]}
    assert all(each["same"] for each in rows.values())
    assert "attention/value/kernel" in rows


def onnx_tensors(path: Path) -> dict[str, np.ndarray]:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(path)
    return {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_pytorch_to_onnx_is_what_its_exporter_writes(
    rnncli: Any, tmp_path: Path, name: str
) -> None:
    converted(rnncli, PAIRS / f"{name}.onnx", "torch")
    with np.load(tmp_path / "out.npz") as out, np.load(PAIRS / f"{name}_torch.npz") as expected:
        kernels = [each for key, each in out.items() if "weight" in key]
        wanted = [each for key, each in expected.items() if key.startswith("rnn.weight")]
        assert len(kernels) == len(wanted)
        for mine, theirs in zip(kernels, wanted, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_the_way_there_and_back(rnncli: Any, tmp_path: Path) -> None:
    source = GOLDENS / "keras/k3/compiled.keras"
    converted(rnncli, source, "torch")
    done = rnncli("convert", str(source), "--to", "torch", "-o", "s.safetensors")
    assert done.returncode == 0, done.stderr
    done = rnncli("diff", str(source), "s.safetensors", "--values")
    names = json.loads(rnncli("summary", "s.safetensors", "--format", "json").stdout)["layers"]
    assert any(each["type"] == "LSTM" for each in names)
    assert "│ lstm" not in done.stdout.partition("Largest")[0]


def test_cudnn_and_keras_1_become_what_keras_3_stores(rnncli: Any, tmp_path: Path) -> None:
    path = GOLDENS / "keras/k2/cudnnlstm.h5"
    answer, _ = converted(rnncli, path, "keras")
    assert any(each["to"].endswith("lstm_cell/recurrent_kernel") for each in answer["weights"])
    answer, _ = converted(rnncli, GOLDENS / "keras/k1/lstm_cpu.h5", "keras")
    assert [each["shape"] for each in answer["weights"]] == [
        [4, 12], [3, 12], [12], [3, 8], [2, 8], [8]]  # fmt: skip


REFUSED = {
    "reset_after": (["--cell", "gru", "--no-reset-after"], "torch", "reset_after=False"),
    "activation": (["--cell", "lstm", "--activation", "relu"], "torch", "activation is relu"),
    "gates": (["--cell", "gru", "--recurrent-activation", "hard_sigmoid"], "torch", "hard_sigmoid"),
    "backwards": (["--cell", "lstm", "--go-backwards"], "torch", "go_backwards"),
    "merge": (["--bidirectional", "--merge-mode", "sum"], "torch", "merge_mode='sum'"),
    "onnx": (["--activation", "selu"], "onnx", "selu"),
    "attention": (["--layer", "Input((5, 4))", "--layer",
                   "Highway()"], "torch", "no kind that is converted"),
    "slopes": (["--layer", "Input((9, 4))", "--layer", "PReLU()"], "torch",
               "its slopes differ along other axes than the last, PyTorch's by channel"),
    "einsum": (["--layer", "Input((9, 4))", "--layer",
                "EinsumDense('abc,bcd->abd', output_shape=(9, 5))"], "torch", "no kind that is"),
    "lora": (["--layer", "Input((9, 4))", "--layer", "Dense(3, lora_rank=2)"], "torch",
             "its lora_kernel_"),
    "renorm": (["--layer", "Input((9, 4))", "--layer",
                "BatchNormalization(scale=False, renorm=True)"], "torch",
               "its moving_stddev, renorm_mean, renorm_stddev has no counterpart"),
    "biases": (["--layer", "Input((9, 4))", "--layer",
                "Bidirectional(LSTM(3), backward_layer=LSTM(3, go_backwards=True, "
                "use_bias=False))"], "torch", "unequal biases"),
}  # fmt: skip


def test_a_batch_norm_without_a_shift_becomes_one_with_zeros(rnncli: Any, tmp_path: Path) -> None:
    values = {"weight": 2, "running_mean": 1, "running_var": 3}
    arrays = {f"norm.{name}": np.full(4, each, np.float32) for name, each in values.items()}
    converted(rnncli, safetensors(tmp_path / "m.safetensors", arrays), "onnx")
    with np.load(tmp_path / "out.npz") as out:
        found = {name.rpartition("/")[2]: array.tolist() for name, array in out.items()}
    assert found == {"scale": [2] * 4, "B": [0] * 4, "input_mean": [1] * 4, "input_var": [3] * 4}


def test_complex_numbers_are_refused(rnncli: Any, tmp_path: Path) -> None:
    path = GOLDENS / "torch/kinds/complex.pt"
    done = rnncli("convert", str(path), "--to", "keras", "-o", "out.npz")
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "holds complex numbers, which are not converted" in done.stderr


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_counterpart_is_refused(rnncli: Any, tmp_path: Path, case: str) -> None:
    arguments, to, words = REFUSED[case]
    done = rnncli("convert", *arguments, "--to", to, "-o", "out.npz")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "layer '" in done.stderr
    assert not list(tmp_path.iterdir())


def attention(tmp_path: Path, **changed: Any) -> str:
    """Return a file of Keras whose only layer is attention of 4 features."""
    config = {"name": "attention", "num_heads": 2, "key_dim": 2, **changed}

    def entry(name: str) -> dict[str, Any]:
        return {"class_name": "InputLayer", "name": name, "inbound_nodes": [],
                "config": {"name": name, "batch_input_shape": [None, 6, 4]}}  # fmt: skip

    called = [[["query", 0, 0, {"value": ["value", 0, 0]}]]]
    node = {"class_name": "MultiHeadAttention", "name": "attention", "inbound_nodes": called,
            "config": config}  # fmt: skip
    model = {"class_name": "Functional", "keras_version": "2.15.0", "config": {
        "name": "model", "layers": [entry("query"), entry("value"), node],
        "input_layers": [["query", 0, 0], ["value", 0, 0]],
        "output_layers": [["attention", 0, 0]]}}  # fmt: skip
    (tmp_path / "attention.json").write_text(json.dumps(model))
    return str(tmp_path / "attention.json")


@pytest.mark.parametrize(
    ("changed", "to", "words"),
    [
        ({}, "onnx", "ONNX's Attention has no weights"),
        ({"value_dim": 3}, "torch", "value_dim=3 is not key_dim=2, and PyTorch's heads have one"),
        ({"key_dim": 3}, "torch", "num_heads × key_dim = 6, and PyTorch needs as many as the query "
         "has features, 4"),
        ({"output_shape": 7}, "torch", "it has an output_shape"),
        ({"attention_axes": [2]}, "torch", "attention_axes=[2] has no counterpart"),
        ({}, "torch", None),
        ({"use_bias": False}, "torch", None),
        ({"value_dim": 3, "key_dim": 5}, "keras", None),
    ],
)  # fmt: skip
def test_attention(
    rnncli: Any, tmp_path: Path, changed: dict[str, Any], to: str, words: str | None
) -> None:
    done = rnncli("convert", attention(tmp_path, **changed), "--init", "uniform01", "--to", to,
                  "-o", "out.npz", "--format", "json")  # fmt: skip
    if words is None:
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["max_difference"] <= 1e-12
    else:
        assert done.returncode == 2
        assert f"(MultiHeadAttention) cannot be converted to {NAMES[to]}: {words}" in done.stderr


def test_attention_of_large_weights_computes_the_same(tmp_path: Path) -> None:
    model = load(ModelFlags(attention(tmp_path)), CellFlags())
    with opened(model, "uniform01", 0) as (read, _):
        large = Reader(None, {path: 100 * array for path, array in read.random.items()})
    (group,) = groups(model.layers, False, "torch")
    apart = difference(group, Values(model.layers, large), "torch", np.random.default_rng(0))
    assert apart is not None
    assert apart <= 1e-9


def test_attention_whose_heads_are_not_known_is_refused(rnncli: Any, tmp_path: Path) -> None:
    state = {"a.in_proj_weight": np.ones((12, 4), "float32"),
             "a.out_proj.weight": np.ones((4, 4), "float32")}  # fmt: skip
    safetensors(tmp_path / "m.safetensors", state)
    done = rnncli("convert", "m.safetensors", "--to", "keras", "-o", "out.npz")
    assert done.returncode == 2
    assert "does not say its number of heads" in done.stderr


def test_what_a_module_needs_beside_weights_is_said(rnncli: Any) -> None:
    notes = rnncli("convert", str(PAIRS / "mixer.keras"), "--to", "torch", "-o", "x.npz").stdout
    for words in ("separable: it becomes an nn.Sequential of two convolutions, the first of which "
                  "has a group for each of 4 channels.", "depthwise: give the module groups=6,",
                  "norm: give the module num_groups=3, eps=0.001, which are no weights.",
                  "attention: give the module num_heads=3, batch_first=True,"):  # fmt: skip
        assert words in notes


@pytest.mark.parametrize("to", ["keras", "torch", "onnx"])
@pytest.mark.parametrize(
    "layers",
    [
        ["Dense(5)"], ["Embedding(9, 4)"], ["Conv1D(5, 3, strides=2)"], ["Conv1D(4, 3, groups=2)"],
        ["LayerNormalization()"], ["BatchNormalization()"], ["Conv1DTranspose(5, 3)"],
        ["RMSNormalization()"], ["GroupNormalization(2)"], ["PReLU(shared_axes=[1])"],
        ["SeparableConv1D(3, 2, depth_multiplier=2)"], ["DepthwiseConv1D(2, depth_multiplier=3)"],
        ["EinsumDense('...c,cd->...d', output_shape=5, bias_axes='d')"],
        ["TimeDistributed(Dense(3, activation='relu'))", "GRU(4)"],
        ["TimeDistributedDense(3)"], ["Bidirectional(SimpleRNN(3))"],
        ["RNN([LSTMCell(3), LSTMCell(3)])"],
    ],
    ids=str,
)  # fmt: skip
def test_every_kind_of_layer(rnncli: Any, to: str, layers: list[str]) -> None:
    shape = "(6,)" if layers[0].startswith("Embedding") else "(6, 4)"
    stack = [word for each in layers for word in ("--layer", each)]
    line = ["--layer", f"Input({shape})", *stack, "--init", "uniform01"]
    done = rnncli("convert", *line, "--to", to, "-o", "out.npz", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["max_difference"] <= 1e-5


@pytest.mark.parametrize("to", ["torch", "onnx"])
def test_a_normalisation_without_scale_or_shift_is_filled(
    rnncli: Any, tmp_path: Path, to: str
) -> None:
    """PyTorch's and ONNX's have both: ones and zeros, with which Keras computes too."""
    for each in (
        "BatchNormalization(scale=False)", "BatchNormalization(center=False)",
        "GroupNormalization(2, scale=False)", "LayerNormalization(scale=False)",
    ):  # fmt: skip
        done = rnncli("convert", "--layer", "Input((6, 4))", "--layer", each, "--to", to, "--init",
                      "uniform01", "-o", "out.npz", "--format", "json")  # fmt: skip
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["max_difference"] <= 1e-6
        (row,) = [row for row in answer["weights"] if row["from"] in ("ones", "zeros")]
        with np.load(tmp_path / "out.npz") as out:
            assert (out[row["to"]] == (row["from"] == "ones")).all()
            assert {each.dtype.name for each in out.values()} == {"float32"}


def test_images(rnncli: Any) -> None:
    for each in ("Conv2D(3, (2, 3))", "Conv2DTranspose(3, (2, 3))", "Conv2D(4, 2, groups=2)",
                 "SeparableConv2D(3, 2)", "DepthwiseConv2D((2, 3))",
                 "PReLU(shared_axes=[1, 2])"):  # fmt: skip
        for to in ("torch", "onnx"):
            done = rnncli("convert", "--layer", "Input((6, 7, 4))", "--layer", each, "--to", to,
                          "--init", "uniform01", "-o", "out.npz", "--format", "json")  # fmt: skip
            assert done.returncode == 0, done.stderr


def test_pictures_one_after_another(rnncli: Any) -> None:
    for to, each in (("keras", "Conv2D(3, (2, 3), activation='relu')"),
                     ("torch", "SeparableConv2D(3, 2)")):  # fmt: skip
        done = rnncli("convert", "--layer", "Input((5, 6, 7, 4))", "--layer",
                      f"TimeDistributed({each})", "--layer", "TimeDistributed(Flatten())",
                      "--layer", "LSTM(2)", "--to", to, "--init", "uniform01",
                      "-o", "out.npz", "--format", "json")  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["max_difference"] <= 1e-5


@pytest.mark.parametrize("to", ["torch", "keras", "onnx"])
def test_a_wrong_layout_is_found_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    file = PAIRS / ("gru.keras" if to != "keras" else "gru.pt")
    model = load(ModelFlags(str(file)), CellFlags())
    if to == "keras":
        right = targets._first
        monkeypatch.setattr(targets, "_first", lambda arrays: -right(arrays))
    else:
        right_turn = targets.from_keras

        def wrong(layout: Any, cell: Any, array: Any) -> Any:
            """Leave the gates in Keras's order."""
            return right_turn(layout, cell, np.roll(array, 3, axis=-1))

        monkeypatch.setattr(targets, "from_keras", wrong)
    out = tmp_path / "out.npz"
    out.write_bytes(b"as it was")
    from rnncli.formats import located

    model = located(model)
    with opened(model, None, 0) as (read, _), pytest.raises(FileError, match="nothing is written"):
        convert(groups(model.layers, False, to), Values(model.layers, read), to, str(out))
    assert out.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [out]


def test_names_of_files_stay_inside(rnncli: Any, tmp_path: Path) -> None:
    safetensors(tmp_path / "m.safetensors", {"../../evil.weight": np.ones((2, 3), "float32")})
    done = rnncli("convert", "m.safetensors", "--to", "keras", "-o", "out.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as out:
        assert all(".." not in name.split("/") for name in out)


def test_where_it_goes(rnncli: Any, tmp_path: Path) -> None:
    line = ("convert", "--cell", "lstm", "--to", "torch")
    for out, words in (("x.pt", "cannot tell the format"), ("none/x.npz", "there is no folder")):
        done = rnncli(*line, "-o", out)
        assert done.returncode == 2
        assert words in done.stderr
    assert "convert needs --to and -o" in rnncli("convert", "--cell", "lstm").stderr


def test_an_interrupted_run_leaves_no_file(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "rnncli", "convert", "--cell", "lstm", "--units", "2000",
            "--to", "torch", "-o", "big.npz"]  # fmt: skip
    (tmp_path / "big.npz").write_bytes(b"as it was")
    process = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        process.wait(1.5)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    assert [path.name for path in tmp_path.iterdir()] == ["big.npz"]
    assert (code == 0) == ((tmp_path / "big.npz").read_bytes() != b"as it was")


@pytest.mark.parametrize("to", ["keras", "torch", "onnx"])
def test_running_statistics_of_pytorch_go_along(rnncli: Any, tmp_path: Path, to: str) -> None:
    answer, _ = converted(rnncli, GOLDENS / "torch/kinds/fsdp2.pt", to)
    statistics = [each for each in answer["weights"] if "running" in each["from"]]
    assert [each["from"] for each in statistics] == ["norm.running_mean", "norm.running_var"]
    alone = {"fc.weight": np.ones((2, 3), "float32")}
    safetensors(tmp_path / "m.safetensors", alone)
    converted(rnncli, tmp_path / "m.safetensors", to)


def test_weights_that_are_no_numbers_are_moved_as_they_are(rnncli: Any, tmp_path: Path) -> None:
    kernel = np.ones((2, 3), "float32")
    kernel[0, 0] = np.nan
    safetensors(tmp_path / "m.safetensors", {"fc.weight": kernel})
    converted(rnncli, tmp_path / "m.safetensors", "keras")
    with np.load(tmp_path / "out.npz") as out:
        np.testing.assert_array_equal(next(iter(out.values())), kernel.T)
