"""Files from strangers: nothing in one runs, and none leads to another."""

import base64
import gzip
import io
import json
import marshal  # noqa: TID251  to write what must not be read
import os
import pickletools
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest

GOLDENS = Path(__file__).parents[1] / "goldens"
CANARY = "canary"

# Runs a command line and lists on stderr what it opened, ran and unmarshalled, as JSON.
WATCH = """
import json, os, sys
if sys.argv[-1].endswith(("h5", "keras")):
    import h5py  # which asks `uname` what machine this is
seen = {"opened": [], "ran": [], "code": []}
def hook(event, args):
    if event == "open":
        seen["opened"].append(os.fsdecode(args[0]) if isinstance(args[0], (str, bytes)) else "")
    elif event in ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
                   "pickle.find_class", "socket.connect", "socket.getaddrinfo"):
        seen["ran"].append(event)
    elif event == "marshal.loads":
        seen["code"].append(bytes(args[0])[:60].hex())
sys.addaudithook(hook)
from rnncli.cli import main
try:
    main()
finally:
    sys.stdout.flush()
    print("SEEN" + json.dumps(seen), file=sys.stderr)
"""


class Watched:
    """A command line run under watch, in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", WATCH, *arguments], cwd=folder, capture_output=True, text=True,
            timeout=20, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        talk, _, seen = done.stderr.rpartition("SEEN")
        self.code, self.out, self.lines = done.returncode, done.stdout, talk.splitlines()
        self.seen: dict[str, list[str]] = json.loads(seen)
        self.opened = {os.path.abspath(folder / name) for name in self.seen["opened"]}

    def check(self, folder: Path, path: Path) -> None:
        """Nothing ran, and of the folder only the file itself was opened."""
        assert self.seen["ran"] == []
        assert not (folder / CANARY).exists()
        inside = {name for name in self.opened if name.startswith(f"{folder}/")}
        assert inside <= {str(path)}

    def refused(self, message: str) -> None:
        """It was refused in one line, with or without a hint."""
        assert self.code == 2, self.lines
        assert self.out == ""
        assert self.lines[0].startswith("error: ") and message in self.lines[0]
        assert [line[:6] for line in self.lines[1:]] in ([], ["hint: "])


# HDF5 and ONNX: other files. These are pipes that nobody writes to, so that opening one would hang,
# also where C code opens it, which Python's audit does not see.


def keras_h5(folder: Path, change: Callable[[Any], None]) -> Path:
    """Return a copy of a Keras model, changed."""
    path = folder / "model.h5"
    path.write_bytes((GOLDENS / "keras" / "k1" / "simplernn_cpu.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def dataset_of(file: Any) -> str:
    found: list[str] = []
    file.visititems(lambda name, each: found.append(name) if hasattr(each, "shape") else None)
    return found[0]


def link(kind: str) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        name = dataset_of(file)
        del file[name]
        links = {"external": h5py.ExternalLink("other.h5", "/x"), "soft": h5py.SoftLink("/other")}
        file[name] = links[kind]

    return change


def external_link_of_a_group(file: Any) -> None:
    del file["model_weights"]
    file["model_weights"] = h5py.ExternalLink("other.h5", "/model_weights")


def virtual(file: Any) -> None:
    name = dataset_of(file)
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource("other.h5", "x", shape)
    file.create_virtual_dataset(name, layout)


def external_data(file: Any) -> None:
    name = dataset_of(file)
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "f4", external=[("other.h5", 0, h5py.h5f.UNLIMITED)])


LEADING_OUT: list[tuple[Callable[[Any], None], str]] = [
    (link("external"), "is an external link; it is not followed"),
    (link("soft"), "is a soft link; it is not followed"),
    (external_link_of_a_group, "'model_weights' is an external link; it is not followed"),
    (virtual, "lies in another file, which is not opened"),
    (external_data, "lies in another file, which is not opened"),
]


@pytest.mark.parametrize("command", ["summary", "forward"])
@pytest.mark.parametrize(
    ("change", "message"), LEADING_OUT, ids=["external", "soft", "group", "virtual", "data"]
)
def test_hdf5_that_leads_out_of_the_file(
    tmp_path: Path, change: Callable[[Any], None], message: str, command: str
) -> None:
    path = keras_h5(tmp_path, change)
    os.mkfifo(tmp_path / "other.h5")
    run = Watched(tmp_path, command, "model.h5")
    run.refused(message)
    run.check(tmp_path, path)


def test_hdf5_weights_that_lead_out_of_a_keras_file(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(GOLDENS / "keras" / "tf215" / "head.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        link("external")(file)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**members, "model.weights.h5": stream.getvalue()}.items():
            archive.writestr(name, data)
    os.mkfifo(tmp_path / "other.h5")
    run = Watched(tmp_path, "forward", "model.keras")
    run.refused("is an external link; it is not followed")
    run.check(tmp_path, path)


@pytest.mark.parametrize("location", ["other.bin", "../other.bin", "/etc/passwd"])
@pytest.mark.parametrize("command", ["summary", "forward"])
def test_onnx_with_tensors_in_another_file(tmp_path: Path, command: str, location: str) -> None:
    model = onnx.load(GOLDENS / "onnx" / "lstm_forward.onnx")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    os.mkfifo(tmp_path / "other.bin")
    run = Watched(tmp_path, command, "model.onnx")
    if command == "summary":  # which needs no values
        assert (run.code, run.lines) == (0, [])
    else:
        what = "a link or no regular file" if location == "other.bin" else "no plain name of a file"
        run.refused(f"lies in {location!r}, which is {what}")
    run.check(tmp_path, path)
    assert "/etc/passwd" not in run.opened


# Zips.


def zipped(path: Path, members: dict[str, bytes], mode: int = 0, flags: int = 0) -> Path:
    """Write a zip; `mode` and `flags` are those of its last member."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            member = zipfile.ZipInfo(name)
            if name == list(members)[-1]:
                member.external_attr = mode << 16
                member.flag_bits = flags
            archive.writestr(member, data)
    return path


