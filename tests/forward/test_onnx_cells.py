"""What is rare in ONNX's recurrent nodes runs by cells of their own: peepholes, coupled gates, a
clip, activations with arguments; equal to ONNX Runtime and to ONNX's own test."""

from pathlib import Path

import numpy as np
import pytest

from rnncli.forward import Request, forward

pytest.importorskip("onnx")
GOLDENS = np.load(Path(__file__).parents[1] / "goldens" / "onnx" / "cells.npz")
NAMES = sorted({key.partition("/")[0] for key in GOLDENS.files} - {"versions"})


@pytest.mark.parametrize("name", NAMES)
def test_a_node_computes_what_its_framework_does(name: str, tmp_path: Path) -> None:
    from rnncli.formats import read

    path = tmp_path / "m.onnx"
    path.write_bytes(GOLDENS[f"{name}/model"].tobytes())
    inputs = []
    for key in GOLDENS.files:
        if key.startswith(f"{name}/x/"):
            file = tmp_path / f"{len(inputs)}.npy"
            np.save(file, GOLDENS[key])
            inputs.append((key.rpartition("/")[2], str(file)))
    target = str(tmp_path / "y.npz") if f"{name}/y/1" in GOLDENS.files else None
    result = forward(read(str(path)), Request(inputs=tuple(inputs), save=target))
    expected = [GOLDENS[key] for key in GOLDENS.files if key.startswith(f"{name}/y/")]
    assert len(result.arrays) == len(expected)
    for found, wanted in zip(result.arrays, expected, strict=True):
        assert found is not None
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_the_cases_tell_cells_apart() -> None:
    """Each is a case of its own: no two of one operator give the same values."""
    sums = {float(GOLDENS[f"{name}/y/0"].sum()) for name in NAMES}
    assert len(sums) == len(NAMES)


def test_a_node_is_explained_and_counted_as_a_cell(tmp_path: Path) -> None:
    from rnncli.formats import read
    from rnncli.layers import cells_of
    from rnncli.report.explain import explain
    from rnncli.report.params import params

    path = tmp_path / "m.onnx"
    path.write_bytes(GOLDENS["peepholes_both/model"].tobytes())
    rows = [layer for layer in read(str(path)).rows if cells_of(layer)]
    report = explain(tuple(rows))
    assert report.lines[4].endswith("+ p_o * c_t)")  # the output gate sees the new cell state
    shapes = {row["symbol"]: row["shape"] for row in report.data["symbols"]}
    assert shapes["x_t"] == (2, 3) and shapes["p_o"] == (4,)
    (entry,) = params(tuple(rows), "onnx").data["layers"]
    counts = {weight["name"]: weight["params"] for weight in entry["weights"]}
    assert counts == {"W": 2 * 16 * 3, "R": 2 * 16 * 4, "B": 2 * 32, "P": 2 * 12}
    for row in params(tuple(rows), "onnx").tables[0].records():
        words = row["formula"].replace("×", "*")
        assert eval(words, {"__builtins__": {}}, {"inputs": 3, "units": 4}) == row["params"]
