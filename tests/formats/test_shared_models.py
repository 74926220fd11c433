"""Real files that people have published, with what their own frameworks say of them.

They lie beside the checkout where the project is worked on, and are not part of it.
"""

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.formats import located, read
from rnncli.forward import Request, forward
from rnncli.graph.alone import alone

FOLDER = Path(__file__).parents[3] / "shared" / "models"
ORACLES = sorted(FOLDER.glob("*.oracle.json"))


def file_of(oracle: dict[str, Any]) -> Path:
    """Return the file or folder that an oracle is about: as it says, else of the same name."""
    listed = oracle.get("files") or [{"file": oracle.get("file", oracle["stem"])}]
    path = FOLDER / str(listed[0]["file"])
    return path if path.exists() else path.with_name(f"{path.name}.pkl")


def shapes_of(layer: dict[str, Any]) -> list[Any]:
    """Return the shapes of a layer's outputs; TensorFlow's oracles write them as text."""
    shape = layer["output_shape"]
    shape = ast.literal_eval(shape) if isinstance(shape, str) else shape
    many = isinstance(shape, list) and bool(shape) and isinstance(shape[0], list | tuple)
    return [list(each) for each in (shape if many else [shape])]


@pytest.fixture(params=ORACLES, ids=lambda path: path.name.partition(".")[0])
def oracle(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.param.read_text())
    return {**found, "stem": request.param.name.partition(".")[0]}


def test_layers_and_counts_are_those_of_the_framework(oracle: dict[str, Any]) -> None:
    model = read(str(file_of(oracle)))
    found = {layer.name: layer for layer in model.layers}
    for layer in oracle.get("layers", ()):
        mine = found[layer["name"]]
        class_name = layer.get("cls") or layer["class_name"]
        assert (mine.type, mine.params) == (class_name, int(layer["params"]))
        if "output_shape" in layer and not mine.inferred:
            assert [list(each) for each in mine.output_shapes or ()] == shapes_of(layer)
    total = oracle.get("tensors_total") or oracle.get("total_params")
    total = total or oracle["float_or_int8_initializer_elements"]
    assert model.params == int(total)


def test_values_are_those_of_the_framework(oracle: dict[str, Any]) -> None:
    model = located(read(str(file_of(oracle))))
    inputs = sorted(FOLDER.glob(f"{oracle['stem']}.input*.npy"))
    outputs = sorted(FOLDER.glob(f"{oracle['stem']}.output*.npy"))
    if not model.inputs and model.source.format != "safetensors":
        assert "weights" in str(model.source.format) or "PyTorch" in str(model.source.format)
        return  # without an architecture there is nothing to run as a whole
    if not model.inputs:
        model = alone(model, None)
    given = tuple((None, str(path)) for path in inputs)
    if not given:
        assert model.source.format == "Keras JSON"
        return
    result = forward(model, Request(inputs=given))
    for found, path in zip(result.arrays, outputs, strict=True):
        wanted = np.load(path)
        largest = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * largest)
