"""Arrays in files that are damaged, or state what they do not hold."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnncli.errors import RnncliError
from rnncli.forward.arrays import read_named


def npy_of(header: str, values: bytes = bytes(96)) -> bytes:
    """Return an `.npy` with this header."""
    return b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header.encode() + values


def described(shape: str = "(8, 3)", descr: str = "'<f4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n"


def zipped(data: bytes, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        archive.writestr("x.npy", data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'shape': (3", "not a readable .npy file"),  # no end to it, which is no SyntaxError
        (described("(99999999999999999999, 0)"), ""),
        (described("(1 << 3,)"), "not a readable .npy file"),
        (" " * 9000 + described(), "header has 9,058 bytes"),
        (described("(-1, -3)"), r"its shape is \(-1, -3\)"),
        (described("(True, 24)"), r"its shape is \(True, 24\)"),
        (described("(" + "1, " * 70 + ")"), r"its shape is \(1, 1"),
        (described("(8, 3000000000000)"), "is cut short"),
        (described(descr="'|O'"), "Python objects"),
        (described(descr="[('a', '<f4')]"), "values of dtype"),
        (described(descr="('<f4', (3,))"), "values of dtype|is cut short|not a readable"),
    ],
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_headers_that_say_what_is_not_there(
    tmp_path: Path, header: str, message: str, suffix: str
) -> None:
    path, data = tmp_path / f"x.{suffix}", npy_of(header)
    path.write_bytes(data if suffix == "npy" else zipped(data))
    if not message:
        assert read_named(str(path))
        return
    with pytest.raises(RnncliError, match=message):
        read_named(str(path))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_sizes_as_python_2_wrote_them(
    tmp_path: Path, suffix: str, recwarn: pytest.WarningsRecorder
) -> None:
    path, data = tmp_path / f"x.{suffix}", npy_of(described("(8L, 3L)"))
    path.write_bytes(data if suffix == "npy" else zipped(data))
    (source,) = read_named(str(path)).values()
    assert source.open().shape == (8, 3)
    assert not recwarn.list


@pytest.mark.parametrize("order", ["C", "F"])
def test_values_are_those_that_were_packed(tmp_path: Path, order: str) -> None:
    x = np.asarray(np.arange(24.0).reshape(2, 3, 4), order=order)  # type: ignore[call-overload]
    np.savez_compressed(tmp_path / "x.npz", x=x, y=x + 1)
    found = read_named(str(tmp_path / "x.npz"))
    assert list(found) == ["x", "y"]
    assert (found["x"].open() == x).all() and (found["y"].open() == x + 1).all()


@pytest.mark.parametrize("at", [60, 90, 120, 150])
def test_packed_values_that_are_damaged(tmp_path: Path, at: int) -> None:
    values = np.random.default_rng(0).bytes(400)
    data = bytearray(zipped(npy_of(described("(100,)"), values)))
    data[at : at + 8] = b"\xff" * 8
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(RnncliError, match=r"not a readable \.np[yz] file|cut short"):
        read_named(str(tmp_path / "x.npz"))["x"].open()


def test_an_array_that_ends_in_the_length_of_its_header(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x02\0\xe3")
    with pytest.raises(RnncliError, match="it ends before its header"):
        read_named(str(tmp_path / "x.npy"))


def test_a_zip_without_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w"):
        pass
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04" + (tmp_path / "x.npz").read_bytes())
    with pytest.raises(RnncliError, match=r"holds no arrays|not a readable"):
        read_named(str(tmp_path / "x.npz"))


def test_what_this_machine_has_no_memory_for_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros(100_000))
    monkeypatch.setattr("rnncli.forward.memory.available", lambda: 100_000)
    found = read_named(str(tmp_path / "x.npz"))["x"]
    with pytest.raises(RnncliError, match=r"needs 800\.0 kB, this machine has 100\.0 kB"):
        found.open()
