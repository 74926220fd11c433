"""`--layer` expressions: read as Keras would, printed and read back, refused with a spot."""

import keyword
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.errors import UsageError
from rnncli.graph.expressions import parse, parse_stack, unparse
from rnncli.graph.naming import Namer


def read(text: str) -> tuple[str, Any]:
    return parse(text, Namer())


@pytest.mark.parametrize(
    "text",
    [
        "LSTM(64)",
        "layers.LSTM(64)",
        "keras.layers.LSTM(64)",
        "tf.keras.layers.LSTM(64)",
        "LSTM(units=64)",
        " LSTM( 64, ) ",
    ],
)
def test_module_names_and_keywords_read_the_same(text: str) -> None:
    assert read(text) == ("LSTM", {"units": 64, "name": "lstm"})


def test_positional_arguments_follow_keras() -> None:
    assert read("Dense(3, 'relu', False)")[1] == {
        "units": 3,
        "activation": "relu",
        "use_bias": False,
        "name": "dense",
    }


def test_nested_calls_are_named_first() -> None:
    layers = parse_stack(["TimeDistributed(Dense(1))", "Dense(2)", "Bidirectional(LSTM(3))"])
    assert [layer.name for layer in layers] == ["time_distributed", "dense_1", "bidirectional"]
    assert layers[0].config["layer"]["config"]["name"] == "dense"


def test_a_list_of_cells_is_stacked() -> None:
    _, config = read("RNN([LSTMCell(4), GRUCell(3)], return_sequences=True)")
    cell = config["cell"]
    assert cell["class_name"] == "StackedRNNCells"
    assert [each["class_name"] for each in cell["config"]["cells"]] == ["LSTMCell", "GRUCell"]


def test_the_shape_of_a_first_layer_becomes_an_input() -> None:
    layers = parse_stack(["LSTM(4, input_shape=(10, 3))", "Dense(1)"])
    assert layers[0].kind == "InputLayer"
    assert layers[0].config["batch_shape"] == (None, 10, 3)
    assert "input_shape" not in layers[1].config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LSTM(units=foo)", "'foo' at column 12"),
        ("LSMT(3)", "'LSMT' at column 1 is not a known layer"),
        ("os.system('ls')", "not a known layer"),
        ("LSTM(__import__('os'))", "'__import__' at column 6"),
        ("LSTM", "'LSTM' at column 1 is not a layer"),
        ("LSTM(", "column"),
        ("LSTM()", "needs units"),
        ("LSTM(1, unitz=2)", "no argument 'unitz'"),
        ("LSTM(1, units=2)", "units twice"),
        ("LSTM(**{'units': 3})", "no argument '**'"),
        ("Dense(1, *[2])", "'*[2]' at column 10"),
        ("LSTM(3)\x00", "null bytes"),
        ("(" * 5000, "column"),
        ("", "column"),
        ("x" * 20_000, "20,000 characters"),
        ("torch.LSTM(3)", "not a known layer"),
        ("lambda: 3", "is not a layer"),
        ("Dense([i for i in 'ab'])", "neither a literal nor a known layer"),
    ],
)
def test_what_is_not_a_layer_is_an_error_with_its_spot(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert said in caught.value.message


def test_a_misspelt_layer_gets_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        read("LSMT(3)")
    assert caught.value.hint == "did you mean LSTM?"


def test_two_layers_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two layers are called 'a'"):
        parse_stack(["Dense(1, name='a')", "Dense(2, name='a')"])


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)
recurrent = st.builds(
    lambda kind, units, sequences, name: {
        "class_name": kind,
        "config": {"units": units, "return_sequences": sequences, "name": name},
    },
    st.sampled_from(["SimpleRNN", "LSTM", "GRU"]),
    st.integers(1, 10**18),
    st.booleans(),
    names,
)
wrapped = st.builds(
    lambda inner, mode, name: {
        "class_name": "Bidirectional",
        "config": {"layer": inner, "merge_mode": mode, "name": name},
    },
    recurrent,
    st.sampled_from(["concat", "sum", None]),
    names,
)
stacked = st.builds(
    lambda units, name: {
        "class_name": "RNN",
        "config": {
            "cell": {
                "class_name": "StackedRNNCells",
                "config": {
                    "name": "stacked_rnn_cells",
                    "cells": [
                        {"class_name": "GRUCell", "config": {"units": n, "name": f"c{i}"}}
                        for i, n in enumerate(units)
                    ],
                },
            },
            "name": name,
        },
    },
    st.lists(st.integers(1, 99), min_size=1, max_size=4),
    names,
)


@given(st.one_of(recurrent, wrapped, stacked))
def test_what_is_printed_is_read_back(layer: dict[str, Any]) -> None:
    text = unparse(layer["class_name"], layer["config"])
    assert read(text) == (layer["class_name"], layer["config"])


@given(st.text(max_size=40))
def test_any_text_is_a_layer_or_a_usage_error(text: str) -> None:
    try:
        read(text)
    except UsageError as error:
        assert "\n" not in error.message.replace(text, "")


def test_an_input_shape_that_is_none_is_told() -> None:
    with pytest.raises(UsageError, match="input_shape=3 is not a shape"):
        parse_stack(["LSTM(4, input_shape=3)"])