@pytest.mark.parametrize("suffix", [".keras", ".pt"])
@pytest.mark.parametrize(
    ("name", "mode", "flags", "message"),
    [
        ("/etc/cron.d/x", 0, 0, "'/etc/cron.d/x' points out of the file; it is not read"),
        ("../x", 0, 0, "'../x' points out of the file; it is not read"),
        ("a/../../x", 0, 0, "points out of the file; it is not read"),
        ("..\\x", 0, 0, "points out of the file; it is not read"),
        ("link", stat.S_IFLNK | 0o777, 0, "'link' is a symbolic link; it is not followed"),
        ("secret", 0, 1, "'secret' is encrypted"),
    ],
)
def test_zip_members_that_lead_out(
    tmp_path: Path, suffix: str, name: str, mode: int, flags: int, message: str
) -> None:
    golden = {".keras": "keras/tf215/head.keras", ".pt": "torch/state_dict.pt"}[suffix]
    with zipfile.ZipFile(GOLDENS / golden) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    path = zipped(tmp_path / f"model{suffix}", {**members, name: b"/etc/passwd"}, mode, flags)
    if flags:  # zipfile does not write the flag where it matters
        data = path.read_bytes()
        at = data.rindex(b"PK\x01\x02")
        path.write_bytes(data[: at + 8] + bytes([data[at + 8] | flags]) + data[at + 9 :])
    run = Watched(tmp_path, "summary", path.name)
    run.refused(message)
    run.check(tmp_path, path)
    assert {each.name for each in tmp_path.iterdir()} == {path.name}


# Pickles: calls that would make the canary.


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


