"""Seconds, int8's scales and the memory of training, against sums by hand."""

from typing import Any

import pytest

from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.model import Model, Source, sequential
from rnncli.report.cost import cost
from rnncli.report.device import NOTHING, Asked

STACK = ("Input((10, 3))", "LSTM(4, return_sequences=True)", "Dense(2)")
LSTM, DENSE = 4 * 4 * (3 + 4 + 1), 4 * 2 + 2
MACS = 10 * (4 * 4 * (3 + 4) + 4 * 2)


def model(*texts: str) -> Model:
    return infer(sequential(parse_stack(texts), source=Source("layers")))


def totals(asked: Asked = NOTHING, **options: Any) -> dict[str, Any]:
    return dict(cost(model(*STACK), asked=asked, **options).data["totals"])


def test_seconds_are_macs_over_the_rate() -> None:
    found = totals(Asked(macs_per_second=1000))
    assert found["seconds"] == pytest.approx(MACS / 1000)
    assert found["seconds_per_step"] == pytest.approx(MACS / 10 / 1000)


def test_seconds_of_an_open_length_are_not_known() -> None:
    report = cost(model("Input((None, 3))", "LSTM(4)"), asked=Asked(macs_per_second=1000))
    assert report.data["totals"]["seconds"] is None
    assert report.data["totals"]["seconds_per_step"] == pytest.approx(4 * 4 * 7 / 1000)


def test_int8_has_a_scale_per_tensor_and_biases_of_four_bytes() -> None:
    found = totals(dtype="int8")
    assert found["weight_bytes"] == LSTM + DENSE
    assert found["quantization_bytes"] == 5 * 4 + 3 * (4 * 4 + 2)


@pytest.mark.parametrize(("optimizer", "kept"), [("sgd", 0), ("adam", 2)])
def test_training_keeps_gradients_state_and_outputs(optimizer: str, kept: int) -> None:
    found = totals(Asked(optimizer=optimizer), batch=8)
    size = 4 * (LSTM + DENSE)
    assert found["gradient_bytes"] == size
    assert found["optimizer_bytes"] == kept * size
    assert found["training_bytes"] == (2 + kept) * size + 8 * 4 * (10 * 4 + 10 * 2)


def test_what_does_not_train_has_no_gradient() -> None:
    frozen = model("Input((10, 3))", "LSTM(4, trainable=False)", "Dense(2)")
    found = cost(frozen, asked=Asked(optimizer="adam")).data["totals"]
    assert found["gradient_bytes"] == 4 * DENSE
