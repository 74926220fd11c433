"""Beyond a bound a file is refused: in one line, soon, and before it takes memory."""

import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.hdf5 import Hdf5Store
from rnncli.formats.containers.inflate import inflated
from rnncli.formats.containers.zip import Archive

GOLDENS = Path(__file__).parents[1] / "goldens"
BYTES = 200 << 20
SPARSE = 2_000_000_000

# Runs a command line once on a small file, so that what it needs is loaded, then on the one in
# question, in bounded memory. Prints what that took, as JSON on stderr.
MEASURE = """
import json, re, resource, sys
from rnncli.cli import main
def run(*arguments):
    sys.argv = ["rnncli", *arguments]
    try:
        main()
    except SystemExit as left:
        return left.code
def proc(name, key):
    return int(re.search(rf"{key}:\\s*(\\d+)", open(f"/proc/self/{name}").read())[1])
small, limit, *arguments = sys.argv[1:]
sys.stdout, out = open("/dev/null", "w"), sys.stdout
run(arguments[0], small, *arguments[2:])
sys.stdout = out
print("----", file=sys.stderr)
most = proc("status", "VmSize") * 1024 + int(limit)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
before = proc("io", "rchar")
code = run(*arguments)
print("----", json.dumps({"code": code, "read": proc("io", "rchar") - before,
                          "loaded": sorted({"numpy", "h5py", "onnx"} & set(sys.modules))}),
      file=sys.stderr)
"""
SMALL = {
    ".tflite": "tensorflow/lite/lstm.tflite",
    ".json": "keras/k1/simplernn_cpu.json", ".keras": "keras/tf215/head.keras",
    ".h5": "keras/k1/simplernn_cpu.h5", ".pt": "torch/state_dict.pt",
    ".index": "keras/k1/simplernn_cpu.json", ".safetensors": "torch/state.safetensors",
    ".onnx": "onnx/lstm_forward.onnx",
}  # fmt: skip


class Measured:
    """A command on a file, with what it took."""

    def __init__(self, path: Path, command: str = "summary", *more: str) -> None:
        small = GOLDENS / SMALL[path.suffix]
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(small), str(BYTES), command, str(path), *more],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, capture_output=True, text=True,
            timeout=60, stdin=subprocess.DEVNULL,  # each takes about a second
        )  # fmt: skip
        _, talk, told = done.stderr.split("----")
        self.lines, self.out, self.took = talk.strip().splitlines(), done.stdout, json.loads(told)


