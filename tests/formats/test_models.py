"""Models that Keras made: the texts, counts, shapes and values of the real Keras.

`models`: those that Keras has ways of its own with (`goldens/make_models.py`); `random_models`: a
sample of `conformance/keras_models.py`; `operations_each`: one of each operation of `keras.ops`,
of `conformance/keras_ops.py`.
"""

import json
import zipfile
from pathlib import Path

import pytest
from keras_records import compared

from rnncli.formats import read

GOLDENS = Path(__file__).parents[1] / "goldens"
ENDING = ".told.json"


def cases(stem: str) -> list[tuple[str, str]]:
    with zipfile.ZipFile(GOLDENS / f"{stem}.zip") as archive:
        names = archive.namelist()
    return [(stem, name.removesuffix(ENDING)) for name in names if name.endswith(ENDING)]


@pytest.mark.parametrize(
    ("stem", "case"),
    [*cases("models"), *cases("random_models"), *cases("operations_each")],
)
def test_keras_says_the_same(stem: str, case: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(GOLDENS / f"{stem}.zip") as archive:
        for name in archive.namelist():
            if name.startswith(f"{case}."):
                archive.extract(name, tmp_path)
    assert compared(tmp_path / case) == ("same", "")


@pytest.mark.parametrize("ending", ["weights.h5", "keras"])
def test_all_layers_of_a_subclassed_model_are_counted(ending: str) -> None:
    told = json.loads((GOLDENS / "subclassed.json").read_text())
    model = read(str(GOLDENS / f"subclassed.{ending}"))
    assert model.params == told["params"]
    assert {layer.type for layer in model.layers} >= {"LSTM", "GRU", "Bidirectional", "Dense"}
    assert any("inferred" in warning for warning in model.warnings)
