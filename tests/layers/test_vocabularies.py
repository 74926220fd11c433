"""Look-ups of numbers and text: what the real Keras computes, from vocabularies in the file."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnncli.errors import FileError, RnncliError
from rnncli.formats import limits, located, read
from rnncli.forward import Request, forward
from rnncli.forward.arrays import read_named

ARCHIVE = Path(__file__).parents[1] / "goldens" / "vocabularies.zip"
with zipfile.ZipFile(ARCHIVE) as opened:
    CASES = json.loads(opened.read("cases.json"))["cases"]


def unpacked(index: int, folder: Path) -> Path:
    with zipfile.ZipFile(ARCHIVE) as archive:
        for ending in ("keras", "npz"):
            archive.extract(f"{index}.{ending}", folder)
    return folder / f"{index}.keras"


def changed(path: Path, member: str, data: bytes) -> Path:
    """Write a copy of an archive with other bytes in one member."""
    other = path.with_name("changed.keras")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name, data if name.endswith(member) else old.read(name))
    return other


def run(path: Path, *inputs: str) -> np.ndarray:
    given = tuple((None, each) for each in inputs)
    found = forward(located(read(str(path))), Request(inputs=given)).arrays[0]
    assert found is not None
    return found


@pytest.mark.parametrize("index", range(len(CASES)), ids=CASES)
def test_a_look_up_gives_what_keras_gives(index: int, tmp_path: Path) -> None:
    path = unpacked(index, tmp_path)
    arrays = np.load(tmp_path / f"{index}.npz")
    np.save(tmp_path / "x.npy", arrays["x"])
    found, expected = run(path, str(tmp_path / "x.npy")), arrays["y"]
    assert found.shape == expected.shape
    if expected.dtype.kind == "U":
        assert (found == expected).all()
    else:
        np.testing.assert_allclose(found, expected, atol=1e-6)


NETWORK = CASES.index("TextVectorization(output_sequence_length=5) network")


def test_text_comes_as_bytes_or_as_a_table_too(tmp_path: Path) -> None:
    path = unpacked(NETWORK, tmp_path)
    texts = ["the cat, sat!", "Über ÜBER naïve-cat"]
    np.save(tmp_path / "x.npy", np.array(texts))  # a text for each row, without their axis
    np.savez(tmp_path / "x.npz", x=np.array([[text.encode()] for text in texts]))
    (tmp_path / "x.csv").write_text("".join(f'"{text}"\n' for text in texts), "utf-8")
    one, *others = (run(path, str(tmp_path / f"x.{end}")) for end in ("npy", "npz", "csv"))
    assert one.shape == (2, 3)
    for other in others:
        np.testing.assert_array_equal(one, other)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = unpacked(NETWORK, tmp_path)
    np.save(tmp_path / "numbers.npy", np.ones((2, 1)))
    np.save(tmp_path / "latin.npy", np.array([[b"\xff\xfe"]]))
    np.save(tmp_path / "objects.npy", np.array([["a"]], object))
    (tmp_path / "rows.csv").write_text("a, b\nc\n")
    for name, told in (("numbers.npy", "text is expected"), ("latin.npy", "not UTF-8"),
                       ("objects.npy", "Python objects"), ("rows.csv", "from 1 to 2 columns"),
                       (None, "takes text")):  # fmt: skip
        with pytest.raises(RnncliError, match=told):
            run(path, *([str(tmp_path / name)] if name else []))
    with pytest.raises(FileError, match="real numbers are expected"):
        read_named(str(tmp_path / "latin.npy"))


def test_a_vocabulary_is_read_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = unpacked(CASES.index("IntegerLookup()"), tmp_path)
    np.save(tmp_path / "x.npy", np.array([[1, 2, 3, 4]]))
    for data, told in ((b"-1\n2\nx", "not a vocabulary"), (b"\xff", "not a vocabulary"),
                       (b"-1\n2\n2", "holds a token twice")):  # fmt: skip
        with pytest.raises(RnncliError, match=told):
            run(changed(path, "vocabulary.txt", data), str(tmp_path / "x.npy"))
    bounds = (("VOCABULARY", 3, "tokens in .*: 5, but at most 3"),
              ("VOCABULARY_BYTES", 7, "bytes in .*: 10, but at most 7"))  # fmt: skip
    for name, most, told in bounds:
        with monkeypatch.context() as patched, pytest.raises(FileError, match=told):
            patched.setattr(limits, name, most)
            run(path, str(tmp_path / "x.npy"))