def sequential(layers: list[Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": layers}


def layer(number: int, **more: Any) -> dict[str, Any]:
    return {"class_name": "Dropout", "config": {"name": str(number), "rate": 0.5}, **more}


def nested(depth: int) -> dict[str, Any]:
    model = sequential([])
    for _ in range(depth):
        model = sequential([model])
    return model


def many_calls() -> dict[str, Any]:
    calls = [[["a", 0, 0]]] * (limits.CALLS + 1)
    layers = [
        {"class_name": "InputLayer", "config": {"name": "a", "batch_shape": [None, 3]},
         "inbound_nodes": [], "name": "a"},
        layer(1, inbound_nodes=calls),
    ]  # fmt: skip
    ends = {"input_layers": [["a", 0, 0]], "output_layers": [["1", 0, 0]]}
    return {"class_name": "Model", "config": {"layers": layers, **ends}}


def as_json(value: Any) -> Callable[[Path], None]:
    return lambda path: path.write_text(json.dumps(value, separators=(",", ":"))) and None


def as_bytes(data: Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data()) and None


def safetensors(names: dict[str, list[int]], size: int) -> bytes:
    header = {n: {"dtype": "U8", "shape": s, "data_offsets": [0, size]} for n, s in names.items()}
    data = json.dumps(header, separators=(",", ":")).encode()
    return len(data).to_bytes(8, "little") + data + bytes(min(size, 1000))


def header_of(size: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with open(path, "wb") as file:
            file.write(size.to_bytes(8, "little") + b'{"a":')
            file.truncate(SPARSE)

    return write


def zip_of(members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def pickle_in_zip(data: Callable[[], bytes]) -> Callable[[Path], None]:
    return as_bytes(lambda: zip_of({"archive/data.pkl": b"\x80\x02" + data()}))


def hdf5(change: Callable[[Any], None]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with h5py.File(path, "w", libver="latest") as file:
            change(file)

    return write


def deep_groups(file: Any) -> None:
    file.attrs["layer_names"] = np.array([b"a"])
    file.create_group("a/" + "/".join("b" * (limits.HDF5_DEPTH + 1)))["kernel"] = 1.0


def config_attribute(value: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        file.attrs["model_config"] = value

    return change


def packed_weights(path: Path) -> None:
    """Write compressed weights whose size is stated as more than is unpacked."""
    with zipfile.ZipFile(GOLDENS / SMALL[".keras"]) as archive:
        config = archive.read("config.json")
    noise = np.random.default_rng(0).bytes(6 << 20)
    data = zip_of({"config.json": config, "model.weights.h5": noise}, zipfile.ZIP_DEFLATED)
    at = data.rindex(b"PK\x01\x02") + 24  # the size in the list of members
    path.write_bytes(data[:at] + (limits.UNPACKED_BYTES + 1).to_bytes(4, "little") + data[at + 4 :])


def index_of(size: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with open(path, "wb") as file:
            file.seek(size - 8)
            file.write(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb")

    return write


def sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(b"\x08\x07\x32\x80\x80\x80\x80\x01")  # a text of 256 MiB about the model
        file.truncate(limits.ONNX_BYTES + 8)


def fields(path: Path) -> None:
    size = 2 * limits.ONNX_FIELDS
    path.write_bytes(b"\x08\x07\x3a" + varint(size) + b"\x08\x01" * (size // 2))


def varint(value: int) -> bytes:
    return bytes((*(value >> shift & 127 | 128 for shift in (0, 7, 14, 21)), value >> 28))


def lite(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(b"\x18\0\0\0TFL3")
        file.truncate(limits.TFLITE_BYTES + 1)


OVER: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "JSON_BYTES": (
        "x.json", as_bytes(lambda: b"{" + b" " * limits.JSON_BYTES), "bytes in the JSON: 33,",
    ),
    "JSON_VALUES": (
        "x.json", as_bytes(lambda: b"[" + b"[]," * 1_000_000 + b"0]"),
        "values in the JSON: 2,000,001",
    ),
    "NESTING": ("x.json", as_json(json.loads("[" * 101 + "]" * 101)), "nested deeper than 100 le"),
    "MODEL_NESTING": ("x.json", as_json(nested(33)), "models inside models: 33"),
    "LAYERS": ("x.json", as_json(sequential([layer(i) for i in range(50_001)])), "layers: 50,001"),
    "CALLS": ("x.json", as_json(many_calls()), "calls of layers: 200,002"),
    "DIMENSION": (
        "x.safetensors", as_bytes(lambda: safetensors({"a": [limits.DIMENSION + 1]}, 9)), "'a'",
    ),
    "TENSORS": (
        "x.safetensors",
        as_bytes(lambda: safetensors({str(i): [] for i in range(200_001)}, 1)), "tensors: 200,001",
    ),
    "NAME_CHARACTERS": (
        "x.safetensors",
        as_bytes(lambda: safetensors({"a" * (limits.NAME_CHARACTERS + 1): [1]}, 1)), "100,001",
    ),
    "ZIP_MEMBERS": (
        "x.keras", as_bytes(lambda: zip_of({str(i): b"" for i in range(100_001)})),
        "zip members: 100,001",
    ),
    "ZIP_RATIO": (
        "x.keras",
        as_bytes(lambda: zip_of({"config.json": b" " * (9 << 20)}, zipfile.ZIP_DEFLATED)),
        "compression ratio of config.json",
    ),
    "METADATA_BYTES": (
        "x.keras", as_bytes(lambda: zip_of(
            {"config.json": json.dumps(sequential([])).encode(),
             "metadata.json": b" " * (limits.METADATA_BYTES + 1)})),
        "bytes in metadata.json: 1,048,577",
    ),
    "TORCHSCRIPT_CODE": (
        "x.pt", as_bytes(lambda: zip_of(
            {"a/data.pkl": b"\x80\x02" + tensor() + b".", "a/code/x.py": b"#" * (1 << 24),
             "a/code/y.py": b"#", "a/constants.pkl": b"\x80\x02}."})),
        "bytes of TorchScript code: 16,777,217",
    ),
    "UNPACKED_BYTES": ("x.keras", packed_weights, "bytes in model.weights.h5: 1,073,741,825"),
    "HDF5_ATTRIBUTE_BYTES": (
        "x.h5", hdf5(config_attribute(np.bytes_(b"x" * (limits.HDF5_ATTRIBUTE_BYTES + 1)))),
        "bytes in attribute model_config: 33,554,433",
    ),
    "HDF5_HEAP_BYTES": (
        "x.h5", hdf5(config_attribute("x" * limits.HDF5_HEAP_BYTES)), "a heap of 67,",
    ),
    "HDF5_DEPTH": ("x.h5", hdf5(deep_groups), "nested HDF5 groups: 41"),
    "PICKLE_BYTES": (
        "x.pt", pickle_in_zip(lambda: b"\x8d" + (1 << 40).to_bytes(8, "little")),
        "bytes in a pickle: 1,099,511,627,",
    ),
    "PICKLE_OPERATIONS": (
        "x.pt", pickle_in_zip(lambda: b"]" * (limits.PICKLE_OPERATIONS + 1)),
        "a pickle of more than 2,000,000 operations",
    ),
    "PICKLE_MEMO": (
        "x.pt", pickle_in_zip(lambda: b"N" + b"\x94" * (limits.PICKLE_MEMO + 2)),
        "remembered values of a pickle: 1,000,001",
    ),
    "PICKLE_LINE": (
        "x.pt", pickle_in_zip(lambda: b"V" + b"x" * (limits.PICKLE_LINE + 1)),
        "a line without an end",
    ),
    "SAFETENSORS_HEADER": (
        "x.safetensors", header_of(limits.SAFETENSORS_HEADER + 1),
        "bytes in the header: 33,554,433",
    ),
    "INDEX_BYTES": (
        "x.index", index_of(limits.INDEX_BYTES + 1), "bytes in x.index: 67,108,865",
    ),
    "ONNX_BYTES": ("x.onnx", sparse, "bytes in an ONNX file without its values: 268,435,464"),
    "ONNX_FIELDS": ("x.onnx", fields, "fields in an ONNX file: 2,000,001"),
    "TFLITE_BYTES": ("x.tflite", lite, "bytes in a TensorFlow Lite file: 2,147,483,649"),
}  # fmt: skip


@pytest.mark.parametrize("name", OVER)
def test_a_file_over_a_bound_is_refused_in_little_memory(tmp_path: Path, name: str) -> None:
    file, write, message = OVER[name]
    write(tmp_path / file)
    command = "forward" if name == "UNPACKED_BYTES" else "summary"
    run = Measured(tmp_path / file, command)
    assert run.took["code"] == 2
    assert run.out == ""
    assert len(run.lines) == 1, run.lines
    assert run.lines[0].startswith(f"error: {tmp_path / file}: ") and message in run.lines[0]


@pytest.mark.parametrize("suffix", ["keras", "pkl"])
def test_weights_that_unpack_to_far_more_in_memory(tmp_path: Path, suffix: str) -> None:
    """DEFLATE makes one byte in 100 some 70 times as small."""
    data = bytes(99) + b"x"
    data *= limits.UNPACKED_SMALL // len(data) + 1
    if suffix == "keras":
        members = {"config.json": b"{}", "model.weights.h5": data}
        (tmp_path / "x.keras").write_bytes(zip_of(members, zipfile.ZIP_DEFLATED))
        archive = Archive(str(tmp_path / "x.keras"))
        with archive, pytest.raises(FileError, match=r"compression ratio of model\.weights\.h5"):
            archive.opened("model.weights.h5")
        return
    with pytest.raises(FileError, match="compression ratio: "):
        inflated(io.BytesIO(gzip.compress(data)))


@pytest.mark.parametrize("form", [lzma.FORMAT_XZ, lzma.FORMAT_ALONE])
def test_a_dictionary_of_more_than_is_lent(form: int) -> None:
    kind = lzma.FILTER_LZMA2 if form == lzma.FORMAT_XZ else lzma.FILTER_LZMA1
    filters = [{"id": kind, "dict_size": 192 << 20, "mf": lzma.MF_HC3, "mode": lzma.MODE_FAST}]
    packed = lzma.compress(b"x" * 1000, form, filters=filters)
    with pytest.raises(FileError, match=r"a damaged or truncated (xz|lzma) file \(Memory usage"):
        inflated(io.BytesIO(packed))


def test_a_tensor_over_its_bound_is_not_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("kernel", ((1 << 31) + 1,), "f4", chunks=(1024,))  # takes no space
        with pytest.raises(FileError, match="bytes in kernel: 8,589,934,596"):
            Hdf5Store(file).read("kernel")


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def tensor() -> bytes:
    """Return the operations that make a tensor of one number."""
    storage = text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x01"
    sizes = b"K\x00K\x01\x85K\x01\x85\x89N"
    return b"ctorch._utils\n_rebuild_tensor_v2\n((" + storage + b"tQ" + sizes + b"tR"


def test_names_over_their_bound_together(tmp_path: Path) -> None:
    """A name of 90,000 characters, and 400 tensors below it."""
    held = b"}(" + b"".join(text(str(i)) + b"h\x00" for i in range(400)) + b"u"
    both = b"}(" + text("n" * 90_000) + held + text("b") + b"}" + text("c") + b"h\x00su."
    path = tmp_path / "x.pt"
    pickle_in_zip(lambda: tensor() + b"q\x000" + both)(path)
    run = Measured(path)
    assert run.took["code"] == 2
    assert "characters in all names: 3" in run.lines[0], run.lines


def doubled() -> bytes:
    """Return lists that each hold the one before twice: 40 of them, and 2 ** 40 ways through."""
    lists = b"]q\x000"
    for i in range(40):
        lists += b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) + b"0"
    beside = text("w") + tensor() + text("v") + b"](h\x28" + tensor() + b"e"
    return lists + b"}(" + beside + b"u."


def shared() -> bytes:
    """Return 20,000 keys of the same list, in which there is much and no tensor."""
    keys = b"".join(text(str(i)) + b"h\x00" for i in range(20_000))
    return b"](" + b"]" * 200_000 + b"eq\x000}(" + text("a") + tensor() + keys + b"u."


@pytest.mark.parametrize("pickle", [doubled, shared])
def test_values_that_refer_to_each_other_over_and_over(
    tmp_path: Path, pickle: Callable[[], bytes]
) -> None:
    path = tmp_path / "x.pt"
    pickle_in_zip(pickle)(path)
    run = Measured(path)
    assert run.took["code"] == 2
    assert "a pickle whose values refer to each other too often" in run.lines[0]


def test_every_bound_is_tested() -> None:
    stated = {name for name in vars(limits) if name.isupper()}
    others = {"TENSOR_BYTES", "NAMES_CHARACTERS", "PICKLE_WALK", "UNPACKED_SMALL", "HDF5_RATIO",
              "HDF5_CHUNK_RATIO", "HDF5_CHUNKS", "VOCABULARY", "VOCABULARY_BYTES",
              "UNPACKED_RATIO", "XZ_DICTIONARY", "BUDGET_BYTES"}  # fmt: skip
    assert stated == {*OVER, *others}


# What lies within the bounds, and is large.


def sparse_zip(path: Path, members: dict[str, bytes], big: str) -> None:
    """Write a zip with a member of 2 GB that takes no space."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        member = zipfile.ZipInfo(big)
        assert archive.fp is not None
        member.file_size, member.compress_size, member.CRC = SPARSE, SPARSE, 0
        member.header_offset = archive.fp.tell()
        archive.fp.write(member.FileHeader())
        archive.fp.seek(SPARSE, os.SEEK_CUR)
        archive.filelist.append(member)
        archive.start_dir = archive.fp.tell()


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def large(path: Path) -> None:
    golden = GOLDENS / SMALL[path.suffix]
    if path.suffix == ".keras":
        members = members_of(golden)
        del members["model.weights.h5"]
        sparse_zip(path, members, "model.weights.h5")
    elif path.suffix == ".pt":
        sparse_zip(path, members_of(golden), "state_dict/data/99")
    else:
        header = {"a.weight": {"dtype": "U8", "shape": [SPARSE], "data_offsets": [0, SPARSE]}}
        data = json.dumps(header).encode()
        with open(path, "wb") as file:
            file.write(len(data).to_bytes(8, "little") + data)
            file.truncate(8 + len(data) + SPARSE)


@pytest.mark.parametrize("suffix", [".keras", ".pt", ".safetensors"])
def test_a_summary_of_a_large_file_reads_little_of_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"large{suffix}"
    large(path)
    assert path.stat().st_size > SPARSE
    run = Measured(path)
    assert run.took["code"] == 0
    assert all(line.startswith("warning: ") for line in run.lines)
    assert "Total params" in run.out
    assert run.took["read"] < 1_000_000
    assert run.took["loaded"] == []


def weights_of(path: Path, **kind: Any) -> Path:
    """Return a file of Keras weights whose one kernel is made as `kind` says."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        data = kind.pop("data", None)
        dataset = group.create_dataset("dense/kernel:0", (1 << 14, 1 << 14), "f4", **kind)
        if data is not None:
            for start in range(0, 1 << 14, 1 << 10):
                dataset[start : start + (1 << 10)] = data
    return path


@pytest.mark.parametrize("name", ["gzip", "fill", "chunks"])
def test_hdf5_that_unpacks_to_far_more_than_it_holds(tmp_path: Path, name: str) -> None:
    zeros = np.zeros((1 << 10, 1 << 14), "f4")
    kinds: dict[str, dict[str, Any]] = {
        "gzip": {"compression": "gzip", "compression_opts": 9, "data": zeros},
        "fill": {"fillvalue": 7, "chunks": (1 << 10, 1 << 10)},
        "chunks": {"chunks": (1, 4), "fillvalue": 1},
    }
    path = weights_of(tmp_path / "x.h5", **kinds[name])
    run = Measured(path, "check", "--no-nan")
    assert run.took["code"] == 1 and "0 of 1 weights read" in run.out, (run.out, run.lines)
    with h5py.File(path) as file, pytest.raises(FileError, match="for each that is stored: "):
        Hdf5Store(file).read("dense/dense/kernel:0")


@pytest.mark.parametrize(
    ("name", "shape", "kind"),
    [
        ("chunks of HDF5: 4,194,304", (1 << 22, 1), {"dtype": "f4", "chunks": (1, 1)}),
        ("bytes in a chunk of k for each", (5_000_000,),
         {"dtype": "f4", "chunks": (5_000_000,), "compression": "lzf"}),
    ],
)  # fmt: skip
def test_chunks_that_are_too_many_or_too_large(
    tmp_path: Path, name: str, shape: tuple[int, ...], kind: dict[str, Any]
) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("k", shape, **kind)
        if "compression" in kind:  # one value in 20, which lzf makes 20 times as small
            dataset[:] = np.where(np.arange(5_000_000) % 100 < 5, np.arange(5_000_000), 0)
            assert dataset.nbytes < 100 * dataset.id.get_storage_size()
        with pytest.raises(FileError, match=f"{name}"):
            Hdf5Store(file).read("k")


# Prints the exit code and the most memory, in MB, of a command line.
PEAK = """
import os, sys
child = os.fork()
if not child:
    os.execv(sys.executable, [sys.executable, "-m", "rnncli", *sys.argv[1:]])
_, status, used = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss >> 10, file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts KB on Linux")
@pytest.mark.parametrize(
    ("command", "shape", "chunks"),
    [
        ("check x.h5 --no-nan", (80_000, 400), (1000, 400)),
        ("check x.h5 --no-nan", (1, 32_000_000), (1, 500_000)),
        ("check x.h5 --no-nan", (80_000, 400), None),
        ("weights x.h5 --gates", (80_000, 400), (1000, 400)),
        ("diff x.h5 x.h5 --values", (80_000, 400), (1000, 400)),
    ],
)
def test_values_of_hdf5_are_walked_in_blocks(
    tmp_path: Path, command: str, shape: tuple[int, ...], chunks: tuple[int, ...] | None
) -> None:
    """A kernel of 128 MB takes the memory of a few blocks of 4 MB."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"kernel"]
        how = {"compression": "lzf", "chunks": chunks} if chunks else {}
        kernel = group.create_dataset("kernel", shape, "f4", **how)
        zeros = np.zeros((shape[0] // 10 or 1, shape[1]), "f4")
        for start in range(0, shape[0], len(zeros)):
            kernel[start : start + len(zeros)] = zeros
    done = subprocess.run([sys.executable, "-c", PEAK, *command.split()], cwd=tmp_path, timeout=120,
                          env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, capture_output=True,
                          text=True)  # fmt: skip
    code, most = map(int, done.stderr.splitlines()[-1].split())
    assert code == 0, done.stderr
    assert most < 160  # 44 MB for Python and its libraries, and 128 MB for the kernel as a whole


@pytest.mark.parametrize("chunks", [(3, 5, 2), (7, 1, 11), (1, 13, 3), None])
@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_blocks_hold_every_value_once(
    tmp_path: Path, chunks: tuple[int, ...] | None, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rnncli.forward import blocks

    monkeypatch.setattr(blocks, "VALUES", size)
    values = np.arange(7 * 13 * 11).reshape(7, 13, 11)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("k", data=values, chunks=chunks)
        found = list(blocks.blocks(dataset, values))
        assert sorted(value for _, (block, _) in found for value in block.ravel()) == [*range(1001)]
        assert all((one == other).all() for _, (one, other) in found)
        grain = np.prod(chunks or (1,))
        assert all(block.size <= max(size, grain) for _, (block, _) in found)
        assert (blocks.whole(dataset) == values).all()


def test_hdf5_whose_weights_are_many_links_to_one(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("0", (1 << 20,), "f4", compression="gzip", data=np.zeros(1 << 20, "f4"))
        for number in range(1, 30):
            file[str(number)] = file["0"]
        store = Hdf5Store(file)
        with pytest.raises(FileError, match="bytes of weights for each in the file"):
            for number in range(30):
                store.read(str(number))
