"""ONNX files: their nodes, counts and values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.errors import RnncliError
from rnncli.formats import read
from rnncli.forward import Request, forward
from rnncli.graph.alone import alone

pytest.importorskip("onnx")
FOLDER = Path(__file__).parents[1] / "goldens" / "onnx"
RECORDS = json.loads((FOLDER / "files.json").read_text())["files"]
VALUES = np.load(FOLDER / "values.npz")


def arrays(name: str, which: str) -> dict[str, np.ndarray]:
    start = f"{name}/{which}/"
    return {k.removeprefix(start): VALUES[k] for k in VALUES.files if k.startswith(start)}


@pytest.fixture(params=RECORDS, ids=lambda record: record["file"])
def record(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def test_counts_are_those_of_the_initializers(record: dict[str, Any]) -> None:
    model = read(str(FOLDER / record["file"]))
    assert model.params == record["params"]
    found = [[layer.name, layer.type] for layer in model.layers]
    assert all(node in found for node in record["recurrent"])


def test_values_are_those_of_onnx_runtime(record: dict[str, Any], tmp_path: Path) -> None:
    name = record["file"].removesuffix(".onnx")
    model = read(str(FOLDER / record["file"]))
    for key, array in arrays(name, "x").items():
        np.save(tmp_path / f"{key}.npy", array)
    given = tuple((key, str(tmp_path / f"{key}.npy")) for key in arrays(name, "x"))
    request = Request(inputs=given, save=str(tmp_path / "y.npz"))
    result = forward(model, request)
    expected = arrays(name, "y")
    assert len(result.arrays) == len(expected)
    for found, wanted in zip(result.arrays, expected.values(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["lstm_bidirectional", "gru_reset_after", "rnn_reverse"])
def test_a_node_runs_alone_on_batch_first_input(name: str, tmp_path: Path) -> None:
    model = read(str(FOLDER / f"{name}.onnx"))
    (node,) = [layer.name for layer in model.layers if layer.type in ("RNN", "LSTM", "GRU")]
    np.save(tmp_path / "x.npy", VALUES[f"{name}/x/X"].swapaxes(0, 1))
    result = forward(alone(model, node), Request(inputs=((None, str(tmp_path / "x.npy")),)))
    expected = VALUES[f"{name}/y/0"].transpose(2, 0, 1, 3)
    np.testing.assert_allclose(result.arrays[0], expected, rtol=0, atol=1e-6)


def test_data_in_another_file_is_not_opened() -> None:
    with pytest.raises(RnncliError, match=r"lies in 'weights\.bin', which is not opened"):
        read(str(FOLDER / "external.onnx"))
