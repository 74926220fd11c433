"""Models quantized after calibration: text, counts and values of the real Keras."""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnncli.errors import RnncliError
from rnncli.formats import located, read
from rnncli.forward import Request, forward
from rnncli.render import Target, render
from rnncli.report.summary import summarize

ARCHIVE = Path(__file__).parents[1] / "goldens" / "quantized.zip"
with zipfile.ZipFile(ARCHIVE) as opened:
    CASES = json.loads(opened.read("cases.json"))["cases"]
NAMES = [case["name"] for case in CASES]
HIDDEN = [each for each in NAMES if each.startswith("attention") and "  " not in each]


def unpacked(index: int, folder: Path) -> Path:
    with zipfile.ZipFile(ARCHIVE) as archive:
        for ending in ("keras", "npz"):
            archive.extract(f"{index}.{ending}", folder)
    np.save(folder / "x.npy", np.load(folder / f"{index}.npz")["x"])
    return folder / f"{index}.keras"


@pytest.mark.parametrize("index", range(len(CASES)), ids=NAMES)
def test_a_quantized_model_is_that_of_keras(index: int, tmp_path: Path) -> None:
    path, case = unpacked(index, tmp_path), CASES[index]
    model = read(str(path))
    if case["name"] in HIDDEN:  # the config says nothing of it
        assert model.lacks == 0
        assert f"parameters, the file holds {case['inside']:,} (" in model.warnings[0]
        return
    assert model.warnings == ()
    assert model.params == case["params"]
    assert render(summarize(model), "table", Target()).rstrip() == case["summary"]
    request = Request(inputs=((None, str(tmp_path / "x.npy")),))
    if case["name"].startswith("saved"):
        with pytest.raises(RnncliError, match=r"it lacks .*zero"):
            forward(located(model), request)
        return
    found = forward(located(model), request).arrays[0]
    expected = np.load(tmp_path / f"{index}.npz")["y"]
    assert found is not None
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", [each for each in NAMES if each.startswith("attention")])
def test_the_library_opens_only_attention_that_is_stored_otherwise(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    model = read(str(unpacked(NAMES.index(name), tmp_path)))
    gap = "what it holds of its attention is not counted: reading HDF5 needs h5py"
    assert model.gaps == ((gap,) if name in HIDDEN else ())
