"""The promises of SECURITY.md, on files made to break them."""

import io
import json
import os
import pickle  # noqa: TID251  to write what must not run
import re
import signal
import stat
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rnncli import interrupts
from rnncli.errors import ExitCode

# Runs rnncli and reports what it opened, ran or connected to below the folder it is in.
WATCHED = """
import os, sys
import h5py  # which asks the system for its name
seen = set()
def watch(event, arguments):
    if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect"):
        seen.add(event)
    elif event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if os.path.dirname(path) == os.getcwd():
            seen.add(os.path.basename(path))
sys.addaudithook(watch)
from rnncli.cli import main
try:
    main()
finally:
    sys.__stderr__.write("seen: " + " ".join(seen))
"""


class Bomb:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> Any:
        return os.system, ("touch broken",)


def write_zip(path: Path, members: dict[str, bytes], mode: int = stat.S_IFREG) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (mode | 0o644) << 16
            archive.writestr(info, data)


def linked(make: Callable[[h5py.File], None]) -> Callable[[Path], None]:
    """Return what writes a file of weights whose layer is what `make` puts there."""

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [b"lstm"]
            make(file)

    return write


def external_dataset(file: h5py.File) -> None:
    group = file.create_group("lstm")
    group.attrs["weight_names"] = [b"kernel"]
    group.create_dataset("kernel", (4,), "f4", external=[("other", 0, h5py.h5f.UNLIMITED)])


def virtual_dataset(file: h5py.File) -> None:
    group = file.create_group("lstm")
    group.attrs["weight_names"] = [b"kernel"]
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other", "kernel", (4,))
    group.create_virtual_dataset("kernel", layout)


def pickled(protocol: int) -> bytes:
    return pickle.dumps({"state_dict": Bomb(), "weight": Bomb()}, protocol)


HOSTILE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "pickle.pt": ("a pickle of a dict of", lambda path: path.write_bytes(pickled(2)) and None),
    "zipped.pt": ("without a model's tensors", lambda path: write_zip(
        path, {"archive/data.pkl": pickled(4), "archive/version": b"3"})),
    "dots.keras": ("points out of the file", lambda path: write_zip(
        path, {"config.json": b"{}", "../other": b""})),
    "absolute.keras": ("points out of the file", lambda path: write_zip(
        path, {"config.json": b"{}", "/other": b""})),
    "link.keras": ("a symbolic link", lambda path: write_zip(
        path, {"config.json": b"other"}, stat.S_IFLNK)),
    "external.h5": ("an external link", linked(
        lambda file: file.__setitem__("lstm", h5py.ExternalLink("other", "/")))),
    "soft.h5": ("a soft link", linked(
        lambda file: file.__setitem__("lstm", h5py.SoftLink("/elsewhere")))),
    "dataset.h5": ("lies in another file", linked(external_dataset)),
    "virtual.h5": ("lies in another file", linked(virtual_dataset)),
}  # fmt: skip


ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "SECURITY.md").read_text()


def stated(script: str, pattern: str) -> int:
    """Return a whole number, perhaps times a power of two, that a script of `fuzz/` states."""
    found = re.search(pattern, (ROOT / "fuzz" / script).read_text(), re.MULTILINE)
    assert found is not None
    number, _, shift = found[1].partition(" << ")
    return int(number) << int(shift or 0)


INPUTS = r'"--inputs", type=int, default=([\d_]+)'
# Each number in the text, with what the code says.
NUMBERS: list[tuple[str, Callable[[], int]]] = [
    (r"and exit code (\d+)\. A traceback", lambda: ExitCode.USAGE),
    (r"exit code (\d+) says so", lambda: ExitCode.BUG),
    (r"(\d+) for SIGINT", lambda: 128 + signal.SIGINT),
    (r"(\d+) for SIGTERM", lambda: 128 + signal.SIGTERM),
    (r"(\d+) for SIGHUP", lambda: 128 + signal.SIGHUP),
    (r"(\d+) for SIGQUIT", lambda: 128 + signal.SIGQUIT),
    (r"within (\d+) seconds", lambda: stated("target.py", r"^SECONDS = (\d+)")),
    (r"and (\d+) MB,", lambda: stated("target.py", r"^BYTES = (\d+ << \d+)") >> 20),
    (r"fuzz/run\.py --inputs (\d+)", lambda: stated("run.py", INPUTS)),
    (r"fuzz/guided\.py --inputs (\d+)", lambda: stated("guided.py", INPUTS)),
]


