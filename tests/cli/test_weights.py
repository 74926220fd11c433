"""`rnncli weights`: the figures of values that NumPy itself gives."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from files import safetensors

GOLDENS = Path(__file__).parents[1] / "goldens"
RNG = np.random.default_rng(11)


def lstm(units: int = 5, inputs: int = 3) -> dict[str, np.ndarray]:
    shapes = {"weight_ih_l0": (4 * units, inputs), "weight_hh_l0": (4 * units, units),
              "bias_ih_l0": (4 * units,), "bias_hh_l0": (4 * units,)}  # fmt: skip
    return {f"lstm.{n}": RNG.normal(size=s).astype("float32") for n, s in shapes.items()}


def rows(rnncli: Any, *arguments: str) -> dict[str, Any]:
    done = rnncli("weights", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check(row: dict[str, Any], array: np.ndarray) -> None:
    wide = array.astype(np.float64)
    assert row["shape"] == list(array.shape)
    assert row["min"] == wide.min()
    assert row["max"] == wide.max()
    assert row["mean"] == pytest.approx(wide.mean(), rel=1e-12, abs=1e-15)
    assert row["std"] == pytest.approx(wide.std(), rel=1e-12)
    assert row["norm"] == pytest.approx(np.linalg.norm(wide), rel=1e-12)
    assert row["zeros"] == (wide == 0).sum()
    assert row["histogram"] == np.histogram(wide, 16)[0].tolist()


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8"])
def test_the_figures_are_those_of_numpy(rnncli: Any, tmp_path: Path, dtype: str) -> None:
    array = (RNG.normal(size=(7, 9)) * 20).astype(dtype)
    path = safetensors(tmp_path / "m.safetensors", {"dense.weight": array})
    (row,) = rows(rnncli, str(path))["rows"]
    assert (row["layer"], row["weight"], row["dtype"]) == ("dense", "weight", dtype)
    check(row, array)


def test_each_gate_is_its_own_share(rnncli: Any, tmp_path: Path) -> None:
    arrays = lstm()
    path = safetensors(tmp_path / "m.safetensors", arrays)
    found = rows(rnncli, str(path), "--gates")["rows"]
    assert [row["gate"] for row in found] == ["i", "f", "g", "o"] * 4
    for row, (name, index) in zip(found, ((n, i) for n in arrays for i in range(4)), strict=True):
        check(row, np.split(arrays[name], 4)[index])


def test_recurrent_kernels(rnncli: Any, tmp_path: Path) -> None:
    arrays = lstm()
    hidden = arrays["lstm.weight_hh_l0"]
    hidden[5:10, :] = np.outer(hidden[5], hidden[6])  # the forget gate's kernel: of rank 1
    path = safetensors(tmp_path / "m.safetensors", arrays)
    (found,) = rows(rnncli, str(path))["recurrent"]
    assert (found["layer"], found["weight"], found["units"]) == ("lstm", "weight_hh_l0", 5)
    for gate, kernel in zip("ifgo", np.split(hidden.astype("float64"), 4), strict=True):
        radius = np.abs(np.linalg.eigvals(kernel)).max()
        assert found["spectral_radius"][gate] == pytest.approx(radius, rel=1e-9)
        norm = np.linalg.norm(kernel, 2)
        assert found["largest_singular_value"][gate] == pytest.approx(norm, rel=1e-9)
    assert found["rank"] == {"i": 5, "f": 1, "g": 5, "o": 5}
    bias = (arrays["lstm.bias_ih_l0"] + arrays["lstm.bias_hh_l0"])[5:10]
    assert found["forget_bias"] == pytest.approx(bias.mean(), rel=1e-6)
    assert found["dead_units"] == []


def test_a_recurrent_kernel_of_complex_numbers(rnncli: Any, tmp_path: Path) -> None:
    parts = zip(lstm().items(), lstm().values(), strict=True)
    arrays = {name: (one + 1j * other).astype("complex64") for (name, one), other in parts}
    path = safetensors(tmp_path / "m.safetensors", arrays)
    done = rnncli("weights", str(path), "--format", "json")
    assert done.stderr == ""
    (found,) = json.loads(done.stdout)["recurrent"]
    for gate, kernel in zip("ifgo", np.split(arrays["lstm.weight_hh_l0"], 4), strict=True):
        radius = np.abs(np.linalg.eigvals(kernel.astype("complex128"))).max()
        assert found["spectral_radius"][gate] == pytest.approx(radius, rel=1e-9)
    assert found["forget_bias"] is None


def test_signalling_nans_are_counted_without_a_word_of_numpy(rnncli: Any, tmp_path: Path) -> None:
    array = np.array([[0x7FA00000, 0x3F800000]], "uint32").view("float32")  # NaN, 1.0
    path = safetensors(tmp_path / "m.safetensors", {"dense.weight": array})
    done = rnncli("weights", str(path), "--format", "json")
    assert (json.loads(done.stdout)["rows"][0]["nan"], "RuntimeWarning" in done.stderr) == (
        1,
        False,
    )
    same = rnncli("diff", str(path), str(path), "--values")
    assert (same.returncode, "RuntimeWarning" in same.stderr) == (0, False)


def test_biases_that_are_infinite_both_ways(rnncli: Any, tmp_path: Path) -> None:
    arrays = lstm()
    arrays["lstm.bias_ih_l0"][:], arrays["lstm.bias_hh_l0"][:] = np.inf, -np.inf
    path = safetensors(tmp_path / "m.safetensors", arrays)
    done = rnncli("weights", str(path), "--format", "json")
    assert (done.returncode, done.stderr.count("\n")) == (0, done.stderr.count("warning: "))
    assert json.loads(done.stdout)["recurrent"][0]["forget_bias"] is None


def test_dead_units_and_what_is_not_finite(rnncli: Any, tmp_path: Path) -> None:
    arrays = lstm()
    for each in arrays.values():
        each[[10 + 1, 10 + 3]] = 0  # units 1 and 3 of the candidate
    arrays["lstm.weight_ih_l0"][0, 0] = np.nan
    arrays["lstm.weight_ih_l0"][0, 1] = -np.inf
    path = safetensors(tmp_path / "m.safetensors", arrays)
    answer = rows(rnncli, str(path))
    row = answer["rows"][0]
    assert (row["nan"], row["inf"], row["zeros"]) == (1, 1, 6)
    finite = arrays["lstm.weight_ih_l0"][np.isfinite(arrays["lstm.weight_ih_l0"])]
    assert row["min"] == finite.min()
    assert row["norm"] == pytest.approx(np.linalg.norm(finite.astype("float64")), rel=1e-12)
    assert answer["recurrent"][0]["dead_units"] == [1, 3]
    table = rnncli("weights", str(path)).stdout
    assert "2 of 5 units are dead (1, 3, counted from 0)" in table


@pytest.mark.parametrize("file", ["lstm_stack.keras", "lstm_stack.h5", "bidirectional_gru.keras"])
def test_files_of_keras(rnncli: Any, file: str) -> None:
    import io
    import zipfile

    import h5py

    path = GOLDENS / "keras/k3" / file
    data: Any = path
    if file.endswith(".keras"):
        data = io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5"))
    arrays: list[np.ndarray] = []
    with h5py.File(data) as opened:
        opened.visititems(
            lambda name, each: (
                arrays.append(each[...])
                if isinstance(each, h5py.Dataset) and "optimizer" not in name and each.shape
                else None
            )
        )
    found = rows(rnncli, str(path))["rows"]
    expected = sorted(float(np.linalg.norm(each.astype("float64"))) for each in arrays)
    assert sorted(row["norm"] for row in found) == pytest.approx(expected, rel=1e-9)


def test_seeded_weights_are_those_that_forward_runs_with(rnncli: Any) -> None:
    answer = rows(rnncli, "--cell", "lstm", "--units", "8", "--seed", "3")
    assert answer["weights"] == {"source": "random", "path": None, "init": "keras", "seed": 3}
    kernel, recurrent, bias = answer["rows"]
    limit = np.sqrt(6 / (32 + 32))
    assert -limit <= kernel["min"] < kernel["max"] <= limit
    assert recurrent["norm"] == pytest.approx(np.sqrt(8), rel=1e-6)  # orthonormal rows
    assert (bias["zeros"], bias["max"]) == (24, 1)
    assert answer["recurrent"][0]["forget_bias"] == 1
    assert "Weights: random (keras, seed 3)" in rnncli(
        "weights", "--cell", "lstm", "--seed", "3").stdout  # fmt: skip


def test_an_architecture_alone_has_no_weights(rnncli: Any) -> None:
    path = str(GOLDENS / "keras/k3/lstm_stack.json")
    done = rnncli("weights", path)
    assert done.returncode == 2
    assert "it holds the architecture, but no weights" in done.stderr
    assert rnncli("weights", path, "--init", "keras").returncode == 0


def test_ascii_where_the_locale_has_no_blocks(rnncli: Any) -> None:
    text = rnncli("weights", "--units", "8", env={"LC_ALL": "C", "PYTHONIOENCODING": ""}).stdout
    assert text.isascii()
    assert "%" in text


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_every_width(rnncli: Any, columns: str) -> None:
    done = rnncli("weights", "--cell", "gru", "--gates", env={"COLUMNS": columns})
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= int(columns)


def test_a_large_file_is_read_weight_by_weight(rnncli: Any, tmp_path: Path) -> None:
    zero = np.zeros((2048, 2048), np.float32)  # 16 MiB, of 320
    path = safetensors(tmp_path / "m.safetensors", {f"l{n}.weight": zero for n in range(20)})
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    line = [sys.executable, "-c", script, sys.executable, "-m", "rnncli", "weights", str(path)]
    assert int(subprocess.check_output(line)) * 1024 < 200 << 20


def test_what_cannot_be_read_is_said_to_be(rnncli: Any) -> None:
    path = str(GOLDENS / "torch/kinds/expanded.pt")  # 1e9 values in a few bytes
    answer = rows(rnncli, path)
    assert answer["rows"][0]["min"] is answer["rows"][0]["zeros"] is None
    assert any("fc/weight is not read" in each for each in answer["warnings"])


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 2), ()])
def test_repeated_values_have_the_figures_of_their_copies(axes: tuple[int, ...]) -> None:
    from rnncli.weights.compared import distances
    from rnncli.weights.figures import figures

    small = RNG.normal(size=[1 if axis in axes else 4 for axis in range(3)])
    view = np.broadcast_to(small, (4, 4, 4))
    found, expected = (figures([each])[0]._asdict() for each in (view, view.copy()))
    assert found.pop("histogram") == expected.pop("histogram")
    assert found == pytest.approx(expected, rel=1e-12)
    other = np.broadcast_to(small + 0.5, (4, 4, 4))
    (apart,) = distances(view, other)
    assert apart == pytest.approx(distances(view.copy(), other)[0], rel=1e-12)
    assert apart == pytest.approx(distances(view.copy(), other.copy())[0], rel=1e-12)


@pytest.mark.parametrize(("axis", "width"), [(0, 3), (1, 2), (2, 5), (2, 10)])
@pytest.mark.parametrize("size", [1, 16, 1 << 20])
def test_gates_of_weights_that_are_read_in_blocks(
    axis: int, width: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A width of half a gate's share is CuDNN's: the gates follow each other twice."""
    from rnncli.forward import blocks
    from rnncli.weights.compared import distances
    from rnncli.weights.figures import figures
    from rnncli.weights.layouts import GateAxis

    monkeypatch.setattr(blocks, "VALUES", size)
    shape = [6, 4, 20]
    shape[axis] = 4 * width if width != 5 else 40
    one, other = RNG.normal(size=shape), RNG.normal(size=shape)
    gates = GateAxis(("i", "f", "c", "o"), axis, width)
    split = [np.split(each, shape[axis] // width, axis) for each in (one, other)]
    shares = [[np.concatenate(each[n::4], axis) for n in range(4)] for each in split]
    found = zip(figures([one], gates), distances(one, other, gates), *shares, strict=True)
    for row, apart, a, b in found:
        assert gates.shape(tuple(shape)) == a.shape
        assert row.histogram is not None
        check({**row._asdict(), "shape": [*a.shape], "histogram": [*row.histogram]}, a)
        assert apart.max == np.abs(a - b).max()
        assert apart.mean == pytest.approx(np.abs(a - b).mean(), rel=1e-12)


def test_gates_that_keras_1_stores_apart(rnncli: Any) -> None:
    import h5py

    path = GOLDENS / "keras/k1/lstm_cpu.h5"
    with h5py.File(path) as file:
        held = file["model_weights/lstm_1"]
        stored = {n.decode(): held[n][...] for n in held.attrs["weight_names"]}
    found = [row for row in rows(rnncli, str(path), "--gates")["rows"] if row["layer"] == "lstm_1"]
    assert [row["gate"] for row in found] == ["i", "f", "c", "o"] * 3
    for row in found:
        letter = {"kernel": "W", "recurrent_kernel": "U", "bias": "b"}[row["weight"]]
        (name,) = [name for name in stored if name.endswith(f"_{letter}_{row['gate']}")]
        assert row["norm"] == pytest.approx(np.linalg.norm(stored[name]), rel=1e-6)
        assert row["shape"] == list(stored[name].shape)
