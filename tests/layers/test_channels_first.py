"""Layers whose channels stand first: text, shapes and values of Keras."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnncli.formats import located, read
from rnncli.forward import Request, forward
from rnncli.render import Target, render
from rnncli.report.summary import summarize

ARCHIVE = Path(__file__).parents[1] / "goldens" / "channels_first.zip"
with zipfile.ZipFile(ARCHIVE) as opened:
    MODELS = json.loads(opened.read("models.json"))["models"]


@pytest.mark.parametrize("index", range(len(MODELS)))
def test_layers_with_channels_first_are_those_of_keras(index: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        for ending in ("keras", "npz"):
            archive.extract(f"{index}.{ending}", tmp_path)
    golden = np.load(tmp_path / f"{index}.npz")
    np.save(tmp_path / "x.npy", golden["x"])
    model = read(str(tmp_path / f"{index}.keras"))
    assert render(summarize(model), "table", Target()).rstrip() == MODELS[index]["summary"].rstrip()
    found = forward(located(model), Request(inputs=((None, str(tmp_path / "x.npy")),))).arrays
    assert f"y{len(found)}" not in golden.files
    for number, (name, array) in enumerate(zip(MODELS[index]["layers"], found, strict=True)):
        expected = golden[f"y{number}"]
        assert array is not None
        assert array.shape == expected.shape, name
        limit = 1e-5 * max(1, np.abs(expected).max())
        np.testing.assert_allclose(array, expected, rtol=0, atol=limit, err_msg=name)
