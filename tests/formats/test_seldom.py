"""Files kept in ways that are seldom: what the real Keras says of them."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnncli.errors import RnncliError
from rnncli.formats import attach_weights, located, read
from rnncli.forward import Request, forward
from rnncli.model import Model
from rnncli.render import Target, render
from rnncli.report.summary import summarize

ARCHIVE = Path(__file__).parents[1] / "goldens" / "seldom.zip"
with zipfile.ZipFile(ARCHIVE) as opened:
    CASES = json.loads(opened.read("cases.json"))["cases"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    for name, array in np.load(tmp_path / "values.npz").items():
        np.save(tmp_path / f"{name}.npy", array)
    return tmp_path


def run(model: Model, folder: Path, *inputs: str) -> list[np.ndarray]:
    given = tuple((None, str(folder / f"{each}.npy")) for each in inputs)
    return [each for each in forward(model, Request(inputs=given)).arrays if each is not None]


def test_bfloat16_in_hdf5_is_read_although_nothing_calls_it_so(folder: Path) -> None:
    model = read(str(folder / "half.h5"))
    assert render(summarize(model), "table", Target()).rstrip() == CASES["half"]["summary"]
    (found,) = run(model, folder, "x")
    # Keras computes in bfloat16 too, rnncli in float32.
    np.testing.assert_allclose(found, np.load(folder / "half.npy"), rtol=0, atol=0.05)


def test_shards_are_one_file_of_weights(folder: Path) -> None:
    index = str(folder / "full.weights.json")
    alone = read(index)
    assert [(layer.name, layer.kind) for layer in alone.layers] == [
        ("dense", "Dense"), ("gru", "GRU"), ("lstm", "LSTM"), ("dense_1", "Dense")]  # fmt: skip
    assert alone.params == CASES["full"]["params"] and alone.complete
    (found,) = run(attach_weights(read(str(folder / "full.json")), index), folder, "x")
    np.testing.assert_allclose(found, np.load(folder / "full.npy"), rtol=0, atol=1e-6)


def test_a_shard_alone_is_not_a_model(folder: Path) -> None:
    shard = folder / "full_00001.weights.h5"
    assert any("give their index, full.weights.json" in gap for gap in read(str(shard)).gaps)
    whole = read(str(folder / "full.weights.json")).params
    shard.unlink()
    rest = read(str(folder / "full.weights.json"))
    assert rest.params < whole
    assert rest.gaps == (
        "shard full_00001.weights.h5 is not there: what it holds is not counted",)  # fmt: skip


@pytest.mark.parametrize(
    ("weight_map", "told"),
    [
        ('{"a": ["../x.weights.h5"]}', "not in the same folder"),
        ('{"a": ["none.weights.h5"]}', "none of its shards is there"),
        ('{"a": [7]}', "lists '.7.' as files"),
        ('{"a": {"b": []}}', "as files"),
        ('["x.weights.h5"]', "no index of Keras's shards"),
        ("{}, []", "cannot be read"),
    ],
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, weight_map: str, told: str) -> None:
    path = tmp_path / "m.weights.json"
    path.write_text(f'{{"metadata": [], "weight_map": {weight_map}}}')
    with pytest.raises(RnncliError, match=told):
        read(str(path))


def test_a_folder_has_vocabularies(folder: Path) -> None:
    model = located(read(str(folder / "tables")))
    assert render(summarize(model), "table", Target()).rstrip() == CASES["tables"]["summary"]
    words, shares = run(model, folder, "texts", "numbers")
    np.testing.assert_array_equal(words, np.load(folder / "words.npy"))
    np.testing.assert_allclose(shares, np.load(folder / "shares.npy"), rtol=0, atol=1e-6)


def test_shards_of_a_model_without_weights_are_none(folder: Path) -> None:
    index = str(folder / "empty.weights.json")
    assert read(index).params == CASES["empty"]["params"] == 0
    model = attach_weights(read(str(folder / "empty.json")), index)
    assert render(summarize(model), "table", Target()).rstrip() == CASES["empty"]["summary"]
