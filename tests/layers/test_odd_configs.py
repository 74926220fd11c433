"""Configs of every kind of layer with an odd value in them: an answer, or an error of one line."""

import copy
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnncli.errors import RnncliError
from rnncli.formats import read
from rnncli.forward import Request, forward
from rnncli.graph.expressions import parse_stack
from rnncli.model import Layer, Model
from rnncli.render import Target, render
from rnncli.report.cost import cost
from rnncli.report.params import params
from rnncli.report.shapes import shapes
from rnncli.report.summary import summarize

GOLDENS = Path(__file__).parents[1] / "goldens"
STACKS = json.loads((GOLDENS / "stacks.json").read_text())["stacks"]
FILES = sorted((GOLDENS / "layers").glob("*.keras"))
LARGE = 10**9
ODD: list[Any] = [
    None, "", "x", -1, 0, 1, 2, 1.5, float("inf"), float("nan"), True, False, [], {}, [[]], [1],
    [1, 2, 3], ["a"], [None], [-1], [0, 0], [[1, 2], [3, 4]], {"a": 1}, LARGE, 10**40, [LARGE],
    {"class_name": "Dense", "config": {}}, {"class_name": "X", "config": None}, "relu", "same",
    {"class_name": "LSTM", "config": {"units": 2}}, "channels_first", "abc,cd->abd", "...",
]  # fmt: skip
PER_MODEL = 6


def node(class_name: str, config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": plain(config)}


def plain(value: Any) -> Any:
    """Return a config as JSON has it."""
    return json.loads(json.dumps(value))


def sequential(layers: tuple[Layer, ...]) -> dict[str, Any]:
    found = [node(str(layer.kind), {**layer.config, "name": layer.name}) for layer in layers]
    for each in found:
        shape = each["config"].pop("shape", None)
        if shape is not None:
            each["config"]["batch_shape"] = [None, *shape]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": found}}


def bases() -> Iterator[dict[str, Any]]:
    """Yield a config for each layer that the goldens have: the first stack, and all files."""
    seen: set[str] = set()
    for record in STACKS:
        layers = parse_stack(record["stack"])
        kinds = {str(layer.kind) for layer in layers}
        if not kinds <= seen:
            seen |= kinds
            yield sequential(layers)
    for file in FILES:
        yield json.loads(zipfile.ZipFile(file).read("config.json"))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        if key not in ("name", "module", "registered_name"):
            yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def changed(config: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return a config with an odd value in one of its layers."""
    config = copy.deepcopy(config)
    layer = rng.choice(config["config"]["layers"])
    path = rng.choice(list(places(layer["config"])) or [("trainable",)])
    within = layer["config"]
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = copy.deepcopy(rng.choice(ODD))
    return config


def asked(model: Model) -> None:
    for report in (summarize(model), cost(model), params(model.rows, "keras", True, False)):
        render(report, "table", Target())
    render(shapes(model.layers), "json", Target())


BASES = list(bases())


@pytest.mark.parametrize("index", range(len(BASES)))
def test_an_odd_argument_is_told_in_one_line(index: int, tmp_path: Path) -> None:
    rng, path = random.Random(index), tmp_path / "model.json"
    for _ in range(PER_MODEL):
        path.write_text(json.dumps(changed(BASES[index], rng)))
        try:
            model = read(str(path))
            asked(model)
            if all(each.params < 1e6 for each in model.layers):
                forward(model, Request(init="keras", steps=5))
        except (RnncliError, MemoryError):  # which the command line tells in one line, too
            pass
