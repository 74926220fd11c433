"""Several files and folders at once."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

GOLDENS = Path(__file__).parents[1] / "goldens"
KEYS = ["path", "format", "written_by", "layers", "cells", "params", "bytes", "complete", "error"]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder with two models, one of them a folder deeper, a broken one and others."""
    deeper = tmp_path / "runs" / "deeper"
    deeper.mkdir(parents=True)
    shutil.copy(GOLDENS / "keras/k3/lstm_stack.keras", tmp_path / "runs" / "a.keras")
    shutil.copy(GOLDENS / "torch/state_dict.pt", deeper / "b.pt")
    (tmp_path / "runs" / "c.h5").write_text("no model")
    (tmp_path / "runs" / "package.json").write_text("{}")
    (tmp_path / "runs" / "notes.txt").write_text("none")
    (tmp_path / "runs" / "group1-shard1of1.bin").write_bytes(bytes(8))  # of TensorFlow.js
    return tmp_path


def lines(done: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.usefixtures("runs")
def test_a_folder_has_a_row_per_model(rnncli: Any) -> None:
    done = rnncli("summary", "runs", "--format", "json")
    rows = lines(done)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: 1 of 3 files cannot be read"
    assert [each["path"] for each in rows] == ["runs/a.keras", "runs/c.h5", "runs/deeper/b.pt"]
    assert all(key in each for each in rows for key in KEYS)
    alone = json.loads(rnncli("summary", "runs/a.keras", "--format", "json").stdout)
    assert (rows[0]["params"], rows[0]["bytes"], rows[0]["cells"], rows[0]["layers"]) == (
        alone["totals"]["params"], alone["totals"]["bytes"], ["LSTM"], len(alone["layers"]),
    )  # fmt: skip
    assert rows[0]["error"] is None and rows[1]["error"]


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("format", ["table", "csv", "markdown", "latex"])
def test_several_files_in_every_format(rnncli: Any, format: str) -> None:
    done = rnncli("summary", "runs/a.keras", "runs/deeper/b.pt", "--format", format)
    assert done.returncode == 0
    assert "a.keras" in done.stdout and "b.pt" in done.stdout and "144" in done.stdout


@pytest.mark.usefixtures("runs")
def test_depth_is_how_deep_folders_are_searched(rnncli: Any) -> None:
    shallow = lines(rnncli("summary", "runs", "--depth", "1", "--format", "json"))
    assert [each["path"] for each in shallow] == ["runs/a.keras", "runs/c.h5"]


def test_a_folder_without_models(rnncli: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for command in (["summary"], ["check", "--max-params", "1k"]):
        done = rnncli(*command, "empty")
        assert done.returncode == 2
        assert done.stderr.startswith("error: empty: it is a folder that holds no model\nhint: ")


@pytest.mark.usefixtures("runs")
def test_what_describes_one_model_does_not_go_with_several(rnncli: Any) -> None:
    for flag in (["--units", "3"], ["--layer", "LSTM(3)"], ["--format", "classic"]):
        done = rnncli("summary", "runs/a.keras", "runs/c.h5", *flag)
        assert done.returncode == 2 and flag[0] in done.stderr


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("names", ["runs/a.keras\nruns/deeper/b.pt\n",
                                   "runs/a.keras\0runs/deeper/b.pt\0"])  # fmt: skip
def test_check_takes_names_from_stdin(rnncli: Any, names: str) -> None:
    line = ("check", "--files-from", "-", "--max-params", "1G", "--format", "json")
    done = rnncli(*line, stdin=names)
    assert done.returncode == 0
    assert [each["model"] for each in json.loads(done.stdout)["checks"]] == [
        "runs/a.keras", "runs/deeper/b.pt",
    ]  # fmt: skip
    assert rnncli(*line, stdin="").returncode == 2


@pytest.mark.usefixtures("runs")
def test_check_for_continuous_integration(rnncli: Any) -> None:
    line = ("check", "runs", "--max-params", "10", "--format")
    done = rnncli(*line, "github")
    assert done.returncode == 2
    first, broken, *_ = done.stdout.splitlines()
    assert first == (
        "::error file=runs/a.keras,title=rnncli max_params::"
        "runs/a.keras: max_params: 144, but at most 10 is asked for"
    )
    assert broken.startswith("::error file=runs/c.h5,title=rnncli read::")
    suite = ET.fromstring(rnncli(*line, "junit").stdout.encode())
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "2", "1")
    assert [case.get("classname") for case in suite] == ["runs/a.keras", "runs/c.h5",
                                                         "runs/deeper/b.pt"]  # fmt: skip


def test_names_cannot_forge_annotations(rnncli: Any, tmp_path: Path) -> None:
    name = "a\n::error::b,c:d%.json"
    (tmp_path / name).write_text("{}")
    done = rnncli("check", name, "nowhere.h5", "--max-params", "1", "--format", "github")
    assert [line.partition("=")[0] for line in done.stdout.splitlines()] == ["::error file"] * 2
    found = rnncli("check", name, "nowhere.h5", "--max-params", "1", "--format", "junit")
    assert ET.fromstring(found.stdout.encode()).get("errors") == "2"
