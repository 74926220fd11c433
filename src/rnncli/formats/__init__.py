"""The table of file formats: each has one reader, `read(path) -> Model`.

A file is recognised by its content, and by its suffix only where its format has no mark of its own.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, BinaryIO

from rnncli.errors import FileError, RnncliError, UsageError, nearest_file
from rnncli.model import Model

# What each reader's module is called, and the suffixes that completion offers.
READERS = {
    "keras.zipped": (".keras",),
    "keras.json": (".json",),
    "keras.h5": (".h5", ".hdf5"),
    "keras.shards": (".weights.json",),
    "torch.file": (".pt", ".pth", ".bin", ".ckpt", ".pt2"),
    "pickled": (".pkl", ".pickle", ".joblib"),
    "safetensors": (".safetensors",),
    "torch.shards": (".index.json",),
    "onnx.file": (".onnx",),
    "tensorflow.saved_model": ("saved_model.pb",),
    "tensorflow.checkpoint": (".ckpt.index",),
    "tensorflow.archive": (".zip", ".tar"),
    "tensorflow.js": ("model.json",),
    "tflite.file": (".tflite",),
}
SUFFIXES = tuple(suffix for suffixes in READERS.values() for suffix in suffixes)

EXPECTED = "expected a model: .keras, .json, .h5, .pt, .safetensors, .onnx or a SavedModel"

# What a model.json of TensorFlow.js has near its beginning.
_TENSORFLOW_JS = (b'"modelTopology"', b'"layers-model"', b'"graph-model"', b'"weightsManifest"')
# What a zip file of PyTorch's has in it, one of `torch.export` too.
_TORCH_ZIP = ("data.pkl", "data/weights/model_weights_config.json", "serialized_state_dict.pt")
# The files of a Keras 3 model in a folder, as `save(..., zipped=False)` and Hugging Face have it.
_UNZIPPED = ("config.json", "model.weights.h5")
# How an index of shards is called.
_INDEX = (".safetensors.index.json", ".bin.index.json")
# How pickles begin, by their protocol, and files that are compressed as a whole.
PICKLED = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
COMPRESSED = {
    b"\x1f\x8b": "gzip", b"x\x01": "zlib", b"x\x5e": "zlib", b"x\x9c": "zlib", b"x\xda": "zlib",
    b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"]\0\0": "lzma",
}  # fmt: skip
_HDF5 = b"\x89HDF\r\n\x1a\n"
TABLE = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # at the end of LevelDB's


def read(path: str, optimizer: bool = False, key: str | None = None) -> Model:
    """Return the model in a file, `-` for JSON on stdin; its weights stay in the file.

    `optimizer` asks for the optimizer's variables too, `key` picks one of the models of a PyTorch
    checkpoint. Raises: FileError, UsageError.
    """
    with _naming(path):
        if path == "-":
            return _reader("keras.json").read_stdin()  # type: ignore[no-any-return]
        _check_regular(path)
        if os.path.isdir(path):
            reader = _folder_kind(path)
        else:
            with open(path, "rb") as file:
                reader = _recognise(file, path)
        if key is None:
            return _reader(reader).read(path, optimizer)  # type: ignore[no-any-return]
        if reader not in ("torch.file", "pickled"):
            raise UsageError("--key picks a model of a PyTorch checkpoint, which this is not")
        return _reader(reader).read(path, optimizer, key)  # type: ignore[no-any-return]


def attach_weights(model: Model, path: str) -> Model:
    """Return the model with the weights of an HDF5 file, full model or weights only.

    Raises: FileError, ShapeError if they are not this model's.
    """
    with _naming(path):
        _check_regular(path)
        with open(path, "rb") as file:
            reader = _recognise(file, path)
        if any(layer.dialect == "torch" for layer in model.layers):
            return _reader("torch.attach").attached(model, read(path))  # type: ignore[no-any-return]
        if reader not in ("keras.h5", "keras.zipped", "keras.shards"):
            raise FileError(
                "not a file of Keras weights", "expected .npz, .h5, .weights.h5 or .keras"
            )
        return _reader("keras.attach").attached(model, path, reader)  # type: ignore[no-any-return]


def located(model: Model) -> Model:
    """Return the model with its weights located in its own file. Raises: FileError."""
    path, keras = model.source.path, str(model.source.format).startswith("Keras v3")
    if not keras or model.store is None or path is None:
        return model
    with _naming(path), model.store() as store:
        return _reader("keras.zipped").located(model, store)  # type: ignore[no-any-return]


def _reader(name: str) -> Any:
    return import_module(f"rnncli.formats.{name}")


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Put the file's name before what is wrong with it."""
    shown = "stdin" if path == "-" else path
    try:
        yield
    except OSError as error:
        if error.strerror is None:
            raise FileError(f"{shown}: {error}") from None
        hint = nearest_file(path) if isinstance(error, FileNotFoundError) else None
        raise FileError(f"{shown}: {error.strerror}", hint) from None
    except UsageError:
        raise
    except RnncliError as error:
        raise FileError(f"{shown}: {error.message}", error.hint) from None
    except RecursionError:
        raise FileError(f"{shown}: nested too deeply") from None
    except ValueError as error:  # a null byte in the path, say
        raise FileError(f"{shown!r}: {error}") from None