TOUCH, OPEN = text(f"touch {CANARY}"), text(f"open({CANARY!r}, 'w')")
SYSTEM, NAMES = b"cos\nsystem\n", text("os") + text("system") + b"\x93"
GETATTR, IMPORT = b"cbuiltins\ngetattr\n", b"cbuiltins\n__import__\n"
CALLS = {
    "os.system": SYSTEM + TOUCH + b"\x85R",
    "posix.system": b"cposix\nsystem\n" + TOUCH + b"\x85R",
    "by names on the stack": NAMES + TOUCH + b"\x85R",
    "builtins.eval": b"cbuiltins\neval\n" + OPEN + b"\x85R",
    "builtins.exec": b"c__builtin__\nexec\n" + OPEN + b"\x85R",
    "torch.load": b"ctorch\nload\n" + text("other.pt") + b"\x85R",
    "a chain": GETATTR + IMPORT + text("os") + b"\x85R" + text("system") + b"\x86R" + TOUCH
    + b"\x85R",
    "an instance": b"(" + TOUCH + b"ios\nsystem\n",
    "an object": b"(" + SYSTEM + TOUCH + b"o",
    "a new object": SYSTEM + TOUCH + b"\x85\x81",
    "a new object with keywords": SYSTEM + TOUCH + b"\x85}\x92",
    "a state": b"csubprocess\nPopen\n)\x81" + TOUCH + b"b",
    "a state of slots": b"crunpy\n_run_code\n)RN}" + text("__setstate__") + SYSTEM + b"s\x86b",
    "appended": b"csubprocess\nPopen\n)R(" + TOUCH + b"e",
    "set": b"csubprocess\nPopen\n)R(" + TOUCH + TOUCH + b"u",
    "persistent": SYSTEM + TOUCH + b"\x85RQ",
}  # fmt: skip


def state_dict(call: bytes) -> bytes:
    """Return a zip of PyTorch whose pickle makes the call first and then the usual state dict."""
    written = io.BytesIO()
    with zipfile.ZipFile(GOLDENS / "torch" / "state_dict.pt") as archive, \
            zipfile.ZipFile(written, "w") as target:  # fmt: skip
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith("/data.pkl"):
                data = data[:2] + call + b"0" + data[2:]
            target.writestr(name, data)
    return written.getvalue()


def legacy(call: bytes) -> bytes:
    """Return the older format with the call before the state dict, its fourth pickle."""
    data = (GOLDENS / "torch" / "older.pt").read_bytes()
    at = 0
    for _ in range(3):
        at += [place for _, _, place in pickletools.genops(data[at:])][-1] + 1  # type: ignore[operator]
    return data[: at + 2] + call + b"0" + data[at + 2 :]


