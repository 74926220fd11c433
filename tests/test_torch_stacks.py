"""Stacks of PyTorch's modules as `--layer`: shapes, counts and values are PyTorch's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.errors import RnncliError, UsageError
from rnncli.formats import attach_weights
from rnncli.forward import Request, forward
from rnncli.graph.infer import infer
from rnncli.graph.torch_expressions import parse_stack
from rnncli.model import Model
from rnncli.report.cost import cost

FOLDER = Path(__file__).parent / "goldens" / "torch"
STACKS = json.loads((FOLDER / "stacks.json").read_text())["stacks"]
VALUES = np.load(FOLDER / "stacks.npz")


def stack(record: dict[str, Any]) -> Model:
    given = f"Input({tuple(record['input'][1:])!r})"
    return infer(parse_stack([given, *record["layers"]]))


def state(number: int) -> dict[str, Any]:
    start = f"{number}/state/"
    return {k.removeprefix(start): VALUES[k] for k in VALUES.files if k.startswith(start)}


@pytest.mark.parametrize("number", range(len(STACKS)))
def test_shapes_and_counts_are_those_of_torchinfo(number: int) -> None:
    record = STACKS[number]
    model = stack(record)
    (shape,) = [model.shape(ref) for ref in model.outputs]
    assert shape is not None
    # The batch is open, and so is what it is flattened into.
    open_ = [None if a is None else b for a, b in zip(shape, record["shape"], strict=True)]
    assert list(shape) == open_
    assert model.params == record["total"]
    assert model.trainable_params == record["trainable"]


@pytest.mark.parametrize("number", range(len(STACKS)))
def test_values_are_those_of_pytorch(number: int, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", VALUES[f"{number}/x"])
    given = state(number)
    np.savez(tmp_path / "w.npz", **given)
    inputs, weights = ((None, str(tmp_path / "x.npy")),), str(tmp_path / "w.npz")
    request = Request(inputs=inputs, weights=weights if given else None)
    result = forward(stack(STACKS[number]), request)
    (found,) = result.arrays
    assert found is not None
    np.testing.assert_allclose(found, VALUES[f"{number}/y"], rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    ("file", "name", "module"),
    [
        ("bfloat16.safetensors", "lstm", "nn.LSTM(3, 4, batch_first=True)"),
        ("float8_e5m2.pt", "gru", "nn.GRU(3, 4)"),
    ],
)
def test_a_state_dict_in_a_file_gives_the_weights(
    file: str, name: str, module: str, tmp_path: Path
) -> None:
    values = np.load(FOLDER / "kinds" / "values.npz")
    np.save(tmp_path / "x.npy", values[f"{file}/{name}/x"])
    path = str(FOLDER / "kinds" / file)
    model = attach_weights(infer(parse_stack([module])), path)
    inputs = ((None, str(tmp_path / "x.npy")),)
    (found,) = forward(model, Request(inputs=inputs, weights=path)).arrays
    assert found is not None
    np.testing.assert_allclose(found, values[f"{file}/{name}/y"], rtol=0, atol=2e-6)
    with pytest.raises(UsageError, match="has 1 modules with weights"):
        attach_weights(infer(parse_stack([module, "nn.Linear(4, 2)"])), path)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    model = infer(parse_stack(["nn.Linear(3, 2)", "nn.Linear(2, 1)"]))
    good = {"0.weight": (2, 3), "0.bias": (2,), "2.weight": (1, 2), "2.bias": (1,)}
    for change, words in {
        "2.weight": "(1, 3)", "0.scale": "scale", "": "0.bias",
    }.items():  # fmt: skip
        shapes = (
            {**good, change: (1, 3)} if change else {k: v for k, v in good.items() if k != "0.bias"}
        )
        np.savez(tmp_path / "w.npz", **{k: np.zeros(v, "f4") for k, v in shapes.items()})
        with pytest.raises(RnncliError) as raised:
            forward(model, Request(weights=str(tmp_path / "w.npz")))
        assert words.rpartition(".")[2] in raised.value.message


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["nn.LSTM(3, 4)", "Dense(2)"], "one framework"),
        (["nn.LSTM(3, 4)", "nn.Linear(5, 2)"], "in_features=5"),
        (["nn.LSTM(3)"], "needs hidden_size"),
        (["nn.LSTMCell(3, 4, num_layers=2)"], "no argument 'num_layers'"),
        (["nn.GRU(3, 4, proj_size=2)"], "no argument 'proj_size'"),
        (["nn.LSTM(3, 4, proj_size=4)"], "less than"),
        (["nn.ReLU()"], "size of its input"),
        (["nn.Lstm(3, 4)"], "not a known module"),
        (["nn.Linear(0, 4)"], "at least 1"),
        (["nn.Conv1d(3, 4, 2, groups=2)"], "divide"),
        (["nn.RNN(3, 4, nonlinearity='gelu')"], "one of"),
        (["nn.functional.relu(3)"], "not a known module"),
        (["nn.Linear(open('x'), 2)"], "is not read"),
        (["Input((3,))", "nn.Dropout(2)"], "from 0 to 1"),
        (["Input((3,))", "nn.Flatten(5)"], "no axis"),
        (["Input((3,))", "nn.Softmax(dim=7)"], "no axis"),
        (["nn.Conv2d(3, 4, (3, 3, 3))"], "3 sizes"),
        (["Input((3, 9))", "nn.MaxPool1d(2, padding=2)"], "half of its window"),
        (["nn.Conv1d(3, 4, 2, padding=-1)"], "at least 0"),
        (["nn.GRU(3, 4, num_layers='2')"], "nn.GRU(num_layers='2')"),
    ],
)
def test_what_pytorch_would_refuse_is_refused(texts: list[str], words: str) -> None:
    with pytest.raises(RnncliError) as raised:
        infer(parse_stack(texts))
    assert words in raised.value.message


def test_sizes_come_from_the_first_module_or_from_flags() -> None:
    def shape(text: str, **sizes: int) -> Any:
        model = parse_stack([text], **sizes)
        return infer(model).shape(model.inputs[0])

    assert shape("nn.LSTM(3, 4)") == (None, None, 3)
    assert shape("nn.LSTM(3, 4)", steps=7) == (None, 7, 3)
    assert shape("nn.Embedding(9, 2)", steps=7) == (None, 7)
    assert shape("nn.Linear(3, 4)") == (None, 3)
    assert shape("nn.Linear(3, 4)", steps=7) == (None, 7, 3)
    assert shape("nn.ReLU()", inputs=5, steps=7) == (None, 7, 5)
    assert shape("nn.Conv1d(3, 4, 2)", steps=7) == (None, 3, 7)
    assert shape("nn.BatchNorm2d(3)") == (None, 3, None, None)
    assert shape("torch.nn.LayerNorm((4, 12))") == (None, 4, 12)


def test_cost_counts_products_of_modules() -> None:
    """4 × 5 × (3 + 5) of the LSTM and 5 × 2 of the Linear a step, 7 steps."""
    model = infer(parse_stack(["nn.LSTM(3, 5, batch_first=True)", "nn.Linear(5, 2)"], steps=7))
    totals = cost(model).data["totals"]
    assert totals["macs_per_step"] == 4 * 5 * (3 + 5) + 5 * 2
    assert totals["macs"] == 7 * totals["macs_per_step"]
    assert None not in totals.values()
