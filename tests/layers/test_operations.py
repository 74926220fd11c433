"""Operations on tensors in functional models: the shapes and values of the real frameworks.

`operations.keras` has those of `keras.ops`, `tf_operations.h5` TensorFlow's functions.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.formats import located, read
from rnncli.forward import Request, forward

HERE = Path(__file__).parents[1] / "goldens"
FILES = ("operations.keras", "tf_operations.h5")
MODELS = {file: read(str(HERE / file)) for file in FILES}
GOLDENS = {file: np.load(HERE / f"{file.partition('.')[0]}.npz") for file in FILES}
RESULTS: dict[str, Any] = {}


def results(file: str, folder: Path) -> Any:
    if file not in RESULTS:
        inputs = []
        for name in "ab":
            np.save(folder / f"{name}.npy", GOLDENS[file][name])
            inputs.append((name, str(folder / f"{name}.npy")))
        RESULTS[file] = forward(located(MODELS[file]), Request(inputs=tuple(inputs))).arrays
    return RESULTS[file]


@pytest.mark.parametrize(
    ("file", "index"), [(file, at) for file in FILES for at in range(len(MODELS[file].outputs))]
)
def test_an_operation_gives_what_the_framework_gives(file: str, index: int, tmp_path: Path) -> None:
    model, expected = MODELS[file], GOLDENS[file][f"y{index}"]
    found = results(file, tmp_path)[index]
    shape = model.shape(model.outputs[index])
    assert shape is not None
    assert [dim or size for dim, size in zip(shape, expected.shape, strict=True)] == list(
        expected.shape
    )
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected.astype("f8")).max())
    np.testing.assert_allclose(found.astype("f8"), expected.astype("f8"), atol=1e-5 * scale)


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_left_out(file: str) -> None:
    assert f"y{len(MODELS[file].outputs)}" not in GOLDENS[file].files
    assert not MODELS[file].warnings
