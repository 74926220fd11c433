"""Every command on pages of many widths: no number cut, no row too wide, no name gone."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnncli.cli import main
from rnncli.render.grid import width
from rnncli.units import memory

NAMES = ["bidirectional_encoder_layer_number_12", "temporal_convolution_of_the_domain_features_3"]
FLAT = ["--layer", "Input((1200, 300))",
        "--layer", f"Bidirectional(LSTM(512, return_sequences=True), name='{NAMES[0]}')",
        "--layer", f"GRU(1024, name='{NAMES[1]}')", "--layer", "Dense(50000)"]  # fmt: skip
SMALL = ["--layer", "Input((12, 3))",
         "--layer", f"LSTM(5, return_sequences=True, name='{NAMES[0]}')",
         "--layer", f"GRU(4, name='{NAMES[1]}')"]  # fmt: skip
GOLDENS = Path(__file__).parents[1] / "goldens"
STORED = str(GOLDENS / "keras" / "k3" / "lstm_stack.keras")
OTHER = str(GOLDENS / "keras" / "k3" / "functional.keras")
LINES = [
    ["summary", *FLAT],
    ["summary", *FLAT, "--show-trainable"],
    ["params", *FLAT],
    ["params", *FLAT, "--gates", "--convention", "torch"],
    ["shapes", *FLAT],
    ["shapes", "--cell", "lstm", "--bidirectional", "--units", "12345"],
    ["explain", *FLAT],
    ["cost", *FLAT],
    ["cost", *FLAT, "--batch-size", "1000000000000"],
    ["forward", *SMALL, "--stats"],
    ["fit", "--max-params", "50M", "--steps", "1000"],
    ["fit", "--max-params", "3"],
    ["explain", *SMALL, "--numbers", "--trace"],
    ["weights", STORED],
    ["weights", STORED, "--gates"],
    ["diff", STORED, OTHER],
    ["diff", STORED, OTHER, "--values"],
    ["convert", str(GOLDENS / "pairs" / "lstm.keras"), "--to", "torch", "-o", "converted.npz"],
    ["check", *FLAT, "--max-params", "1G", "--max-bytes", "4GB", "--output-shape", "None,50000"],
]
FOLDER = str(GOLDENS / "keras" / "k3")
WIDTHS = [40, 60, 72, 80, 100, 120, 200]
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")


def numbers(value: Any) -> Iterator[str]:
    """Yield the numbers of a JSON answer, each as every table may write it."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, str):
        yield from found(value)
    elif value is not None and not isinstance(value, bool):
        yield from (f"{abs(value):,}", str(abs(value)), f"{abs(value):.4g}", f"{value:.1%}"[:-1])
        if isinstance(value, int):
            yield from (memory(value).split()[0],)


def found(text: str) -> list[str]:
    return [number.rstrip(",") for number in NUMBER.findall(text)]


@pytest.fixture
def show(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Any:
    monkeypatch.chdir(tmp_path)  # where `convert` writes

    def run(*arguments: str, page: int | None = None) -> str:
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name, raising=False)
        if page:
            monkeypatch.setenv("COLUMNS", str(page))
        monkeypatch.setattr("sys.argv", ["rnncli", *arguments])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line[0]} {line[-1]}")
def test_tables_fit_their_page(show: Any, line: list[str]) -> None:
    whole = show(*line)
    sentences = [row for row in whole.splitlines() if row[:1] not in "│┃"]
    allowed = {*numbers(json.loads(show(*line, "--format", "json"))), *found("\n".join(sentences))}
    if "--trace" in line:
        allowed |= set("12345678")  # units
    named = [name for name in NAMES if name in whole]
    for page in WIDTHS:
        text = show(*line, page=page)
        assert max(map(width, text.splitlines())) <= page
        assert set(found(text)) <= allowed, page
        for name in named:
            assert re.search(name[:4] + r"\S", text), (page, name)
        assert not re.search(r"\((None|\d+)$", text.replace(" ", ""), re.MULTILINE)


@pytest.mark.parametrize("page", WIDTHS)
def test_rows_of_several_files_fit_their_page(show: Any, page: int) -> None:
    rows = [json.loads(row) for row in show("summary", FOLDER, "--format", "json").splitlines()]
    header, *lines = show("summary", FOLDER, page=page).splitlines()
    assert max(map(len, (header, *lines))) <= page
    assert header.split()[0] == "File"
    starts = [line for line in lines if line[0] != " "]
    for row, line in zip(rows, starts, strict=True):
        name = row["path"].rpartition("/")[2]
        assert name in line or (name[:4] in line and name[-4:] in line)
        if row["error"] is None:
            assert f"{row['params']:,}" in line.split()
            counted = {f"{row['params']:,}", str(row["layers"]), memory(row["bytes"]).split()[0]}
            after = line.partition(f"{name[-4:]} ")[2]
            assert set(found(re.sub(r"Keras [\d.]+|HDF5|v\d", "", after))) <= counted


@pytest.mark.parametrize("page", [40, 80])
def test_a_terminal_says_its_own_width(page: int) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, page, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    done = subprocess.run([sys.executable, "-m", "rnncli", "cost", *FLAT], stdout=theirs,
                          env={**environment, "TERM": "xterm"}, timeout=60)  # fmt: skip
    os.close(theirs)
    text = re.sub(r"\x1b\[[0-9;]*m", "", os.read(ours, 100_000).decode())
    os.close(ours)
    assert done.returncode == 0
    assert "NaN" not in text and "MACs" in text
    assert max(map(len, text.splitlines())) <= page


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LANG": "C"}])
def test_a_locale_of_ascii_gets_ascii(locale: dict[str, str]) -> None:
    dropped = ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING", "PYTHONUTF8")
    environment = {k: v for k, v in os.environ.items() if k not in dropped}
    for command in ("summary", "params", "shapes", "cost", "forward"):
        done = subprocess.run([sys.executable, "-m", "rnncli", command], capture_output=True,
                              env={**environment, **locale}, timeout=60)  # fmt: skip
        assert done.returncode == 0
        assert done.stdout.isascii()
        assert b"\\x" not in done.stdout
