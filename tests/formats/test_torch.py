"""Files that PyTorch wrote: their modules, counts and values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.formats import read
from rnncli.forward import Request, forward
from rnncli.graph.alone import alone

FOLDER = Path(__file__).parents[1] / "goldens" / "torch"
RECORDS = json.loads((FOLDER / "files.json").read_text())["files"]
VALUES = np.load(FOLDER / "values.npz")
RUNS = sorted({key.rpartition("/")[0] for key in VALUES.files})


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["file"])
def test_modules_and_counts_are_those_of_pytorch(record: dict[str, Any]) -> None:
    model = read(str(FOLDER / record["file"]))
    found = [
        {"name": layer.name, "type": layer.type, "params": layer.params}
        for layer in model.layers
        if layer.params
    ]
    expected = record["layers"]
    if record["file"] in ("whole.pt", "modules.pt", "script.pt", "older_modules.pt"):
        assert found == expected  # the file names the classes
    else:
        order = _by_name if record["file"].endswith(".safetensors") else list  # it sorts by dtype
        assert order(map(_without_type, found)) == order(map(_without_type, expected))
        known = {layer.name: layer.type for layer in model.layers if layer.kind}
        assert known == {each["name"]: each["type"] for each in expected if _recurrent(each)}
    assert model.params == model.trainable_params == record["total"]


def _by_name(layers: Any) -> list[dict[str, Any]]:
    return sorted(layers, key=lambda layer: layer["name"])


def _without_type(layer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in layer.items() if key != "type"}


def _recurrent(layer: dict[str, Any]) -> bool:
    return layer["type"].startswith(("RNN", "LSTM", "GRU"))


@pytest.mark.parametrize("run", RUNS)
def test_values_are_those_of_pytorch(run: str, tmp_path: Path) -> None:
    file, _, name = run.partition("/")
    np.save(tmp_path / "x.npy", VALUES[f"{run}/x"])
    request = Request(inputs=((None, str(tmp_path / "x.npy")),))
    result = forward(alone(read(str(FOLDER / file)), name), request)
    (found,) = result.arrays
    np.testing.assert_allclose(found, VALUES[f"{run}/y"], rtol=0, atol=1e-6)


def test_a_state_dict_is_told_its_nonlinearity(tmp_path: Path) -> None:
    """The same weights as `modules.pt`, whose file says relu."""
    run = "modules.pt/rnn_relu"
    np.save(tmp_path / "x.npy", VALUES[f"{run}/x"])
    model = read(str(FOLDER / "state_dict.pt"))
    assert "tanh is taken" in alone(model, "rnn_relu").warnings[-1]
    assert not alone(read(str(FOLDER / "modules.pt")), "rnn_relu").warnings
    request = Request(inputs=((None, str(tmp_path / "x.npy")),))
    (found,) = forward(alone(model, "rnn_relu", "relu"), request).arrays
    np.testing.assert_allclose(found, VALUES[f"{run}/y"], rtol=0, atol=1e-6)
