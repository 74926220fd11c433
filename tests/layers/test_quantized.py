"""Models quantized after calibration: text, counts and values of the real Keras."""

import json
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
    if case["name"].startswith("attention"):  # of which the config says nothing
        assert model.lacks == 0
        assert (
            f"its config gives 288 parameters, the file holds {case['params'] - 50}"
            in (model.warnings[0])
        )
        return
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
