"""Models that Keras has ways of its own with: the texts, counts and values of the real Keras."""

import zipfile
from pathlib import Path

import pytest
from keras_records import compared

ARCHIVE = Path(__file__).parents[1] / "goldens" / "models.zip"
with zipfile.ZipFile(ARCHIVE) as archive:
    NAMES = archive.namelist()
ENDING = ".told.json"
CASES = [name.removesuffix(ENDING) for name in NAMES if name.endswith(ENDING)]


@pytest.mark.parametrize("case", CASES)
def test_keras_says_the_same(case: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        for name in NAMES:
            if name.startswith(f"{case}."):
                archive.extract(name, tmp_path)
    assert compared(tmp_path / case) == ("same", "")
