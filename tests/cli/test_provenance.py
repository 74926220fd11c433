"""`forward` says where its numbers come from, and invents none for a file."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

GOLDENS = Path(__file__).parents[1] / "goldens" / "keras" / "k3"


def answer(done: Any) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_file_with_its_weights(rnncli: Any) -> None:
    path = str(GOLDENS / "lstm_stack.keras")
    found = answer(rnncli("forward", path, "--format", "json"))
    assert found["weights"] == {"source": "file", "path": path, "init": None, "seed": None}
    assert found["input"] == {"source": "random", "path": None, "seed": 0}
    assert f" Weights: file {path}\n Input: random (seed 0)\n" in rnncli("forward", path).stdout


def test_flags_draw_weights(rnncli: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((5, 32), np.float32))
    found = answer(rnncli("forward", "--seed", "3", "--input", "x.npy", "--format", "json"))
    assert found["weights"] == {"source": "random", "path": None, "init": "keras", "seed": 3}
    assert found["input"] == {"source": "input", "path": "x.npy", "seed": None}
    told = rnncli("forward", "--init", "uniform01").stdout
    assert " Weights: random (uniform01, seed 0)\n" in told


def test_weights_that_are_given(rnncli: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", kernel=np.ones((32, 64)), recurrent_kernel=np.eye(64),
             bias=np.zeros(64))  # fmt: skip
    found = answer(rnncli("forward", "--weights", "w.npz", "--format", "json"))
    assert found["weights"]["source"] == "weights"
    assert found["weights"]["path"] == "w.npz"


def without(member: str, folder: Path) -> None:
    """Copy a `.keras` file without one of its members."""
    with (
        zipfile.ZipFile(GOLDENS / "lstm_stack.keras") as whole,
        zipfile.ZipFile(folder / "model.keras", "w") as part,
    ):
        for name in whole.namelist():
            if name != member:
                part.writestr(name, whole.read(name))


@pytest.mark.parametrize("name", ["model.keras", "model.json"])
def test_an_architecture_alone_is_not_run_on_invented_weights(
    rnncli: Any, tmp_path: Path, name: str
) -> None:
    without("model.weights.h5", tmp_path)
    shutil.copy(GOLDENS / "lstm_stack.json", tmp_path / "model.json")
    done = rnncli("forward", name)
    assert done.returncode == 2
    *_, error, hint = done.stderr.splitlines()
    assert error == f"error: {name}: it holds the architecture, but no weights"
    assert "--init keras" in hint
    found = answer(rnncli("forward", name, "--init", "keras", "--format", "json"))
    assert found["weights"]["source"] == "random"


def test_a_weight_of_another_shape_is_named(rnncli: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(GOLDENS / "lstm_stack.keras") as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    config = json.loads(members["config.json"])
    layer = next(each for each in config["config"]["layers"] if each["class_name"] == "LSTM")
    layer["config"]["units"] += 1
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as changed:
        for name, data in members.items():
            changed.writestr(name, data)
    done = rnncli("forward", "model.keras")
    assert done.returncode == 2
    error = next(line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert "model.keras" in error
    assert layer["config"]["name"] in error
    assert "the file holds" in error


def test_half_precision_that_is_not_computed_is_said(rnncli: Any) -> None:
    dense = 'Dense(2, dtype="mixed_float16")'
    found = answer(
        rnncli("forward", "--layer", "Input((3, 4))", "--layer", dense, "--format", "json")
    )
    (warning,) = found["warnings"]
    assert warning.startswith("computed in float32, where the model's own precision is mixed_flo")
