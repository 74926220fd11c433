"""SavedModels, checkpoints and pickles that TensorFlow and Keras wrote, held to what they say."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.errors import FileError
from rnncli.formats import located, read
from rnncli.forward import Request, forward

GOLDENS = Path(__file__).parents[1] / "goldens" / "tensorflow"
RECORDS = {
    f"{era}/{each['name']}": each
    for era in ("tf215", "k3")
    for each in json.loads((GOLDENS / era / "records.json").read_text())["models"]
}


# What has a config to hold Keras to: Keras 3's exports have none.
DESCRIBED = {name: each for name, each in RECORDS.items()
             if name.startswith("tf215") or "." in name}  # fmt: skip
EXPORTED = {name: each for name, each in RECORDS.items() if name not in DESCRIBED}
RUN = [name for name, each in DESCRIBED.items()
       if each["class"] in ("Sequential", "Functional")
       and "ConvLSTM2D" not in {layer["type"] for layer in each["layers"]}]  # fmt: skip
RECURRENT = {"LSTM", "GRU", "SimpleRNN", "Bidirectional"}


def path_of(name: str) -> Path:
    path = GOLDENS / name
    return path if path.exists() else path.with_name(f"{path.name}.zip")


def unzipped(name: str, folder: Path) -> Path:
    with zipfile.ZipFile(path_of(name)) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("name", DESCRIBED)
def test_layers_are_those_of_tensorflow(name: str) -> None:
    record, model = RECORDS[name], read(str(path_of(name)))
    found = {layer.name: layer for layer in model.layers}
    for each in record["layers"]:
        layer = found[each["name"]]
        assert (layer.type or layer.kind, layer.params) == (each["type"], each["params"])
        if each["output_shapes"] and record["class"] in ("Sequential", "Functional"):
            assert [list(shape) for shape in layer.output_shapes or ()] == each["output_shapes"]
    assert (model.params, model.trainable_params) == (record["params"], record["trainable"])


@pytest.mark.parametrize("name", RUN)
def test_values_are_those_of_tensorflow(name: str, tmp_path: Path) -> None:
    era, _, stem = name.partition("/")
    arrays = np.load(GOLDENS / era / "arrays.npz")
    given: list[tuple[str | None, str]] = []
    for index in range(sum(key.startswith(f"{stem}/in") for key in arrays)):
        np.save(tmp_path / f"{index}.npy", arrays[f"{stem}/in{index}"])
        given.append((None, str(tmp_path / f"{index}.npy")))
    result: Any = forward(located(read(str(path_of(name)))), Request(inputs=tuple(given)))
    wanted = [arrays[f"{stem}/out{i}"] for i in range(len(result.arrays))]
    for found, each in zip(result.arrays, wanted, strict=True):
        np.testing.assert_allclose(found, each, rtol=0, atol=1e-5)


def test_a_folder_and_the_path_in_it_are_the_same(tmp_path: Path) -> None:
    folder = unzipped("tf215/lstm", tmp_path)
    names = [[each.name for each in read(str(path)).layers]
             for path in (folder, folder / "saved_model.pb", path_of("tf215/lstm"))]  # fmt: skip
    assert names[0] == names[1] == names[2]


@pytest.mark.parametrize("name", EXPORTED)
def test_variables_of_an_export_are_those_of_its_layers(name: str) -> None:
    record, model = RECORDS[name], read(str(path_of(name)))
    assert model.params == record["params"]
    found = sorted((layer.type or str(layer.kind), layer.params) for layer in model.layers)
    for layer in record["layers"]:
        if layer["type"] in RECURRENT and record["class"] != "WithLists":
            assert (layer["type"], layer["params"]) in found


def test_modules_without_keras_are_told_by_their_variables() -> None:
    model = read(str(path_of("tf215/low_level")))
    assert [(each.kind, each.params) for each in model.layers] == [("LSTM", 128)]


def test_a_checkpoint_is_read_by_its_index(tmp_path: Path) -> None:
    folder = unzipped("tf215/checkpoint", tmp_path)
    model = read(str(folder / "model.ckpt.index"))
    found = {each.name: (each.type or each.kind, each.params) for each in model.layers}
    assert found == {"model/cell": ("LSTM", 128), "model": ("Dense", 8)}


@pytest.mark.parametrize("kind", ["", "_zlib", "_gzip", "_bz2", "_xz", "_lzma"])
@pytest.mark.parametrize("era", ["tf215", "k3"])
def test_joblib_files_are_the_same_compressed_or_not(era: str, kind: str) -> None:
    model = read(str(GOLDENS / era / f"lstm{kind}.joblib"))
    assert model == read(str(GOLDENS / era / "lstm.pkl"))._replace(
        source=model.source, store=model.store
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("forest.joblib", "sklearn.ensemble._forest.RandomForestRegressor"),
        ("scaler.pkl", "sklearn.preprocessing._data.StandardScaler"),
    ],
)
def test_another_object_is_named_by_its_class(name: str, what: str) -> None:
    with pytest.raises(FileError, match=f"a pickle of {what}: no model"):
        read(str(GOLDENS / "tf215" / name))


def test_metadata_and_checkpoint_that_disagree_are_refused(tmp_path: Path) -> None:
    folder = unzipped("tf215/lstm", tmp_path)
    path = folder / "keras_metadata.pb"
    path.write_bytes(path.read_bytes().replace(b'"units": 5,', b'"units": 6,'))
    with pytest.raises(FileError, match="are of different models: layer 'lstm'"):
        read(str(folder))


def test_a_shard_that_is_a_link_cut_short_or_not_there(tmp_path: Path) -> None:
    folder = unzipped("tf215/lstm", tmp_path / "model")
    shard = folder / "variables" / "variables.data-00000-of-00001"
    data = shard.read_bytes()
    for change, message in (
        (lambda: shard.write_bytes(data[:100]), "is truncated"),
        (shard.unlink, "it lacks the file"),
        (lambda: shard.symlink_to(tmp_path / "other"), "is a symbolic link"),
    ):
        change()
        with pytest.raises(FileError, match=message):
            read(str(folder))


def test_an_index_cut_short_or_changed_anywhere_is_a_model_or_an_error(tmp_path: Path) -> None:
    folder = unzipped("tf215/lstm", tmp_path)
    path = folder / "variables" / "variables.index"
    data = path.read_bytes()
    for at in range(0, len(data), 3):
        for changed in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            path.write_bytes(changed)
            try:
                read(str(folder))
            except FileError:
                continue
