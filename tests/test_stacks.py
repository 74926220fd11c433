"""Every stack that the real Keras has computed: names, shapes, weights, summary and values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.forward.engine import Graph, Rules
from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.layers.op import Notes, Value
from rnncli.model import Model, Source, sequential
from rnncli.render import Target, render
from rnncli.report.summary import summarize

HERE = Path(__file__).parent / "goldens"
GOLDEN = json.loads((HERE / "stacks.json").read_text())
ARRAYS = np.load(HERE / "stacks.npz")
STACKS = list(enumerate(GOLDEN["stacks"]))


def name(value: Any) -> str:
    return " ".join(value[1]["stack"]).replace(" ", "") if isinstance(value, tuple) else ""


every_stack = pytest.mark.parametrize("golden", STACKS, ids=name)


def model_of(record: dict[str, Any]) -> Model:
    return infer(sequential(parse_stack(record["stack"]), source=Source("layers")))


def weights_of(index: int) -> dict[str, np.ndarray]:
    """Return Keras's weights by their path within the model."""
    start = f"{index}/w/"
    keys = [key for key in ARRAYS.files if key.startswith(start)]
    return {within(key.removeprefix(start)): ARRAYS[key] for key in keys}


def within(path: str) -> str:
    """Return a weight's path without the model's name, which Keras puts before some."""
    return path.removeprefix("sequential/")


@every_stack
def test_names_shapes_and_weights(golden: tuple[int, dict[str, Any]]) -> None:
    _, record = golden
    model = model_of(record)
    found = [
        {
            "name": layer.name,
            "type": layer.type,
            "output_shapes": [list(shape) for shape in layer.output_shapes or ()],
            "params": layer.params,
            "weights": sorted(
                [f"{layer.name}/{w.path}", list(w.shape), w.trainable] for w in layer.weights or ()
            ),
        }
        for layer in model.rows
    ]
    expected = [
        {**each, "weights": sorted([within(path), *rest] for path, *rest in each["weights"])}
        for each in record["layers"]
    ]
    assert found == expected


@every_stack
def test_the_summary_is_that_of_keras(golden: tuple[int, dict[str, Any]]) -> None:
    _, record = golden
    report = summarize(model_of(record), show_trainable=record["show_trainable"])
    assert render(report, "table", Target()).splitlines() == record["summary"].splitlines()


@every_stack
def test_values_are_those_of_keras(golden: tuple[int, dict[str, Any]]) -> None:
    index, record = golden
    model = model_of(record)
    graph = Graph(model, model.outputs, weights_of(index), Rules(np.dtype("f4"), 3, Notes()))
    results = graph.run({model.inputs[0]: Value(ARRAYS[f"{index}/x"])})
    expected = [ARRAYS[f"{index}/y/{number}"] for number in range(len(results))]
    assert f"{index}/y/{len(results)}" not in ARRAYS.files
    for found, wanted in zip(results, expected, strict=True):
        assert found.array.dtype == wanted.dtype
        tolerance = 1e-5 * max(1, np.abs(wanted).max())
        np.testing.assert_allclose(found.array, wanted, rtol=0, atol=tolerance)


@every_stack
def test_printed_totals_are_the_sum_of_printed_rows(golden: tuple[int, dict[str, Any]]) -> None:
    _, record = golden
    lines = render(summarize(model_of(record)), "csv", Target()).splitlines()
    rows = [int(line.rsplit(",", 1)[1]) for line in lines[1:]]
    assert f"Total params: {sum(rows):,} " in record["summary"]
