"""Arrays and masks that a call of a layer is given: text and values of Keras."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnncli.formats import located, read
from rnncli.forward import Request, forward
from rnncli.layers import streams
from rnncli.render import Target, render
from rnncli.report.summary import summarize

ARCHIVE = Path(__file__).parents[1] / "goldens" / "constants.zip"
with zipfile.ZipFile(ARCHIVE) as opened:
    CASES = json.loads(opened.read("cases.json"))["cases"]


def extracted(case: str, folder: Path) -> str:
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    return str(next(folder.glob(f"{case}.[kh]*")))


@pytest.mark.parametrize("case", CASES)
def test_arrays_of_a_call_count(case: str, tmp_path: Path) -> None:
    model = read(extracted(case, tmp_path))
    golden = [
        np.load(tmp_path / f"{case}.npz")[f"arr_{at}"] for at in range(len(model.outputs) + 1)
    ]
    np.save(tmp_path / "x.npy", golden[0])
    found = forward(located(model), Request(inputs=((None, str(tmp_path / "x.npy")),))).arrays
    for output, array, expected in zip(model.outputs, found, golden[1:], strict=True):
        assert array is not None and array.shape == expected.shape, output
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-5, err_msg=str(output))


@pytest.mark.parametrize("case", ["arrays", "masks"])
def test_the_summary_is_that_of_keras(case: str, tmp_path: Path) -> None:
    report = summarize(read(extracted(case, tmp_path)))
    assert report.data["totals"]["params"] == CASES[case]["params"]
    assert render(report, "table", Target()).rstrip() == CASES[case]["summary"]


def test_a_call_that_is_given_an_array_does_not_work_step_by_step(tmp_path: Path) -> None:
    model = read(extracted("arrays", tmp_path))
    for name in ("add", "multiply", "lstm", "gru"):
        layer = model.layer(name)
        assert not streams(layer, layer.calls[0]), name
    assert streams(model.layer("dense"), model.layer("dense").calls[0])