def _check_regular(path: str) -> None:
    """Refuse devices and pipes, which may have no end.

    Raises: FileError, OSError.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise FileError("it is a device or a pipe, not a file", "JSON is read from stdin as -")


def is_model_folder(path: str) -> bool:
    """Whether a folder is itself a model."""
    try:
        return bool(_folder_kind(path))
    except FileError:
        return False


def _folder_kind(path: str) -> str:
    """Return the reader for a folder that is a model. Raises: FileError if it is none."""
    if os.path.exists(os.path.join(path, "saved_model.pb")):
        return "tensorflow.saved_model"
    if os.path.exists(os.path.join(path, "config.json")) and _reader("torch.shards").is_model(path):
        return "torch.shards"
    if all(os.path.exists(os.path.join(path, name)) for name in _UNZIPPED):
        return "keras.zipped"
    return str(_reader("others").refuse_folder(path))


def _recognise(file: BinaryIO, path: str) -> str:
    """Return the reader for a file. Raises: FileError that says what it is instead."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(512)
    if not start:
        raise FileError("the file is empty", EXPECTED)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(path)
    if hdf5_start(file, size) >= 0:
        return "keras.h5"
    length = int.from_bytes(start[:8], "little")
    if len(start) > 8 and start[8:9] == b"{" and (length <= size or path.endswith(".safetensors")):
        return "safetensors"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[", b'"'):
        return _json_kind(start, path)
    if start[4:8] == b"TFL3":
        return "tflite.file"
    if start.startswith((*PICKLED, *COMPRESSED)):
        return "pickled"
    if os.path.basename(path) == "saved_model.pb":
        return "tensorflow.saved_model"
    if start[257:262] == b"ustar":
        return "tensorflow.archive"
    if path.endswith(".index") and _ends_with_table(file, size):
        return "tensorflow.checkpoint"
    others = _reader("others")
    onnx = path.lower().endswith(".onnx") or (start[:1] == b"\x08" and b"\x12" in start[:4])
    if onnx and not others.is_named(start, path):
        return "onnx.file"
    return str(others.refuse(start, path))


def _json_kind(start: bytes, path: str) -> str:
    """Return the reader for a file of JSON, by its beginning or its name."""
    if b'"weight_map"' in start or path.endswith(_INDEX):
        keras = b".weights.h5" in start or path.endswith(".weights.json")
        return "keras.shards" if keras else "torch.shards"
    return "tensorflow.js" if any(mark in start for mark in _TENSORFLOW_JS) else "keras.json"


def _ends_with_table(file: BinaryIO, size: int) -> bool:
    """Whether a file is a table of LevelDB's format, as a checkpoint's index is."""
    file.seek(max(0, size - 8))
    return file.read(8) == TABLE


def hdf5_start(file: BinaryIO, size: int) -> int:
    """Return where HDF5 begins, after a user block of 0 bytes or a power of two; -1 if nowhere."""
    offset = 0
    while offset < size:
        file.seek(offset)
        if file.read(len(_HDF5)) == _HDF5:
            return offset
        offset = offset * 2 or 512
    return -1


def _zip_kind(path: str) -> str:
    from rnncli.formats.containers.zip import Archive

    with Archive(path) as archive:
        names = archive.names
    if "config.json" in names:
        return "keras.zipped"
    if any(name.endswith(_TORCH_ZIP) for name in names):
        return "torch.file"
    if any(name.rpartition("/")[2] == "saved_model.pb" for name in names):
        return "tensorflow.archive"
    return str(_reader("others").refuse_archive(names))
