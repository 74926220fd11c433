"""Long names: they are read and printed, up to what memory holds."""

import json
import struct
from math import prod
from pathlib import Path
from typing import Any

import pytest

from rnncli.errors import FileError
from rnncli.formats import limits, read
from rnncli.render import Target, render
from rnncli.report.summary import summarize

GOLDENS = Path(__file__).parents[1] / "goldens"
SHAPES = {
    "weight_ih_l0": (16, 4),
    "weight_hh_l0": (16, 4),
    "bias_ih_l0": (16,),
    "bias_hh_l0": (16,),
}


def write_safetensors(path: Path, name: str) -> None:
    header: dict[str, Any] = {}
    end = 0
    for weight, shape in SHAPES.items():
        start, end = end, end + 4 * prod(shape)
        header[f"{name}.{weight}"] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))


def write_json(path: Path, name: str) -> None:
    layer = {"name": name, "units": 4, "batch_input_shape": [None, 5, 4]}
    layers = [{"class_name": "LSTM", "config": layer}]
    path.write_text(json.dumps({"class_name": "Sequential", "config": layers}))


WRITERS = {".safetensors": write_safetensors, ".json": write_json}
each_format = pytest.mark.parametrize("suffix", WRITERS)


@each_format
def test_a_long_name_is_read_and_printed_whole(suffix: str, tmp_path: Path) -> None:
    name, path = "n" * 10_000, tmp_path / f"model{suffix}"
    WRITERS[suffix](path, name)
    report = summarize(read(str(path)))
    assert name in render(report, "csv", Target())
    table = render(report, "table", Target(line_length=10_000))
    assert name[:4_000] in table


@each_format
def test_a_name_beyond_the_bound_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    WRITERS[suffix](path, "n" * (limits.NAME_CHARACTERS + 1))
    with pytest.raises(FileError, match=r"name.*at most 100,000"):
        read(str(path))


def test_a_prefix_that_many_tensors_share_does_not_multiply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = str(GOLDENS / "torch/state_dict.pt")
    read(path)
    monkeypatch.setattr(limits, "NAMES_CHARACTERS", 100)
    with pytest.raises(FileError, match="characters in all names"):
        read(path)
