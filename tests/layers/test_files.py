"""Layers as only files have them, quantized or called with options: Keras's text and values."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.formats import located, read
from rnncli.forward import Request, forward
from rnncli.render import Target, render
from rnncli.report.summary import summarize

HERE = Path(__file__).parents[1] / "goldens" / "layers"
CASES = list(enumerate(json.loads((HERE / "cases.json").read_text())["cases"]))
VALUES = np.load(HERE / "values.npz")


def name(value: Any) -> str:
    return f"{value[1]['text']}{value[1]['then']}".replace(" ", "") if value else ""


every_case = pytest.mark.parametrize("golden", CASES, ids=name)


@every_case
def test_the_summary_is_that_of_keras(golden: tuple[int, dict[str, Any]]) -> None:
    index, case = golden
    model = read(str(HERE / f"{index:04}.keras"))
    assert render(summarize(model), "table", Target()).splitlines() == case["summary"].splitlines()
    assert not model.warnings


@every_case
def test_values_are_those_of_keras(golden: tuple[int, dict[str, Any]], tmp_path: Path) -> None:
    index, _ = golden
    model = located(read(str(HERE / f"{index:04}.keras")))
    inputs = []
    for number in range(len(model.inputs)):
        np.save(tmp_path / f"{number}.npy", VALUES[f"{index}/x{number}"])
        inputs.append((None, str(tmp_path / f"{number}.npy")))
    found = forward(model, Request(inputs=tuple(inputs))).arrays
    assert f"{index}/y{len(found)}" not in VALUES.files
    for number, array in enumerate(found):
        wanted = VALUES[f"{index}/y{number}"]
        assert array is not None
        assert array.shape == wanted.shape
        tolerance = 1e-5 * max(1, np.abs(wanted).max())
        np.testing.assert_allclose(array, wanted, rtol=0, atol=tolerance)


@every_case
def test_the_weights_alone_are_counted_as_the_model(
    golden: tuple[int, dict[str, Any]], tmp_path: Path
) -> None:
    index, _ = golden
    model = read(str(HERE / f"{index:04}.keras"))
    with zipfile.ZipFile(HERE / f"{index:04}.keras") as archive:
        (tmp_path / "alone.weights.h5").write_bytes(archive.read("model.weights.h5"))
    weights = [weight for layer in model.layers for weight in layer.all_weights()]
    saved = sum(weight.params for weight in weights if weight.saved)
    if saved:
        assert read(str(tmp_path / "alone.weights.h5")).params == saved
