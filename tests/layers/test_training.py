"""Layers that a graph tells to train, as Keras 2 then does in every run: what it predicts."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnncli.formats import located, read
from rnncli.forward import Request, forward

ARCHIVE = Path(__file__).parents[1] / "goldens" / "training.zip"
with zipfile.ZipFile(ARCHIVE) as opened:
    CASES = json.loads(opened.read("cases.json"))["cases"]


@pytest.mark.parametrize("name", CASES)
def test_batches_are_normalised_by_themselves_and_what_is_drawn_is_said(
    name: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    expected = np.load(tmp_path / f"{name}.npz")
    np.save(tmp_path / "x.npy", expected["x"])
    model = located(read(str(tmp_path / name)))
    found = forward(model, Request(inputs=((None, str(tmp_path / "x.npy")),)))
    for number in range(len(expected) - 1):
        array = found.arrays[number]
        assert array is not None
        np.testing.assert_allclose(array, expected[f"y{number}"], rtol=0, atol=2e-6)
    said = [warning.partition(" trains in every run")[0] for warning in found.warnings]
    assert said == (["layer 'drawn'", "layer 'inner'"] if name == "wide.h5" else [])