@pytest.mark.parametrize("wrap", [state_dict, legacy])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_beside_a_state_dict_is_not_made(
    tmp_path: Path, call: bytes, wrap: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(wrap(call))
    os.mkfifo(tmp_path / "other.pt")
    run = Watched(tmp_path, "summary", "model.pt")
    golden = {state_dict: "state_dict.pt", legacy: "older.pt"}[wrap]
    assert run.out.splitlines()[1:] == summary_of(GOLDENS / "torch" / golden).splitlines()[1:]
    assert (run.code, run.lines) == (0, [])
    run.check(tmp_path, path)


@cache
def summary_of(path: Path) -> str:
    return subprocess.run([sys.executable, "-m", "rnncli", "summary", str(path)],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip


@pytest.mark.parametrize("zip_", [True, False], ids=["zip", "bare"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_alone_is_no_model(tmp_path: Path, call: bytes, zip_: bool) -> None:
    path, data = tmp_path / "model.pt", b"\x80\x02" + call + b"."
    if zip_:
        zipped(path, {"archive/data.pkl": data, "archive/version": b"3\n"})
    else:
        path.write_bytes(data)
    run = Watched(tmp_path, "summary", "model.pt")
    run.refused("PyTorch data without a model's tensors" if zip_ else "a pickle of ")
    run.check(tmp_path, path)


# Lambda layers: code in a config.

CODE = marshal.dumps(compile(f"open({CANARY!r}, 'w')", "lambda", "eval"))
ENCODED = base64.b64encode(CODE).decode()
FUNCTIONS = {
    "Keras 3": {"class_name": "__lambda__", "config": {"code": ENCODED, "defaults": None,
                                                       "closure": None}},
    "Keras 2": [ENCODED, None, None],
}  # fmt: skip


def with_lambda(function: Any) -> dict[str, Any]:
    config = {"name": "lambda", "function": function, "function_type": "lambda",
              "output_shape": ENCODED, "output_shape_type": "lambda"}  # fmt: skip
    layers = [
        {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 5, 3]}},
        {"class_name": "Lambda", "config": config},
        {"class_name": "LSTM", "config": {"name": "lstm", "units": 2}},
    ]
    return {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}


@pytest.mark.parametrize("suffix", [".json", ".keras", ".h5"])
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_code_of_a_lambda_is_not_decoded(tmp_path: Path, function: Any, suffix: str) -> None:
    path, config = tmp_path / f"model{suffix}", json.dumps(with_lambda(function))
    if suffix == ".keras":
        zipped(path, {"metadata.json": b"{}", "config.json": config.encode()})
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = config
            file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    else:
        path.write_text(config)
    for command in ("summary", "forward"):
        run = Watched(tmp_path, command, path.name)
        run.check(tmp_path, path)
        assert CODE[:60].hex() not in run.seen["code"]
        assert run.code == (0 if command == "summary" else 2), run.lines
    assert "lambda (Lambda)" in Watched(tmp_path, "summary", path.name).out


# Data of other kinds.


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, kernel=np.ones(3))
    return stream.getvalue()


def hdf5() -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["images"] = np.ones((3, 4))
    return stream.getvalue()


def part(name: str, share: float) -> bytes:
    data = (GOLDENS / name).read_bytes()
    return data[: int(len(data) * share)]


KERAS, TORCH, OLDER = "keras/tf215/head.keras", "torch/state_dict.pt", "torch/older.pt"
SAFE, ONNX, H5 = "torch/state.safetensors", "onnx/lstm_forward.onnx", "keras/k1/simplernn_cpu.h5"
PLAIN = b"\x80\x02}" + text("a") + b"K\x01s."


def packed(*names: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return written.getvalue()


def tarred(*names: str) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return written.getvalue()


OTHERS: list[tuple[str, bytes, str]] = [
    *((f"empty.{end}", b"", "the file is empty") for end in ("keras", "h5", "json", "pt", "onnx")),
    *((f"noise.{end}", bytes(range(1, 99)), "as no model format") for end in ("keras", "h5", "pt")),
    ("cut.keras", part(KERAS, 0.5), "a damaged or truncated zip file"),
    ("cut.pt", part(TORCH, 0.5), "a damaged or truncated zip file"),
    ("cut2.pt", part(OLDER, 0.05), "a truncated pickle"),
    ("cut3.pt", part(OLDER, 0.9), "a truncated file: it ends before its tensors do"),
    ("cut.safetensors", part(SAFE, 0.9), "damaged safetensors"),
    ("cut2.safetensors", part(SAFE, 0.01), "truncated safetensors"),
    ("cut.h5", part(H5, 0.5), "a damaged or truncated HDF5 file"),
    ("cut.onnx", part(ONNX, 0.5), "damaged or truncated: its fields do not fit"),
    ("cut.json", b'{"class_name": "Sequential", "config"', "the JSON cannot be read"),
    ("list.json", b"[1, 2]", "the JSON is a list, not a Keras model"),
    ("package.json", b'{"name": "x", "version": 1}', "not a Keras model: it has 'name', 'version'"),
    ("data.h5", hdf5(), "HDF5 that is data, not a model: it holds 'images'"),
    ("plain.pt", PLAIN, "a pickle of "),
    ("arrays.npz", npz(), "it holds NumPy arrays (.npz), not a model"),
    ("x.npy", b"\x93NUMPY\x01\x00", "it is a NumPy array"),
    ("model.h5.gz", b"\x1f\x8b\x08\x00" + bytes(30), "a damaged or truncated gzip file"),
    ("whole.h5.gz", gzip.compress((GOLDENS / H5).read_bytes()), "gzip-compressed, and no pickle"),
    ("page.h5", b"<!DOCTYPE html><html>", "an HTML or XML page"),
    ("x.ort", b"\x18\0\0\0ORTM" + bytes(30), "it is an ORT model"),
    ("x.tflite", b"\x18\0\0\0TFL3" + bytes(30), "TensorFlow Lite without an operator"),
    ("cut.tflite", part("tensorflow/lite/gru.tflite", 0.5), "damaged or truncated TensorFlow Lite"),
    ("x.mlmodel", b"\x08\x05\x12\x04name", "it is a Core ML model"),
    ("x.gguf", b"GGUF\3\0\0\0", "it is a GGUF model"),
    ("x.xml", b'<?xml version="1.0"?>\n<net name="a">', "it is the layers of an OpenVINO model"),
    ("x.h5", b"version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer"),
    ("x.mar", packed("MAR-INF/MANIFEST.json", "model.pt"), "it is a TorchServe archive"),
    ("agent.zip", packed("data", "policy.pth", "_stable_baselines3_version"),
     "it is a Stable-Baselines agent"),
    ("x.nemo", tarred("./model_config.yaml", "./model_weights.ckpt"), "it is a NeMo model"),
    ("x.tar.gz", gzip.compress(tarred("a.txt")), "an archive that holds no model"),
    ("docs.zip", b"PK\x05\x06" + bytes(18), "an archive that holds no model"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "message"), OTHERS, ids=[each[0] for each in OTHERS])
def test_what_is_no_model_is_named(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    run = Watched(tmp_path, "summary", name)
    run.refused(message)
    assert run.lines[0].startswith(f"error: {name}: ")
    run.check(tmp_path, path)


def test_folders_that_are_not_read_are_named(tmp_path: Path) -> None:
    for name, inside, message in (
        ("dcp", ".metadata", "dcp: it is a distributed checkpoint of PyTorch"),
        ("x.mlpackage", "Manifest.json", "x.mlpackage: it is a Core ML model"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / inside).write_bytes(b"{}")
        Watched(tmp_path, "summary", name).refused(message)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"\x08\x01")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "dangling.h5").symlink_to("nowhere")
    for name, message in [
        ("missing.h5", "missing.h5: No such file or directory"),
        ("dangling.h5", "dangling.h5: No such file or directory"),
        ("saved/saved_model.pb", "saved_model.pb: "),
        ("pipe.json", "pipe.json: it is a device or a pipe, not a file"),
        ("/dev/zero", "/dev/zero: it is a device or a pipe, not a file"),
        ("/dev/null", "/dev/null: it is a device or a pipe, not a file"),
    ]:
        Watched(tmp_path, "summary", name).refused(message)
        Watched(tmp_path, "forward", "--weights", name).refused(message)
    Watched(tmp_path, "summary", "folder").refused("folder: it is a folder that holds no model")
    Watched(tmp_path, "forward", "--weights", "folder").refused("folder: Is a directory")
    without = "saved: a SavedModel without keras_metadata.pb and without variables"
    Watched(tmp_path, "summary", "saved").refused(without)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rnncli.errors import FileError
    from rnncli.formats import read

    path = tmp_path / "model.json"
    path.write_text("{}")

    def denied(*arguments: Any, **keywords: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", denied)  # the superuser may read everything
    with pytest.raises(FileError, match=r"model.json: Permission denied$"):
        read(str(path))
