"""What holds, what fails, and what is not known."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest

from rnncli.errors import FileError
from rnncli.forward.finite import count_not_finite
from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.model import Model, Source, sequential
from rnncli.render import Target, render
from rnncli.report.check import Limits, Subject, check, failures
from rnncli.storage import Stored, Tensor

LSTM = ("Input((100, 32))", "LSTM(64)")  # 24,832 weights, 99,328 bytes, 2,457,600 MACs


def stack(*texts: str) -> Model:
    return infer(sequential(parse_stack(texts), source=Source("layers")))


def one(limits: Limits, *texts: str, **options: Any) -> dict[str, Any]:
    (found,) = check([Subject("it", stack(*texts))], limits, **options).data["checks"]
    return dict(found)


@pytest.mark.parametrize(
    ("name", "actual"), [("max_params", 24_832), ("max_bytes", 99_328), ("max_macs", 2_457_600)]
)
def test_a_limit_holds_up_to_itself(name: str, actual: int) -> None:
    for limit, held in ((actual - 1, False), (actual, True), (actual + 1, True)):
        found = one(Limits()._replace(**{name: limit}), *LSTM)
        assert found == {"model": "it", "name": name, "limit": limit, "actual": actual, "ok": held}


def test_params_are_exact() -> None:
    held = [one(Limits(params=count), *LSTM)["ok"] for count in (24_831, 24_832, 24_833)]
    assert held == [False, True, False]


@pytest.mark.parametrize(
    ("shape", "held"),
    [((None, 64), True), ((None, 100, 64), False), ((1, 64), False), ((None, None), False)],
)
def test_the_output_shape_is_compared_size_by_size(shape: Any, held: bool) -> None:
    found = one(Limits(output_shapes=(shape,)), *LSTM)
    assert (found["limit"], found["actual"], found["ok"]) == (shape, (None, 64), held)


def test_every_output_has_a_shape() -> None:
    texts = (LSTM[0], "LSTM(64, return_sequences=True, return_state=True)")
    shapes = ((None, 100, 64), (None, 64), (None, 64))
    assert one(Limits(output_shapes=shapes), *texts)["ok"]
    assert not one(Limits(output_shapes=shapes[:1]), *texts)["ok"]


def test_work_is_that_of_one_sequence_whatever_the_batch() -> None:
    found = one(Limits(max_macs=784), "Input(batch_shape=(8, 7, 3))", "LSTM(4)")
    assert (found["actual"], found["ok"]) == (784, True)


@pytest.mark.parametrize("name", ["params", "max_params", "max_bytes", "max_macs"])
def test_what_is_not_known_does_not_pass(name: str) -> None:
    found = one(Limits()._replace(**{name: 10**12}), "LSTM(64)")
    assert (found["actual"], found["ok"]) == (None, None)


def test_one_layer_of_unknown_weights_is_enough_to_fail() -> None:
    model = stack(*LSTM, "Dense(3)")
    mystery = model.layers[-1]._replace(kind=None, type="Mystery", weights=None)
    model = model._replace(layers=(*model.layers[:-1], mystery))
    report = check([Subject("it", model)], Limits(0, 10**9, 10**9, 10**9))
    assert not report.ok
    assert [each["ok"] for each in report.data["checks"]] == [None] * 4
    assert "max_params: unknown" in failures(report)[1]


def test_an_open_length_is_filled_in() -> None:
    texts = ("Input((None, 32))", "LSTM(64, return_sequences=True)")
    assert one(Limits(max_macs=10**9), *texts)["actual"] is None
    assert one(Limits(max_macs=10**9), *texts, steps=100)["actual"] == 2_457_600
    shape = ((None, 100, 64),)
    assert not one(Limits(output_shapes=shape), *texts)["ok"]
    assert one(Limits(output_shapes=shape), *texts, steps=100)["ok"]


def several() -> Any:
    subjects = [
        Subject("small", stack("Input((7, 3))", "GRU(4)"), 0, 3, 3),
        Subject("large", stack(*LSTM), 2, 3, 3),
        Subject("broken.h5", None, error="broken.h5: the file is empty"),
    ]
    return check(subjects, Limits(max_params=1000, no_nan=True))


def test_several_models_have_their_rows_and_one_that_fails_is_named() -> None:
    report = several()
    assert [(each["model"], each["name"], each["ok"]) for each in report.data["checks"]] == [
        ("small", "max_params", True),
        ("small", "no_nan", True),
        ("large", "max_params", False),
        ("large", "no_nan", False),
        ("broken.h5", "read", False),
    ]
    assert not report.ok
    assert failures(report) == [
        "large: max_params: 24,832, but at most 1,000 is asked for",
        "large: no_nan: 2 values of its weights are NaN or infinite",
    ]


def test_markdown_points_out_what_fails() -> None:
    lines = render(several(), "markdown", Target()).splitlines()
    assert lines[0] == "**3 of 5 checks failed**"
    assert "| small | max_params | 1,000 | 108 | yes |" in lines
    assert "| **large** | **max_params** | **1,000** | **24,832** | **no** |" in lines


class Memory:
    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays

    def read(self, name: str) -> Tensor:
        array = self.arrays[name]
        return Tensor(str(array.dtype), array.shape, array)


def stored(arrays: dict[str, np.ndarray]) -> Model:
    """Return an LSTM and a Dense whose weights come from `arrays` by their paths."""
    model = stack("Input((7, 3))", "LSTM(4)", "Dense(2)")
    layers = tuple(
        layer._replace(
            weights=tuple(
                weight._replace(stored=Stored((weight.path,))) if weight.path in arrays else weight
                for weight in layer.weights or ()
            )
        )
        for layer in model.layers
    )

    def store() -> AbstractContextManager[Memory]:
        return nullcontext(Memory(arrays))

    return model._replace(layers=layers, store=store)


def values() -> dict[str, np.ndarray]:
    model = stack("Input((7, 3))", "LSTM(4)", "Dense(2)")
    weights = [weight for layer in model.layers for weight in layer.all_weights()]
    return {weight.path: np.ones(weight.shape, np.float32) for weight in weights}


def test_values_that_are_not_finite_are_counted_in_every_layer() -> None:
    arrays = values()
    assert count_not_finite(stored(arrays)) == (0, 5, 5)
    arrays["lstm_cell/recurrent_kernel"][1, 2:5] = np.nan
    arrays["bias"][0] = np.inf
    arrays["kernel"][3] = -np.inf
    assert count_not_finite(stored(arrays)) == (3 + 1 + 2, 5, 5)


def test_a_weight_that_the_file_lacks_is_not_passed_over() -> None:
    arrays = values()
    del arrays["kernel"]
    seen = count_not_finite(stored(arrays))
    assert seen == (0, 4, 5)
    (found,) = check([Subject("it", stack(*LSTM), *seen)], Limits(no_nan=True)).data["checks"]
    assert found["ok"] is None


def test_a_model_without_a_file_has_no_values() -> None:
    with pytest.raises(FileError):
        count_not_finite(stack(*LSTM))