def test_the_numbers_of_the_text_are_those_of_the_code() -> None:
    text = " ".join(TEXT.split())
    for pattern, value in NUMBERS:
        assert [int(each) for each in re.findall(pattern, text)] == [value()], pattern
        text = re.sub(pattern, "", text)
    assert set(re.findall(r"\w*\d\w*", text)) == {"HDF5", "h5"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_the_exit_code_of_a_signal_is_the_one_of_the_text(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "_received", [number])
    assert interrupts.told()[1] == 128 + number


@pytest.mark.parametrize("name", ["pickle", "marshal"])
def test_linters_forbid(name: str) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert name in settings["flake8-tidy-imports"]["banned-api"]
    assert "TID" in settings["select"]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:src|tests|fuzz)/[^` ]*)`", TEXT))))
def test_what_the_text_names_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def watched(folder: Path, *arguments: str) -> tuple[int, str, str, list[str]]:
    """Return the exit code, stdout, stderr, and what was opened or run."""
    done = subprocess.run([sys.executable, "-c", WATCHED, *arguments], cwd=folder,
                          capture_output=True, encoding="utf-8", timeout=60)  # fmt: skip
    stderr, _, seen = done.stderr.partition("seen: ")
    return done.returncode, done.stdout, stderr, seen.split()


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_runs_and_no_other_file_is_opened(name: str, tmp_path: Path) -> None:
    message, write = HOSTILE[name]
    (tmp_path / "other").write_bytes(b"x" * 16)
    write(tmp_path / name)
    code, stdout, stderr, seen = watched(tmp_path, "summary", name)
    assert (code, stdout) == (2, "")
    assert stderr.startswith("error: ") and message in stderr.splitlines()[0]
    assert set(seen) == {name}
    assert sorted(os.listdir(tmp_path)) == sorted(["other", name])


def test_a_file_that_is_opened_is_seen(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"x" * 16)
    assert watched(tmp_path, "summary", "other")[3] == ["other"]


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    code, _, stderr, seen = watched(tmp_path, "forward", "--input", "x.npy")
    assert (code, stderr.splitlines()[0].startswith("error: x.npy")) == (2, True)
    assert set(seen) == {"x.npy"}


def test_an_expression_is_not_evaluated(tmp_path: Path) -> None:
    code, stdout, stderr, seen = watched(
        tmp_path, "summary", "--layer", "LSTM(__import__('os').system('touch broken'))"
    )
    assert (code, stdout, seen, os.listdir(tmp_path)) == (2, "", [], [])
    assert stderr.startswith("error: ")


def model_json(*layers: dict[str, Any]) -> bytes:
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 5, 3]}}
    config = {"name": "model", "layers": [first, *layers]}
    return json.dumps({"class_name": "Sequential", "config": config}).encode()


def test_code_in_a_lambda_is_not_decoded(tmp_path: Path) -> None:
    code = {"class_name": "__lambda__", "config": {"code": "not base64, no marshalled code"}}
    config = {"name": "odd", "function": code}
    (tmp_path / "m.json").write_bytes(model_json({"class_name": "Lambda", "config": config}))
    code, stdout, stderr, seen = watched(tmp_path, "summary", "m.json")
    assert (code, "odd (Lambda)" in stdout, seen) == (0, True, ["m.json"])
    assert "odd" in stderr


def test_names_do_not_steer_the_terminal(tmp_path: Path) -> None:
    name = "\x1b[31m\u202e[red]\x07"
    layer = {"class_name": "LSTM", "config": {"name": name, "units": 4}}
    (tmp_path / "m.json").write_bytes(model_json(layer))
    code, stdout, stderr, _ = watched(tmp_path, "summary", "m.json")
    assert code == 0
    assert "[red]" in stdout
    assert not {"\x1b", "\u202e", "\x07"} & set(stdout + stderr)


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (16 << 20))
    (tmp_path / "m.keras").write_bytes(packed.getvalue())
    code, _, stderr, _ = watched(tmp_path, "summary", "m.keras")
    assert (code, "compression ratio" in stderr) == (2, True)
