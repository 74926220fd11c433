"""The paths of tensors without the HDF5 library, held to what the library says."""

import io
import random
import struct
import tracemalloc
from pathlib import Path

import h5py
import pytest

from rnncli.formats.containers.hdf5_paths import paths

FOLDER = Path(__file__).parents[1] / "goldens" / "keras" / "k3"
FILES = sorted(FOLDER.glob("*.weights.h5"))


def listed(data: bytes) -> list[str]:
    found: list[str] = []
    with h5py.File(io.BytesIO(data)) as file:
        file.visititems(
            lambda name, each: found.append(name) if isinstance(each, h5py.Dataset) else None
        )
    return found


def many() -> bytes:
    """Return HDF5 whose group has a tree of several levels, and names of any length."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for index in range(900):
            file[f"group/{'x' * (index % 40)}{index}"] = index
    return data.getvalue()


@pytest.mark.parametrize("file", FILES, ids=[each.name for each in FILES])
def test_all_paths_are_found(file: Path) -> None:
    found = paths(io.BytesIO(file.read_bytes()))
    assert found and sorted(found) == sorted(listed(file.read_bytes()))


def test_a_large_group_is_walked_whole() -> None:
    found = paths(io.BytesIO(many()))
    assert found and sorted(found) == sorted(listed(many()))


def test_groups_laid_out_otherwise_are_not_walked() -> None:
    data = io.BytesIO()
    with h5py.File(data, "w", libver="latest") as file:
        file["a/b"] = 1.0
    assert paths(data) is None


def test_a_group_inside_itself_ends() -> None:
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file.create_group("a")["b"] = file["/"]
    assert paths(data) is None


def flooded(name: int, groups: bool) -> bytes:
    """Return HDF5 of 60,000 entries that share one name of so many characters; as groups, each of
    them has the names of a heap to be read from another place."""

    def entry(kind: int, heap: int) -> bytes:
        return struct.pack("<2Q2I2Q16x", 0, 0, kind, 0, 200, heap)[:40]

    heap = struct.pack("<8s3Q", b"HEAP", name + 1, 0, 400)
    tree = struct.pack("<4sBBH16x2Q", b"TREE", 0, 0, 1, 0, 400 + name + 1)
    entries = b"".join(entry(groups, 300) for _ in range(60_000))
    start = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08".ljust(56, b"\0") + entry(1, 300)
    whole = start.ljust(200, b"\0") + tree
    whole = whole.ljust(300, b"\0") + heap
    names = b"x" * name + b"\0"
    return whole.ljust(400, b"\0") + names + struct.pack("<4sBxH", b"SNOD", 1, 60_000) + entries


@pytest.mark.parametrize("groups", [False, True])
def test_floods_of_names_are_not_walked(groups: bool) -> None:
    assert paths(io.BytesIO(flooded(0, False))) == [""] * 60_000
    data = io.BytesIO(flooded(1 << 20, groups))
    tracemalloc.start()
    assert paths(data) is None
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 128 << 20


def test_damaged_files_give_paths_or_none() -> None:
    data, rng = FILES[0].read_bytes(), random.Random(0)
    results = []
    for _ in range(2000):
        changed = bytearray(data)
        for _ in range(8):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        results.append(paths(io.BytesIO(changed[: rng.randrange(len(changed) // 2, len(changed))])))
    assert None in results and any(results)
