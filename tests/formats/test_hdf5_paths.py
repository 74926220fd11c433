"""The paths of tensors without the HDF5 library, held to what the library says."""

import io
import random
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


def test_damaged_files_give_paths_or_none() -> None:
    data, rng = FILES[0].read_bytes(), random.Random(0)
    results = []
    for _ in range(2000):
        changed = bytearray(data)
        for _ in range(8):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        results.append(paths(io.BytesIO(changed[: rng.randrange(len(changed) // 2, len(changed))])))
    assert None in results and any(results)
