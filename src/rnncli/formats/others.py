"""What files and folders that rnncli does not read are, and how to get something readable."""

import os
from collections.abc import Iterable
from typing import NoReturn

from rnncli.errors import FileError
from rnncli.formats import EXPECTED
from rnncli.formats.containers.members import LFS, LFS_HINT

_TO_ONNX = "export the model it was made from to ONNX, and give that"

# How files begin, what they are, and what to do with them.
_STARTS: dict[bytes, tuple[str, str]] = {
    b"\x93NUMPY": ("a NumPy array", EXPECTED),
    b"\x89PNG": ("a PNG picture", EXPECTED),
    b"\xff\xd8\xff": ("a JPEG picture", EXPECTED),
    b"%PDF": ("a PDF document", EXPECTED),
    b"GGUF": ("a GGUF model of llama.cpp", EXPECTED),
    LFS: ("a Git LFS pointer, not the file itself", LFS_HINT),
    b"\x04\x22\x4d\x18": ("lz4-compressed; unpack it first", "lz4 -d FILE"),
    b"\x28\xb5\x2f\xfd": ("zstd-compressed; unpack it first", "zstd -d FILE"),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive; unpack it first", EXPECTED),
    b"Rar!": ("a RAR archive; unpack it first", EXPECTED),
    b"ZF0x": ("compressed by joblib before 0.10", "load it with that joblib and dump it again"),
}  # fmt: skip


def refuse(start: bytes, path: str) -> NoReturn:
    """Refuse a file by what it is. Raises: FileError."""
    told = _by_mark(start, path)
    if told is not None:
        raise FileError(f"it is {told[0]}", told[1])
    raise FileError(f"it begins with {start[:8]!r}, as no model format that rnncli knows", EXPECTED)


def is_named(start: bytes, path: str) -> bool:
    """Whether a file is known as one that rnncli does not read."""
    return _by_mark(start, path) is not None


def _by_mark(start: bytes, path: str) -> tuple[str, str] | None:
    if start[4:8] == b"ORTM":
        return "an ORT model, ONNX Runtime's own format", "give the .onnx file it was made from"
    if start[:1] == b"\x08" and path.lower().endswith(".mlmodel"):
        return "a Core ML model, which rnncli does not read", _TO_ONNX
    if b"<net " in start and start.lstrip().startswith(b"<"):
        return "the layers of an OpenVINO model, which rnncli does not read", _TO_ONNX
    if path.lower().endswith(".bin") and os.path.exists(f"{path[:-4]}.xml"):
        return "the weights of an OpenVINO model, which rnncli does not read", _TO_ONNX
    for mark, told in _STARTS.items():
        if start.startswith(mark):
            return told
    if start.startswith(b"<"):
        return "an HTML or XML page, not what it was meant to link to", EXPECTED
    return None


def refuse_archive(names: Iterable[str]) -> NoReturn:
    """Refuse a zip or tar file by what it holds. Raises: FileError."""
    last = {name.rpartition("/")[2] for name in names}
    if "MAR-INF" in {name.partition("/")[0] for name in names}:
        raise FileError("it is a TorchServe archive", "unzip it, and give the .pt or .pth in it")
    if any("stable_baselines" in name for name in last) or {"policy.pth", "data"} <= last:
        raise FileError("it is a Stable-Baselines agent", "unzip it, and give policy.pth")
    if {"model_config.yaml", "model_weights.ckpt"} <= last:
        raise FileError("it is a NeMo model", "tar xf FILE, and give model_weights.ckpt")
    if any(name.endswith(".npy") for name in last) and all(n.endswith(".npy") for n in last):
        raise FileError(
            "it holds NumPy arrays (.npz), not a model",
            "give it to forward as --weights or --input",
        )
    inside = next((name for name in sorted(last) if name.endswith(_MODELS)), None)
    hint = f"unpack it, and give {inside[:60]} in it" if inside else EXPECTED
    raise FileError("an archive that holds no model: neither config.json nor data.pkl", hint)


_MODELS = (".h5", ".keras", ".pt", ".pth", ".onnx", ".safetensors", ".pkl", ".joblib")


def refuse_folder(path: str) -> NoReturn:
    """Refuse a folder by what it holds. Raises: FileError."""
    if os.path.exists(os.path.join(path, ".metadata")):
        raise FileError(
            "it is a distributed checkpoint of PyTorch",
            "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pt",
        )
    if os.path.exists(os.path.join(path, "Manifest.json")) and path.rstrip("/").endswith(
        ".mlpackage"
    ):
        raise FileError("it is a Core ML model, which rnncli does not read", _TO_ONNX)
    raise FileError("it is a folder that holds no model", EXPECTED)
