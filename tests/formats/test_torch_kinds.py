"""PyTorch files of the rarer kinds: modules, counts and values are PyTorch's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.errors import FileError, RnncliError, UnsupportedError, UsageError
from rnncli.formats import is_model_folder, read
from rnncli.forward import Request, forward
from rnncli.forward.finite import count_not_finite
from rnncli.forward.stored import to_values
from rnncli.graph.alone import alone
from rnncli.report.cost import cost
from rnncli.storage import ITEM_SIZE, Tensor

FOLDER = Path(__file__).parents[1] / "goldens" / "torch" / "kinds"
RECORDS = json.loads((FOLDER / "files.json").read_text())["files"]
VALUES = np.load(FOLDER / "values.npz")
RUNS = sorted({key.rpartition("/")[0] for key in VALUES.files} - {"codes"})
_RECURRENT = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")


def _id(record: dict[str, Any]) -> str:
    return f"{record['file']}{':' + record['key'] if 'key' in record else ''}"


@pytest.mark.parametrize("record", RECORDS, ids=_id)
def test_counts_and_kinds_are_those_of_pytorch(record: dict[str, Any]) -> None:
    model = read(str(FOLDER / record["file"]), key=record.get("key"))
    assert model.params == record["total"]
    assert sum(buffer.params for buffer in model.buffers) == record["buffers"]
    found = {layer.name: layer for layer in model.layers}
    warnings = " ".join(model.warnings)
    for name, (kind, count) in record["kinds"].items():
        layer = found[name]
        assert layer.params == count
        # A recurrent module is told; of others the warning says where a guess may be wrong.
        if layer.type != kind:
            assert kind not in _RECURRENT
            assert layer.type not in _RECURRENT
            assert f"{name} (" in warnings
            assert kind in warnings.partition(f"{name} (")[2].partition(")")[0]
    assert all(words in warnings for words in record["says"])
    assert model.complete is not record.get("partial", False)


@pytest.mark.parametrize("run", RUNS)
def test_values_are_those_of_pytorch(run: str, tmp_path: Path) -> None:
    file, _, name = run.rpartition("/")
    np.save(tmp_path / "x.npy", VALUES[f"{run}/x"])
    request = Request(inputs=((None, str(tmp_path / "x.npy")),))
    model = read(str(FOLDER / file))
    names = [layer.name for layer in model.layers if layer.kind]
    (found,) = forward(alone(model, name if name in names else names[0]), request).arrays
    assert found is not None
    np.testing.assert_allclose(found, VALUES[f"{run}/y"], rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"])
def test_each_pattern_of_eight_bits_means_what_it_means_to_pytorch(dtype: str) -> None:
    found = to_values(Tensor(dtype, (256,), bytes(range(256))))
    np.testing.assert_array_equal(found, VALUES[f"codes/{dtype}"])
    assert ITEM_SIZE[dtype] == 1


@pytest.mark.parametrize("file", ["meta.pt", "quantised.pt", "sparse.pt"])
def test_values_that_are_not_there_are_not_called_finite(file: str) -> None:
    found = count_not_finite(read(str(FOLDER / file)))
    assert found.read < found.total


def test_quantised_weights_are_not_run_as_if_they_were_whole() -> None:
    with pytest.raises(FileError, match="quantised to int8"):
        forward(alone(read(str(FOLDER / "quantised.pt")), "gru"), Request())
    with pytest.raises(UnsupportedError, match="complex"):
        forward(alone(read(str(FOLDER / "complex.pt")), "lstm"), Request())
    with pytest.raises(RnncliError, match="computed from what is stored"):
        forward(alone(read(str(FOLDER / "orthogonal.pt")), "gru"), Request())


def test_buffers_and_repeated_values_are_looked_at_for_nan() -> None:
    """The statistics of the norm are buffers; `expanded.pt` holds one value, 10^9 times."""
    found = count_not_finite(read(str(FOLDER / "own.pt")))
    assert (found.bad, found.read) == (0, found.total)
    found = count_not_finite(read(str(FOLDER / "expanded.pt")))
    assert (found.bad, found.read, found.total) == (0, 1, 1)
    model = read(str(FOLDER / "dumped.pkl"))
    parameters = [w for layer in model.layers for w in layer.weights or () if not w.shared]
    assert count_not_finite(model).total == len(model.buffers) + len(parameters)


def test_a_key_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(UsageError, match="no such key") as raised:
        read(str(FOLDER / "two_models.pt"), key="generater")
    assert raised.value.hint == "did you mean generator?"
    with pytest.raises(UsageError, match="--key"):
        read(str(FOLDER / "bfloat16.safetensors"), key="model")


def test_an_optimizer_is_counted_where_it_is_asked_for() -> None:
    model = read(str(FOLDER / "optimizer_en_opt.pt"), optimizer=True)
    assert model.optimizer is not None
    slots = sum(variable.params for variable in model.optimizer)
    steps = sum(not w.shared for layer in model.layers for w in layer.weights or ())
    assert slots == 2 * model.params + steps  # two averages each, and a count of steps


def test_a_folder_is_a_model_and_its_shards_are_its_own(tmp_path: Path) -> None:
    assert is_model_folder(str(FOLDER / "sharded"))
    index = json.loads((FOLDER / "sharded" / "model.safetensors.index.json").read_text())
    names = sorted(set(index["weight_map"].values()))
    for name in names[:2]:
        (tmp_path / name).write_bytes((FOLDER / "sharded" / name).read_bytes())
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index))
    model = read(str(path))
    assert not model.complete
    assert any(names[2] in gap for gap in model.gaps)
    (tmp_path / names[2]).symlink_to(FOLDER / "sharded" / names[2])
    with pytest.raises(FileError, match="symbolic link"):
        read(str(path))
    for outside in ("../other.safetensors", "/etc/passwd", "a\\b.safetensors"):
        index["weight_map"] = {"fc.weight": outside}
        path.write_text(json.dumps(index))
        with pytest.raises(FileError, match="same folder"):
            read(str(path))


def test_safetensors_may_not_overlap_or_leave_holes(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for second in ([0, 4], [8, 12], [2, 6]):
        header = json.dumps({
            "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": second},
        }).encode()  # fmt: skip
        path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(second[1]))
        with pytest.raises(FileError, match="damaged safetensors"):
            read(str(path))


def test_cost_counts_the_modules_of_a_file_at_each_step() -> None:
    """Of `whole.pt`: an LSTM of 960 a step, a Linear from 10 to 3, 7 steps, batch 2."""
    model = read(str(FOLDER.parent / "whole.pt"))
    report = cost(model, batch=2, steps=7)
    rows = {row["name"]: row for row in report.data["layers"]}
    assert rows["head"]["macs_per_step"] == 2 * 10 * 3
    assert rows["embedding"]["macs"] == rows["norm"]["macs"] == rows["dropout"]["macs"] == 0
    assert rows["head"]["output_bytes"] == 2 * 7 * 3 * 4
    totals = report.data["totals"]
    assert totals["macs"] == 2 * 7 * (960 + 30)
    assert totals["state_bytes"] == rows["lstm"]["state_bytes"]


def test_cost_counts_self_attention_by_its_steps() -> None:
    """Three projections of width 4 a step, and scores and their use: 2 × 5 × 5 × 4."""
    model = read(str(FOLDER / "lookalikes_whole.pt"))
    rows = {row["name"]: row for row in cost(model, steps=5).data["layers"]}
    assert rows["attention"]["macs"] == 5 * 3 * 4 * 4 + 2 * 5 * 5 * 4
    assert rows["turned"]["macs"] == 5 * 3 * 5 * 2
    assert rows["image"]["macs"] is None
