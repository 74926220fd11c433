"""TensorFlow Lite files, held to the Keras models they were made from."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rnncli.errors import FileError, RnncliError, UnsupportedError
from rnncli.formats import read
from rnncli.forward import Request, forward
from rnncli.layers import cells_of
from rnncli.report.cost import cost

FOLDER = Path(__file__).parents[1] / "goldens" / "tensorflow" / "lite"
RECORDS = json.loads((FOLDER / "oracle.json").read_text())["models"]


def model_of(name: str) -> Any:
    return read(str(FOLDER / f"{name}.tflite"))


@pytest.mark.parametrize("name", RECORDS)
def test_weights_count_as_in_keras(name: str) -> None:
    model, record = model_of(name), RECORDS[name]
    assert model.params == record["params"]
    assert model.complete and not model.warnings
    shapes = [model.shape(ref) for ref in model.outputs]
    assert [list(shape) for shape in shapes if shape is not None] == record["outputs"]


@pytest.mark.parametrize("name", sorted({*RECORDS} - {"unrolled"}))
def test_fused_operators_and_loops_are_told_as_their_cells(name: str) -> None:
    cells = [cell for layer in model_of(name).layers for cell in cells_of(layer)]
    assert [cell.units for cell in cells] == RECORDS[name]["units"]
    assert {cell.cell.name for cell in cells} == {RECORDS[name]["cell"]}


@pytest.mark.parametrize("name", RECORDS)
def test_a_row_per_operator(name: str) -> None:
    rows = [layer.name for layer in model_of(name).layers if layer.kind != "InputLayer"]
    shown = [row.rstrip("_0123456789") for row in rows if "/" not in row]
    assert shown == [each.lower().rstrip("_0123456789") for each in RECORDS[name]["operators"]]


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        ("lstm", 5 * 4 * 4 * (3 + 4) + 4 * 2),
        ("dynamic", 5 * 4 * 36 * (30 + 36) + 36 * 32),
        ("gru_reset_after", 5 * (3 * 4 * (3 + 4) + 3 * 3 * (4 + 3)) + 3 * 2),
        ("gru", 10 * 5 * 3 * 3 + 5 * 3 * 4 * (5 + 4) + 4 * 2),
        ("simple_rnn", 5 * (4 * (3 + 4) + 3 * (4 + 3)) + 3 * 2),
        ("flex", None),  # the length of its sequences is open
    ],
)
def test_products_of_all_steps(name: str, macs: int | None) -> None:
    assert cost(model_of(name)).data["totals"]["macs"] == macs


def test_bytes_are_those_that_the_file_stores() -> None:
    assert model_of("float16").bytes == 2 * 138
    assert model_of("int8").bytes == 138 - 18 + 4 * 18  # biases are int32
    assert "int32" in model_of("int8").source.details["constants"]


def test_forward_says_which_operator_it_does_not_run() -> None:
    with pytest.raises(UnsupportedError, match=r"'unidirectional_sequence_lstm'.* not run"):
        forward(model_of("lstm"), Request())


def test_values_are_read_as_they_are_stored() -> None:
    model = model_of("float16")
    weights = [weight for layer in model.layers for weight in layer.all_weights()]
    with model.store() as store:
        tensors = [store.read(weight.stored.tensors[0]) for weight in weights]
    assert len(tensors) == 14
    assert all(each.dtype == "float16" for each in tensors)
    assert sum(len(each.data) for each in tensors) == model.bytes


@pytest.mark.parametrize("name", ["lstm", "gru", "flex", "int8"])
def test_damage_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """Bytes changed anywhere, lengths and offsets among them, give a model or one error."""
    data, rng = (FOLDER / f"{name}.tflite").read_bytes(), Random(0)
    path, refused = tmp_path / "x.tflite", 0
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(8, len(changed) - 4)
            changed[at : at + 4] = rng.choice((b"\xff\xff\xff\x7f", b"\0\0\0\0", rng.randbytes(4)))
        path.write_bytes(changed)
        try:
            cost(read(str(path)))
        except RnncliError as error:
            refused += isinstance(error, FileError)
    assert refused > 10
