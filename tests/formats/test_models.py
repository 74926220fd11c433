"""Models that Keras made: the texts, counts, shapes and values of the real Keras.

`models`: those that Keras has ways of its own with (`goldens/make_models.py`); `random_models`: a
sample of `conformance/keras_models.py`; `operations_each`: one of each operation of `keras.ops`,
of `conformance/keras_ops.py`.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from keras_records import compared

from rnncli.formats import located, read
from rnncli.forward import Request, forward

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


@pytest.mark.parametrize("kind", ["h5", "keras", "savedmodel"])
@pytest.mark.parametrize("name", ["forward", "backward", "inside", "attention", "masks"])
def test_directions_and_attention_of_tf_keras_compute_the_same(
    name: str, kind: str, tmp_path: Path
) -> None:
    """Which direction is frozen the config of tf_keras does not say; the file's order depends on
    it."""
    with zipfile.ZipFile(GOLDENS / "tf_directions.zip") as archive:
        archive.extractall(tmp_path)
    case = f"{name}-{kind}"
    arrays = np.load(tmp_path / f"{case}.npz")
    np.save(tmp_path / "x.npy", arrays["x0"])
    model = located(read(str(tmp_path / f"{case}.{kind}")))
    found = forward(model, Request(inputs=((None, str(tmp_path / "x.npy")),))).arrays[0]
    np.testing.assert_allclose(found, arrays["y0"], rtol=0, atol=1e-5)
    if name == "inside":  # of which the config says what is frozen
        told = json.loads((tmp_path / f"{case}.told.json").read_text())
        assert [model.params, model.trainable_params] == told["params"]
