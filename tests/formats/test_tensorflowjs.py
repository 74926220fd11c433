"""TensorFlow.js models, held to what TensorFlow says of them when it loads them again."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.errors import FileError
from rnncli.formats import read
from rnncli.forward import Request, forward

FOLDER = Path(__file__).parents[1] / "goldens" / "tensorflow" / "js"
RECORDS = json.loads((FOLDER / "records.json").read_text())["models"]
ARRAYS = np.load(FOLDER / "arrays.npz")


@pytest.mark.parametrize("name", RECORDS)
def test_layers_and_values_are_those_of_tensorflow(name: str, tmp_path: Path) -> None:
    model = read(str(FOLDER / name / "model.json"))
    found = {layer.name: [layer.name, layer.type or layer.kind, layer.params]
             for layer in model.layers}  # fmt: skip
    for each in RECORDS[name]["layers"]:
        assert found[each[0]] == each
    assert model.params == RECORDS[name]["params"]
    np.save(tmp_path / "x.npy", ARRAYS[f"{name}/in0"])
    result: Any = forward(model, Request(inputs=((None, str(tmp_path / "x.npy")),)))
    for index, array in enumerate(result.arrays):
        np.testing.assert_allclose(array, ARRAYS[f"{name}/out{index}"], rtol=0, atol=1e-5)


def changed(folder: Path, change: dict[str, Any]) -> Path:
    """Return a copy of a model whose first weight or group is changed."""
    shutil.copytree(FOLDER / "plain", folder)
    path = folder / "model.json"
    whole = json.loads(path.read_text())
    group = whole["weightsManifest"][0]
    for key, value in change.items():
        (group if key in group else group["weights"][0])[key] = value
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"paths": ["../other.bin"]}, "is not in the same folder"),
        ({"paths": ["missing.bin"]}, "it lacks the file 'missing.bin'"),
        ({"paths": []}, "lies outside its shards"),
        ({"shape": [-1, 16]}, "a damaged weightsManifest"),
        ({"shape": [1 << 40, 16]}, "."),
        ({"dtype": "float31"}, "a damaged weightsManifest"),
        ({"quantization": {"dtype": "uint8"}}, "a damaged weightsManifest"),
    ],
)
def test_a_damaged_manifest_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = changed(tmp_path / "model", change)
    np.save(tmp_path / "x.npy", ARRAYS["plain/in0"])
    with pytest.raises(FileError, match=message):
        forward(read(str(path)), Request(inputs=((None, str(tmp_path / "x.npy")),)))
