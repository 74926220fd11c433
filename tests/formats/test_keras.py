"""Files that five generations of Keras wrote: layers, shapes, counts, summaries, values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.formats import attach_weights, located, read
from rnncli.forward import Request, forward
from rnncli.forward.blocks import whole
from rnncli.forward.stored import values_in
from rnncli.model import Model
from rnncli.render import Target, render
from rnncli.report.summary import summarize

FOLDER = Path(__file__).parents[1] / "goldens" / "keras"
ERAS = sorted(folder.name for folder in FOLDER.iterdir())
RECORDS = {era: json.loads((FOLDER / era / "models.json").read_text())["models"] for era in ERAS}
MODELS = [(era, record) for era in ERAS for record in RECORDS[era]]
FILES = [
    (era, record, file)
    for era, record in MODELS
    for file in record["files"]
    if "weights" not in file
]
WEIGHTS = [
    (era, record, file) for era, record in MODELS for file in record["files"] if "weights" in file
]
VALUES = {era: np.load(FOLDER / era / "values.npz") for era in ERAS}


def name_of(case: Any) -> str:
    return case if isinstance(case, str) else ""


def arrays(era: str, record: dict[str, Any], which: str) -> list[np.ndarray]:
    start = f"{record['name']}/{which}/"
    keys = sorted(key for key in VALUES[era].files if key.startswith(start))
    return [VALUES[era][key] for key in keys]


def shapes_of(stated: Any) -> list[list[int | None]] | None:
    if stated is None:
        return None
    return stated if stated and isinstance(stated[0], list) else [stated]


@pytest.mark.parametrize(("era", "record", "file"), FILES, ids=name_of)
def test_layers_are_those_of_the_keras_that_wrote_it(
    era: str, record: dict[str, Any], file: str
) -> None:
    model = read(str(FOLDER / era / file))
    assert not model.warnings
    found = {layer.name: layer for layer in model.layers}
    for layer in record["layers"]:
        mine = found[layer["name"]]
        assert (mine.type, mine.params) == (layer["type"], layer["params"])
        expected = shapes_of(layer["shape"])
        if expected is not None:
            assert [list(shape) for shape in mine.output_shapes or ()] == expected
    assert model.params == record["params"]
    assert model.trainable_params == record["trainable"]


@pytest.mark.parametrize(("era", "record", "file"), FILES, ids=name_of)
def test_the_summary_is_that_of_keras_3(era: str, record: dict[str, Any], file: str) -> None:
    if era not in ("k3", "k30") or file.endswith(".h5"):
        return
    text = render(
        summarize(read(str(FOLDER / era / file))), "table", Target(line_length=120, width=200)
    )
    rows = record["summary"].splitlines()
    found = text.splitlines()
    assert found[0] == rows[0]
    assert [line for line in found if "│" in line] == [line for line in rows if "│" in line]


def run(model: Model, era: str, record: dict[str, Any], folder: Path) -> None:
    given = []
    for index, array in enumerate(arrays(era, record, "x")):
        np.save(folder / f"{index}.npy", array)
        given.append((None, str(folder / f"{index}.npy")))
    result = forward(model, Request(inputs=tuple(given), save=str(folder / "y.npz")))
    expected = arrays(era, record, "y")
    assert len(result.arrays) == len(expected)
    for found, wanted in zip(result.arrays, expected, strict=True):
        largest = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * largest)


@pytest.mark.parametrize(("era", "record", "file"), FILES, ids=name_of)
def test_values_are_those_of_the_keras_that_wrote_it(
    era: str, record: dict[str, Any], file: str, tmp_path: Path
) -> None:
    model = read(str(FOLDER / era / file))
    if file.endswith(".json"):
        weights = [each for each in record["files"] if "weights" in each]
        for each in weights:
            run(attach_weights(model, str(FOLDER / era / each)), era, record, tmp_path)
        return
    run(located(model), era, record, tmp_path)


@pytest.mark.parametrize(("era", "record", "file"), WEIGHTS, ids=name_of)
def test_weights_alone_give_the_counts(era: str, record: dict[str, Any], file: str) -> None:
    model = read(str(FOLDER / era / file))
    assert model.params == record["params"]
    if not file.endswith(".weights.h5"):
        held = {layer["name"]: layer for layer in record["layers"] if layer["params"]}
        found = {layer.name: layer for layer in model.layers if layer.params}
        assert {name: layer.params for name, layer in found.items()} == {
            name: layer["params"] for name, layer in held.items()
        }
        for name, layer in found.items():
            if layer.kind is not None and held[name]["type"] != "RNN":  # whose cell is seen
                assert layer.type == held[name]["type"]


def test_layers_with_weights_are_counted_twice_by_keras_2_12(tmp_path: Path) -> None:
    """The third layer's group has the number that the fourth would have elsewhere."""
    path, golden = (
        FOLDER.parent / "counted_twice.keras",
        np.load(FOLDER.parent / "counted_twice.npz"),
    )
    np.save(tmp_path / "x.npy", golden["x"])
    model = located(read(str(path)))
    found = forward(model, Request(inputs=((None, str(tmp_path / "x.npy")),))).arrays
    assert not model.warnings
    for number, array in enumerate(found):
        assert array is not None
        np.testing.assert_allclose(array, golden[f"y{number}"], atol=1e-5)


def test_bfloat16_that_keras_writes_as_two_bytes_is_read() -> None:
    """HDF5 has no such type; an attribute says what it is."""
    path = FOLDER.parent / "bfloat16.keras"
    model, expected = located(read(str(path))), np.load(path.with_suffix(".npz"))
    weights = {f"{layer.name}/{w.path}": w for layer in model.layers for w in layer.weights or ()}
    assert {weight.dtype for weight in weights.values()} == {"bfloat16"}
    assert {f"sequential/{name}" for name in weights} == set(expected.files)
    with model.store() as store:
        for name, weight in weights.items():
            found = whole(values_in(weight, store))
            np.testing.assert_array_equal(found, expected[f"sequential/{name}"])
