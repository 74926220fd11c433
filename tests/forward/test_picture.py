"""What is drawn of a run: the right values, whatever the length and the direction."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from forward.helpers import close, graph_of, random_values_of, stack
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.errors import UsageError
from rnncli.forward import Request, Result, forward
from rnncli.forward.probe import Look, Watch
from rnncli.forward.trace import BINS, Trace
from rnncli.graph.infer import infer
from rnncli.graph.torch_expressions import parse_stack
from rnncli.layers.op import Value

LARGE = 10**6  # columns and rows: each value has a cell of its own


def drawn(layers: tuple[str, ...], batch: int = 3, **look: Any) -> tuple[np.ndarray, Result]:
    """Return what is drawn, `(units, steps)`, and the run."""
    request = Request(batch_size=batch, look=Look(picture=True, **look))
    result = forward(stack("Input((30, 3))", *layers), request)
    assert result.trace is not None
    return np.array(result.trace.cells(LARGE, LARGE)[0]), result


@pytest.mark.parametrize("stats", [False, True])
@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_the_state_drawn_is_the_output_of_the_first_sequence(kind: str, stats: bool) -> None:
    values, result = drawn((f"{kind}(4, return_sequences=True)",), stats=stats)
    assert result.arrays[0] is not None and result.trace is not None
    close(values.T.astype("float32"), result.arrays[0][0], 1e-6)
    norms = result.trace.cells(LARGE, LARGE)[1]
    np.testing.assert_allclose(norms, np.linalg.norm(values, axis=0), rtol=1e-6)


def test_a_state_read_from_the_end_stands_at_its_steps() -> None:
    values, result = drawn(("GRU(4, return_sequences=True, go_backwards=True)",))
    assert result.arrays[0] is not None
    close(values.T.astype("float32"), result.arrays[0][0, ::-1], 1e-6)  # Keras gives it reversed


@pytest.mark.parametrize(
    ("name", "title", "units"),
    [
        (None, "gru: state h", 5),
        ("gru", "gru: state h", 5),
        ("lstm", "lstm: state h", 2),
        ("bidirectional", "bidirectional/forward_gru: state h", 3),
        ("bidirectional/backward_gru",
         "bidirectional/backward_gru: state h, read from the end", 3),
        ("rnn", "rnn/simple_rnn_cell: state h", 4),
        ("rnn/lstm_cell", "rnn/lstm_cell: state h", 6),
    ],
)  # fmt: skip
def test_the_layer_is_the_last_or_the_one_that_is_named(
    name: str | None, title: str, units: int
) -> None:
    layers = ("LSTM(2, return_sequences=True)", "Bidirectional(GRU(3, return_sequences=True))",
              "RNN([LSTMCell(6), SimpleRNNCell(4)], return_sequences=True)",
              "GRU(5, name='gru')", "Dense(2)")  # fmt: skip
    values, result = drawn(layers, layer=name)
    assert result.trace is not None
    assert result.trace.title == title
    assert values.shape == (units, 30)


@pytest.mark.parametrize(
    ("layer", "gate", "low"), [("LSTM", "f", 0), ("LSTM", "c", -1), ("GRU", "z", 0)]
)
def test_a_gate_is_drawn_in_place_of_the_state(layer: str, gate: str, low: int) -> None:
    values, result = drawn((f"{layer}(4)",), gate=gate)
    assert result.trace is not None
    assert result.trace.title == f"{layer.lower()}: gate {gate}"
    assert (values.min() < 0) == (low < 0)
    assert low < values.min() < values.max() < 1


@pytest.mark.parametrize("gate", ["i", "f", "c", "o"])
def test_the_gate_drawn_is_that_of_its_weights(gate: str) -> None:
    model = stack("Input((1, 3))", "LSTM(2)")
    values = random_values_of(model, "float64")
    graph = graph_of(model, values, "float64")
    watch = Watch(graph, Look(picture=True, gate=gate))
    x = np.random.default_rng(0).normal(size=(2, 1, 3))
    graph.run({model.inputs[0]: Value(x)})
    columns = slice(2 * "ifco".index(gate), 2 * "ifco".index(gate) + 2)
    kernel, _, bias = values.values()
    before = x[0, 0] @ kernel[:, columns] + bias[columns]  # the state before the first step is 0
    expected = np.tanh(before) if gate == "c" else 1 / (1 + np.exp(-before))
    assert watch.trace is not None
    np.testing.assert_allclose(watch.trace.cells(LARGE, LARGE)[0], expected[:, None])


@pytest.mark.parametrize(
    ("layer", "gate", "known"),
    [("LSTM(2)", "z", "i, f, c, o"), ("GRU(2)", "f", "z, r, h"), ("SimpleRNN(2)", "i", "h")],
)
def test_an_unknown_gate_is_told_those_of_the_cell(layer: str, gate: str, known: str) -> None:
    with pytest.raises(UsageError, match=f"no gate called '{gate}'") as caught:
        drawn((layer,), gate=gate)
    assert known in str(caught.value.hint)


def test_a_model_without_recurrent_layers_cannot_be_drawn() -> None:
    with pytest.raises(UsageError, match="no recurrent layer"):
        drawn(("Dense(2)",))


def trace_of(values: np.ndarray, reverse: bool = False) -> Trace:
    trace = Trace("", reverse)
    for row in values:
        trace.add(row, float(np.linalg.norm(row)))
    return trace


def even(length: int, parts: int) -> list[range]:
    """Return the parts, as even as whole numbers allow."""
    return [range(i * length // parts, (i + 1) * length // parts) for i in range(parts)]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(1, 40), units=st.integers(1, 9), columns=st.integers(1, 45),
    rows=st.integers(1, 10), reverse=st.booleans(),
)  # fmt: skip
def test_a_cell_is_the_value_of_largest_magnitude(
    steps: int, units: int, columns: int, rows: int, reverse: bool
) -> None:
    values = np.random.default_rng(0).normal(size=(steps, units))
    found, norms = trace_of(values, reverse).cells(columns, rows)
    shown = min(steps, columns), min(units, rows)
    assert (len(norms), len(found)) == shown
    assert {len(row) for row in found} == {shown[0]}
    if reverse:
        values = values[::-1]
    parts = even(steps, shown[0])
    if reverse:  # cut as it was read
        parts = [range(steps - part.stop, steps - part.start) for part in parts[::-1]]
    expected = [
        [max((values[step, unit] for step in part for unit in group), key=abs) for part in parts]
        for group in even(units, shown[1])
    ]
    np.testing.assert_array_equal(found, expected)
    sizes = np.linalg.norm(values, axis=1)
    np.testing.assert_allclose(norms, [max(sizes[list(part)]) for part in parts])


@pytest.mark.parametrize("steps", [BINS, BINS + 1, 2 * BINS + 3, 9 * BINS])
def test_a_long_sequence_is_kept_in_bounded_memory(steps: int) -> None:
    values = np.arange(steps, dtype="float64")[:, None] - steps // 3
    trace = trace_of(values)
    assert len(trace.low) == len(trace.high) == BINS
    (row,), _ = trace.cells(8, 1)
    ends = np.linspace(0, steps, 9)
    expected = [max((values[int(a), 0], values[int(b) - 1, 0]), key=abs)
                for a, b in pairwise(ends)]  # fmt: skip
    np.testing.assert_allclose(row, expected, atol=trace.size)
    assert trace.cells(1, 1)[0] == ((values.max(),),)


def test_what_is_no_number_stays_so() -> None:
    values = np.ones((10, 2))
    values[3, 1] = np.nan
    found, norms = trace_of(values).cells(5, 2)
    assert np.isnan(found[1][1]) and np.isnan(norms[1])
    assert np.count_nonzero(np.isnan(found)) == 1


def test_of_a_gate_a_cell_is_the_value_farthest_from_one_half() -> None:
    trace = Trace("", False, (0, 1))
    for value in (0.4, 0.01, 0.9, 0.6):
        trace.add(np.array([value]), 1.0)
    assert trace.cells(1, 1)[0] == ((0.01,),)


@pytest.mark.parametrize(
    ("layer", "look", "bounds"),
    [
        ("SimpleRNN(4)", {}, (-1, 1)),
        ("SimpleRNN(4, activation='relu')", {}, None),
        ("SimpleRNN(4, activation='sigmoid')", {}, (0, 1)),
        ("LSTM(4)", {}, (-1, 1)),
        ("LSTM(4)", {"gate": "f"}, (0, 1)),
        ("LSTM(4)", {"gate": "c"}, (-1, 1)),
        ("LSTM(4, recurrent_activation='linear')", {}, None),
        ("GRU(4)", {}, (-1, 1)),
        ("GRU(4)", {"gate": "z"}, (0, 1)),
    ],
)
def test_the_scale_is_that_of_the_activation(layer: str, look: Any, bounds: Any) -> None:
    values, result = drawn((layer,), **look)
    assert result.trace is not None
    assert result.trace.bounds == bounds
    low, high = result.trace.scale(auto=True)
    if bounds == (0, 1):
        assert (low, high) == (values.min(), values.max())
    else:
        assert high == -low == np.abs(values).max()
    assert result.trace.scale(auto=False) == (bounds or (low, high))


def test_a_projected_state_has_no_bounds() -> None:
    model = infer(parse_stack(["nn.LSTM(3, 6, proj_size=2, batch_first=True)"], 5, None))
    result = forward(model, Request(steps=5, look=Look(picture=True)))
    assert result.trace is not None and result.trace.bounds is None
    result = forward(model, Request(steps=5, look=Look(picture=True, gate="i")))
    assert result.trace is not None and result.trace.bounds == (0, 1)


def test_the_share_of_saturated_values_is_of_all_of_them() -> None:
    trace = Trace("", False, (-1, 1))
    for row in ([1.0, 0.0], [-0.9999, 0.5], [0.99, -1.0], [0.0, 0.0]):
        trace.add(np.array(row), 1.0)
    assert trace.saturated == 3 / 8
    assert Trace("", False).saturated is None
