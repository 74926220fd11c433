"""Keras models that `torch.save` wrote, and pointers of Git LFS where files should be."""

import io
import pickle  # noqa: TID251  what torch.save writes its object with
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rnncli.errors import FileError
from rnncli.formats import located, read
from rnncli.forward import Request, forward
from rnncli.model import Model

pytest.importorskip("h5py")
GOLDENS = Path(__file__).parents[1] / "goldens"
STACK = GOLDENS / "tensorflow" / "k3"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0a1b\nsize 12345\n"


class Keras3:
    """Pickled as Keras pickles a model: by a call that gets the bytes of its `.keras` file."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __reduce__(self) -> Any:
        return Keras3, (io.BytesIO(self.data),)


class Keras2(Keras3):
    """The same of Keras 2.13, which hands the bytes on as they are."""

    def __reduce__(self) -> Any:
        return Keras2, (self.data,)


def keras_file() -> bytes:
    """Return the `.keras` file that stands in a pickle which Keras wrote."""
    data = (STACK / "lstm.pkl").read_bytes()
    return data[data.index(b"PK\3\4") : data.rindex(b"PK\5\6") + 22]


def saved(path: Path, root: Any, protocol: int, packed: int = zipfile.ZIP_STORED) -> Path:
    """Write what `torch.save` writes of an object without tensors."""
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(root, protocol))
        archive.writestr("archive/version", b"3\n")
    return path


def held_to_keras(model: Model) -> None:
    """Compare with the same model in a pickle, which is held to Keras elsewhere."""
    pickled = read(str(STACK / "lstm.pkl"))
    assert model.layers == pickled.layers
    assert model.params > 0


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("kind", [Keras2, Keras3])
def test_a_keras_model_that_torch_saved(
    tmp_path: Path, protocol: int, packed: int, kind: type[Keras3]
) -> None:
    root = {"model": kind(keras_file()), "padding": bytes(300_000)}
    model = read(str(saved(tmp_path / "model.pt", root, protocol, packed)))
    held_to_keras(model)
    whole = forward(located(read(str(STACK / "lstm.pkl"))), Request())
    assert forward(located(model), Request()).stats == whole.stats


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_large_keras_model_in_a_pickle_of_any_protocol(tmp_path: Path, protocol: int) -> None:
    large = io.BytesIO(keras_file())
    with zipfile.ZipFile(large, "a") as archive:
        archive.writestr("assets/words.txt", bytes(300_000))  # more than is read of a pickle
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Keras2(large.getvalue()), protocol))
    held_to_keras(read(str(path)))
    held_to_keras(read(str(saved(tmp_path / "model.pt", Keras2(large.getvalue()), protocol))))


def test_what_is_neither_keras_nor_tensors_is_still_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="PyTorch data without a model's tensors: a Keras2"):
        read(str(saved(tmp_path / "model.pt", Keras2(bytes(200)), 2)))


def test_a_pointer_in_place_of_variables(tmp_path: Path) -> None:
    with zipfile.ZipFile(STACK.with_name("tf215") / "lstm.zip") as archive:
        archive.extractall(tmp_path)
    data = next(tmp_path.rglob("variables.data-*"))
    data.write_bytes(POINTER)
    with pytest.raises(
        FileError, match=r"variables.data-00000-of-00001' is a Git LFS pointer"
    ) as e:
        read(str(data.parents[1]))
    assert "git lfs pull" in str(e.value.hint)


def test_a_pointer_in_place_of_a_shard(tmp_path: Path) -> None:
    (tmp_path / "model-1.safetensors").write_bytes(POINTER)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"lstm.weight_ih_l0": "model-1.safetensors"}}')
    with pytest.raises(FileError, match=r"'model-1.safetensors' is a Git LFS pointer"):
        read(str(index))


def test_a_pointer_in_place_of_onnx_data(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "external.onnx"
    path.write_bytes((GOLDENS / "onnx" / "external.onnx").read_bytes())
    (tmp_path / "weights.bin").write_bytes(POINTER)
    with pytest.raises(FileError, match=r"'weights.bin' is a Git LFS pointer"):
        forward(read(str(path)), Request())
