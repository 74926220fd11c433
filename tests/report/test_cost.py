"""What a model takes, against PyTorch's counter and against counts by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.cli.models import cell_layers
from rnncli.cli.options import CellFlags
from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.model import Call, Layer, Model, Ref, Source, sequential
from rnncli.report.cost import cost

GOLDENS = Path(__file__).parents[1] / "goldens"
FLOPS = json.loads((GOLDENS / "flops.json").read_text())
STACKS = [each["stack"] for each in json.loads((GOLDENS / "stacks.json").read_text())["stacks"]]
KEYS = ("macs_per_step", "macs", "weight_bytes", "state_bytes", "output_bytes")


def stack(*texts: str) -> Model:
    return infer(sequential(parse_stack(texts), source=Source("layers")))


def connected(
    inputs: list[tuple[int | None, ...]], class_name: str, config: dict[str, Any], calls: Any = None
) -> Model:
    """Return a model whose one layer gets all inputs, or those of each call by their numbers."""
    refs = [Ref(f"in{number}") for number in range(len(inputs))]
    layers = [
        Layer("InputLayer", ref.layer, {"batch_shape": shape}, (Call(),))
        for ref, shape in zip(refs, inputs, strict=True)
    ]
    uses = tuple(
        Call(tuple(refs[number] for number in numbers)) for numbers in calls or [range(len(refs))]
    )
    outputs = tuple(Ref("it", call) for call in range(len(uses)))
    layers.append(Layer(class_name, "it", config, uses))
    return infer(Model("model", "Functional", tuple(layers), tuple(refs), outputs, Source("file")))


def row(model: Model, **options: Any) -> tuple[Any, ...]:
    """Return the figures of the last layer."""
    last = cost(model, **options).data["layers"][-1]
    return tuple(last[key] for key in KEYS)


def totals(model: Model, **options: Any) -> dict[str, Any]:
    return dict(cost(model, **options).data["totals"])


def named(case: dict[str, Any]) -> str:
    return "-".join(str(value) for key, value in case.items() if key != "flops")


@pytest.mark.parametrize("case", FLOPS["cases"], ids=named)
def test_recurrent_layers_take_what_pytorch_counts(case: dict[str, Any]) -> None:
    flags = CellFlags(
        cell=case["cell"], input_size=case["inputs"], units=case["units"],
        steps=str(case["steps"]), depth=case["depth"], bidirectional=case["bidirectional"],
    )  # fmt: skip
    found = totals(infer(sequential(cell_layers(flags))), batch=case["batch_size"])
    assert 2 * found["macs"] == case["flops"]
    assert found["macs_per_step"] * case["steps"] == found["macs"]


def held(class_name: str, config: dict[str, Any], inputs: int, inferred: bool) -> Model:
    """Return what a file of weights tells of a layer: its input, but not what that comes from."""
    shapes = ((None, None, inputs),)
    dialect = "torch" if class_name.startswith("torch") else "keras"
    spec = Layer(
        class_name, "it", config, (Call(),), build_shapes=shapes, inferred=inferred,
        dialect=dialect,
    )  # fmt: skip
    return infer(Model("model", "Weights", (spec,), source=Source("file")))


CLASSES = {"simple_rnn": ("SimpleRNN", "RNN"), "lstm": ("LSTM", "LSTM"), "gru": ("GRU", "GRU")}


@pytest.mark.parametrize("case", FLOPS["cases"], ids=named)
def test_layers_that_stand_alone_in_a_file_take_the_same(case: dict[str, Any]) -> None:
    config = {"input_size": case["inputs"], "hidden_size": case["units"],
              "num_layers": case["depth"], "bidirectional": case["bidirectional"]}  # fmt: skip
    model = held(f"torch.{CLASSES[case['cell']][1]}", config, case["inputs"], inferred=False)
    found = row(model, steps=case["steps"], batch=case["batch_size"])
    assert 2 * found[1] == case["flops"]
    assert found[0] * case["steps"] == found[1]
    states = 2 if case["cell"] == "lstm" else 1
    ways = 2 if case["bidirectional"] else 1
    scalars = states * ways * case["depth"] * case["units"] * case["batch_size"]
    assert found[3] == 4 * scalars


@pytest.mark.parametrize("cell", sorted(CLASSES))
def test_an_inferred_layer_takes_what_its_weights_tell(cell: str) -> None:
    gates, states = {"simple_rnn": (1, 1), "lstm": (4, 2), "gru": (3, 1)}[cell]
    model = held(CLASSES[cell][0], {"units": 4}, 3, inferred=True)
    weights, state = row(model)[2], 4 * 4 * states
    assert row(model) == (gates * 28, None, weights, state, None)
    assert row(model, steps=7) == (gates * 28, 7 * gates * 28, weights, state, None)
    assert totals(model, steps=7)["peak_sequence_bytes"] is None


def test_how_often_an_inferred_dense_works_is_not_known() -> None:
    assert row(held("Dense", {"units": 4}, 3, inferred=True))[:2] == (None, None)


def test_pytorch_said_what_everyone_can_check() -> None:
    assert FLOPS["torch"]
    notebook = {"inputs": 32, "units": 64, "steps": 100, "depth": 1, "batch_size": 1}
    (found,) = (
        case["flops"]
        for case in FLOPS["cases"]
        if case["cell"] == "lstm" and not case["bidirectional"] and notebook.items() <= case.items()
    )
    assert found == 2 * 2_457_600


# The last layer's MACs per step, MACs, and bytes of weights, state and outputs, worked out by hand.
BY_HAND = [
    (["Input((8,))", "Dense(5)"], None, 8 * 5, 4 * (8 * 5 + 5), 0, 4 * 5),
    (["Input((10, 8))", "Dense(5)"], 8 * 5, 10 * 8 * 5, 4 * (8 * 5 + 5), 0, 4 * 10 * 5),
    (["Input((10, 8))", "Dense(5, use_bias=False)"], 40, 400, 160, 0, 200),
    (["Input((6, 10, 8))", "Dense(5)"], 10 * 40, 6 * 10 * 40, 180, 0, 1200),
    # 8 positions of a window of 3 × 8 channels, 16 filters
    (["Input((10, 8))", "Conv1D(16, 3)"], 384, 8 * 384, 4 * (384 + 16), 0, 4 * 8 * 16),
    # 5 positions; each of the 6 filters sees one group of 4 channels
    (["Input((10, 8))", "Conv1D(6, 3, strides=2, padding='same', groups=2)"],
     72, 5 * 72, 4 * (72 + 6), 0, 4 * 5 * 6),
    (["Input((8, 10))", "Conv1D(16, 3, data_format='channels_first')"],
     None, 8 * 384, 1600, 0, 4 * 8 * 16),
    # window of 3 over 4 × 2 channels, then 8 channels onto 5 filters, at 8 positions
    (["Input((10, 4))", "SeparableConv1D(5, 3, depth_multiplier=2)"],
     8 * 3 + 8 * 5, 8 * 64, 4 * (24 + 40 + 5), 0, 4 * 8 * 5),
    # 5 × 3 positions of a window of 2 × 3 × 2 channels, 4 filters
    (["Input((6, 5, 2))", "Conv2D(4, (2, 3))"], None, 15 * 12 * 4, 4 * (48 + 4), 0, 4 * 60),
    # an image of 5 × 4, 4 gates × 3 filters, a window of 2 × 2 over 2 + 3 channels
    (["Input((7, 6, 5, 2))", "ConvLSTM2D(3, 2)"],
     20 * 12 * 4 * 5, 7 * 4800, 4 * (4 * 12 * 5 + 12), 2 * 4 * 60, 4 * 60),
    (["Input((7,))", "Embedding(10, 4)"], 0, 0, 4 * 40, 0, 4 * 7 * 4),
    (["Input((7, 3))", "SimpleRNN(4)"], 28, 7 * 28, 4 * 32, 16, 16),
    (["Input((7, 3))", "LSTM(4, return_sequences=True)"], 112, 784, 512, 32, 4 * 28),
    (["Input((7, 3))", "LSTM(4, return_state=True)"], 112, 784, 512, 32, 3 * 16),
    (["Input((7, 3))", "GRU(4)"], 84, 588, 4 * 12 * 9, 16, 16),
    (["Input((7, 3))", "GRU(4, reset_after=False)"], 84, 588, 4 * 12 * 8, 16, 16),
    (["Input((7, 3))", "GRU(4, use_bias=False, go_backwards=True)"], 84, 588, 4 * 84, 16, 16),
    (["Input((7, 3))", "Bidirectional(LSTM(4, return_sequences=True))"],
     224, 7 * 224, 1024, 64, 4 * 7 * 8),
    (["Input((7, 3))", "Bidirectional(SimpleRNN(4), merge_mode='sum')"], 56, 392, 256, 32, 16),
    (["Input((7, 3))", "Bidirectional(LSTM(4), backward_layer=GRU(4, go_backwards=True))"],
     112 + 84, 7 * 196, 512 + 432, 4 * (8 + 4), 32),
    (["Input((7, 3))", "RNN(LSTMCell(4))"], 112, 784, 512, 32, 16),
    # an LSTM of 3 onto 4, and a GRU of 4 onto 5
    (["Input((7, 3))", "RNN([LSTMCell(4), GRUCell(5)])"],
     112 + 135, 7 * 247, 4 * (128 + 15 * 11), 4 * (8 + 5), 20),
    (["Input((7, 3))", "TimeDistributed(Dense(5))"], 15, 105, 80, 0, 140),
    # at each of 4 steps an LSTM over 7
    (["Input((4, 7, 3))", "TimeDistributed(LSTM(4))"], 784, 4 * 784, 512, 32, 64),
    (["Input((4, 7, 3))", "TimeDistributed(Bidirectional(GRU(2)))"],
     2 * 7 * 30, 4 * 420, 4 * 2 * 6 * 7, 16, 64),
    (["Input((4, 7, 3))", "TimeDistributed(Flatten())"], 0, 0, 0, 0, 4 * 84),
    (["Input((7, 3))", "LayerNormalization()"], 0, 0, 24, 0, 84),
    (["Input((7, 3))", "BatchNormalization()"], 0, 0, 48, 0, 84),
    (["Input((7, 3))", "Dropout(0.5)"], 0, 0, 0, 0, 84),
    (["Input((7, 3))", "GlobalAveragePooling1D()"], 0, 0, 0, 0, 12),
]  # fmt: skip


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: case[0][-1])
def test_layers_take_what_a_count_by_hand_gives(case: tuple[Any, ...]) -> None:
    texts, *expected = case
    assert row(stack(*texts)) == tuple(expected)


def test_attention_takes_the_products_of_scores_and_of_values() -> None:
    # queries (5, 8), values (7, 6), keys (7, 8)
    shapes = [(None, 5, 8), (None, 7, 6), (None, 7, 8)]
    assert row(connected(shapes, "Attention", {})) == (None, 5 * 7 * (8 + 6), 0, 0, 4 * 5 * 6)


def test_dot_takes_one_product() -> None:
    model = connected([(None, 5, 8), (None, 7, 8)], "Dot", {"axes": 2})
    assert row(model) == (None, 5 * 7 * 8, 0, 0, 4 * 5 * 7)


def test_a_shared_layer_works_at_each_call_and_is_stored_once() -> None:
    model = connected([(None, 8), (None, 8)], "Dense", {"units": 5}, calls=[(0,), (1,)])
    assert row(model) == (None, 2 * 40, 4 * 45, 0, 2 * 20)


def nested(class_name: str, shape: tuple[int | None, ...], *inner: str) -> Model:
    """Return a model that calls another on its input."""
    calls = (Call((Ref("input"),)),)
    model = sequential(parse_stack(inner), "inner")
    layers = (
        Layer("InputLayer", "input", {"batch_shape": shape}, (Call(),)),
        Layer(class_name, "inner", {}, calls, model),
    )
    spec = Model("outer", "Functional", layers, (Ref("input"),), (Ref("inner"),))
    return infer(spec._replace(source=Source("file")))


def test_a_nested_model_is_counted_on_the_sizes_it_is_called_with() -> None:
    inner = ("Input((None, 3))", "LSTM(4, return_sequences=True)", "Dense(2)")
    model = nested("Functional", (None, 7, 3), *inner)
    assert row(model) == (112 + 8, 7 * 120, 4 * (128 + 10), 32, 4 * 14)


def test_a_distributed_model_works_at_each_step() -> None:
    model = nested("TimeDistributed", (None, 6, 7, 3), "Input((7, 3))", "LSTM(4)", "Dense(2)")
    assert row(model) == (7 * 112 + 8, 6 * 792, 4 * (128 + 10), 32, 4 * 12)


def test_what_an_unknown_layer_takes_is_not_known() -> None:
    model = connected([(None, 7, 3)], "Mystery", {})
    assert row(model) == (None, None, None, None, None)
    assert totals(model).pop("complete") is False
    assert {each for each in totals(model).values() if each is not False} == {None}


@pytest.mark.parametrize("texts", STACKS, ids=lambda texts: " ".join(texts).replace(" ", ""))
def test_every_known_layer_has_figures_that_add_up(texts: list[str]) -> None:
    report = cost(stack(*texts))
    found = report.data["totals"]
    for key in KEYS[1:]:
        assert found[key] == sum(layer[key] for layer in report.data["layers"])
    steps = [layer["macs_per_step"] for layer in report.data["layers"]]
    assert (found["macs_per_step"] or 0) == sum(each for each in steps if each is not None)
    assert found["peak_streaming_bytes"] <= found["peak_sequence_bytes"]
    assert found["peak_sequence_bytes"] >= report.data["layers"][-1]["output_bytes"]


@given(st.integers(1, 10**12), st.sampled_from(STACKS))
def test_a_batch_takes_its_size_times_as_much_but_one_set_of_weights(
    batch: int, texts: list[str]
) -> None:
    one, many = totals(stack(*texts)), totals(stack(*texts), batch=batch)
    for key, value in one.items():
        factor = 1 if key in ("weight_bytes", "complete") or value is None else batch
        assert many[key] == (None if value is None else factor * value)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("float64", 8), ("float32", 4), ("float16", 2), ("bfloat16", 2), ("int8", 1)],
)
def test_bytes_follow_the_dtype_asked_for(dtype: str, size: int) -> None:
    model = stack("Input((7, 3))", "LSTM(4, dtype='float16')", "Dense(2)")
    assert row(model, dtype=dtype) == (None, 8, size * 10, 0, size * 2)
    found = cost(model, dtype).data
    assert found["totals"]["weight_bytes"] == size * (128 + 10)
    assert found["totals"]["peak_sequence_bytes"] == size * (21 + 4)
    assert found["weight_bytes_by_dtype"] == {dtype: size * 138}


def test_bytes_are_those_of_each_layers_own_dtype() -> None:
    report = cost(stack("Input((7, 3))", "LSTM(4, dtype='float16')", "Dense(2)"))
    assert [layer["weight_bytes"] for layer in report.data["layers"]] == [2 * 128, 4 * 10]
    assert [layer["output_bytes"] for layer in report.data["layers"]] == [2 * 4, 4 * 2]
    assert report.data["layers"][0]["state_bytes"] == 2 * 8
    assert report.data["weight_bytes_by_dtype"] == {"float16": 256, "float32": 40}


def test_what_a_model_leaves_open_is_filled_in() -> None:
    model = stack("Input((None, 3))", "LSTM(4, return_sequences=True)")
    assert row(model) == (112, None, 512, 32, None)
    assert row(model, steps=7, batch=2) == (224, 2 * 784, 512, 64, 2 * 112)


def test_weights_keep_their_dtype_when_steps_are_filled_in() -> None:
    model = stack("Input((None, 3))", "LSTM(4)")
    (weights,) = (layer.weights or () for layer in model.rows)
    half = model.rows[0]._replace(weights=tuple(each._replace(dtype="int8") for each in weights))
    model = model._replace(layers=(model.layers[0], half))
    assert row(model, steps=7) == (112, 784, 128, 32, 16)


def test_what_a_model_states_is_kept() -> None:
    model = stack("Input(batch_shape=(8, 7, 3))", "LSTM(4)")
    report = cost(model, batch=2, steps=50)
    assert report.data["batch_size"] == 8
    assert report.data["totals"]["macs"] == 8 * 784


def test_without_an_input_only_what_is_certain_is_stated() -> None:
    assert row(stack("LSTM(4)")) == (None, None, None, None, None)
    assert row(stack("Dropout(0.5)"))[:4] == (0, 0, 0, 0)


# Scalars alive at once, whole sequences and step by step.
PEAKS = [
    (["Input((100, 32))", "LSTM(64)"], 3200 + 64, 32 + 64),
    (["Input((100, 32))", "LSTM(64, return_sequences=True)"], 3200 + 6400, 32 + 64),
    # each layer's input is let go once its output is there
    (["Input((10, 2))", "LSTM(8, return_sequences=True)", "LSTM(3)"], 20 + 80, 8 + 3),
    (["Input((10, 2))", "Dense(8)", "Dropout(0.5)", "Dense(3)"], 80 + 30, 8 + 3),
    (["Input((10, 2))", "LSTM(8, return_sequences=True)", "Flatten()", "Dense(3)"], 100, 80 + 3),
    # a step of the output needs the last step of the input, which can be read again
    (["Input((10, 2))", "Bidirectional(GRU(3, return_sequences=True))"], 20 + 60, 2 + 60),
    (["Input((10, 2))", "LSTM(8, return_sequences=True)", "Bidirectional(GRU(3))"], 100, 80 + 6),
    (["Input((10, 2))", "LSTM(8, return_sequences=True)", "GRU(3, go_backwards=True)"], 100, 83),
    (["Input((10, 2))", "GRU(3, go_backwards=True)"], 20 + 3, 2 + 3),
    (["Input((10,))", "Embedding(50, 4)", "LSTM(3)"], 10 + 40, 4 + 3),
    (["Input((6, 5, 2))", "Conv2D(4, (2, 3))"], 60 + 60, 60 + 60),
    (["Input((5,))", "Dense(4)"], 9, 9),
]


@pytest.mark.parametrize("case", PEAKS, ids=lambda case: " ".join(case[0]))
def test_what_is_alive_at_once(case: tuple[list[str], int, int]) -> None:
    texts, whole, streaming = case
    found = totals(stack(*texts))
    assert found["peak_sequence_bytes"] == 4 * whole
    assert found["peak_streaming_bytes"] == 4 * streaming


def test_a_tensor_is_alive_until_its_last_use() -> None:
    input, dense = Ref("input"), Ref("dense")
    layers = (
        Layer("InputLayer", "input", {"batch_shape": (None, 8)}, (Call(),)),
        Layer("Dense", "dense", {"units": 8}, (Call((input,)),)),
        Layer("Dense", "wide", {"units": 20}, (Call((dense,)),)),
        Layer("Dense", "narrow", {"units": 8}, (Call((Ref("wide"),)),)),
        Layer("Add", "add", {}, (Call((input, Ref("narrow"))),)),
    )
    model = Model("model", "Functional", layers, (input,), (Ref("add"),))
    # the input waits for Add while wide is made of dense
    found = totals(infer(model._replace(source=Source("file"))))
    assert found["peak_sequence_bytes"] == 4 * (8 + 8 + 20)
