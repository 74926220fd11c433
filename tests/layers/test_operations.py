"""Operations of `keras.ops` in a functional model: the shapes and values of the real Keras."""

from pathlib import Path

import numpy as np
import pytest

from rnncli.formats import located, read
from rnncli.forward import Request, forward

HERE = Path(__file__).parents[1] / "goldens"
FILE = str(HERE / "operations.keras")
GOLDEN = np.load(HERE / "operations.npz")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    folder = tmp_path_factory.mktemp("inputs")
    inputs = []
    for name in "ab":
        np.save(folder / f"{name}.npy", GOLDEN[name])
        inputs.append((name, str(folder / f"{name}.npy")))
    return forward(located(read(FILE)), Request(inputs=tuple(inputs))).arrays


MODEL = read(FILE)


@pytest.mark.parametrize("index", range(len(MODEL.outputs)))
def test_an_operation_gives_what_keras_gives(results: tuple, index: int) -> None:
    found, expected = results[index], GOLDEN[f"y{index}"]
    shape = MODEL.shape(MODEL.outputs[index])
    assert shape is not None
    assert shape[1:] == expected.shape[1:]
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected.astype("f8")).max())
    np.testing.assert_allclose(found.astype("f8"), expected.astype("f8"), atol=1e-5 * scale)


def test_nothing_is_left_out() -> None:
    assert f"y{len(MODEL.outputs)}" not in GOLDEN.files
    assert not MODEL.warnings
