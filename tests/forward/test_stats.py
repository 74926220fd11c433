"""Figures of outputs and of the inside of recurrent layers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forward.helpers import graph_of, random_values_of, stack
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.errors import UsageError
from rnncli.forward import Request, forward
from rnncli.forward.probe import Look, Watch
from rnncli.forward.statistics import Stats
from rnncli.graph.infer import infer
from rnncli.layers.op import Array, Notes, Value
from rnncli.model import Call, Layer, Model, Ref, Source

ALL = Look(stats=True)
Rows = list[dict[str, Any]]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), cut=st.integers(0, 20), gaps=st.booleans())
def test_statistics_of_blocks_are_those_of_the_whole(seed: int, cut: int, gaps: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(loc=5, size=20)
    if gaps:
        values[rng.integers(0, 20, 3)] = np.nan
    stats = Stats()
    stats.add(values[:cut])
    stats.add(values[cut:])
    assert stats.summary(Notes()) == {
        "min": np.nanmin(values),
        "max": np.nanmax(values),
        "mean": pytest.approx(np.nanmean(values)),
        "std": pytest.approx(np.nanstd(values)),
        "saturated": None,
        "nan": np.count_nonzero(np.isnan(values)),
    }


def rows_of(model: Model, values: dict[str, Array], x: Array, look: Look = ALL) -> Rows:
    """Return the rows of a run on whole tensors."""
    graph = graph_of(model, values, str(x.dtype) if x.dtype.kind == "f" else "float32")
    watch = Watch(graph, look)
    with np.errstate(over="ignore", invalid="ignore"):
        graph.run({model.inputs[0]: Value(x)})
    rows = watch.rows()
    assert rows is not None
    return rows


def large(model: Model, dtype: str = "float64") -> dict[str, Array]:
    """Return values that drive many gates to their bounds."""
    return {path: 6 * value for path, value in random_values_of(model, dtype).items()}


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def simple_rnn(
    x: Array, h: Array, c: Array, w: list[Array]
) -> tuple[dict[str, Array], Array, Array]:
    h = np.tanh(x @ w[0] + h @ w[1] + w[2])
    return {"h": h}, h, c


def lstm(x: Array, h: Array, c: Array, w: list[Array]) -> tuple[dict[str, Array], Array, Array]:
    i, f, g, o = np.split(x @ w[0] + h @ w[1] + w[2], 4, axis=-1)
    gates = {"i": sigmoid(i), "f": sigmoid(f), "c": np.tanh(g), "o": sigmoid(o)}
    c = gates["f"] * c + gates["i"] * gates["c"]
    return gates, gates["o"] * np.tanh(c), c


def gru(x: Array, h: Array, c: Array, w: list[Array]) -> tuple[dict[str, Array], Array, Array]:
    (xz, xr, xh), (hz, hr, hh) = (
        np.split(a @ k + b, 3, axis=-1) for a, k, b in ((x, w[0], w[2][0]), (h, w[1], w[2][1]))
    )
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    candidate = np.tanh(xh + r * hh)
    return {"z": z, "r": r, "h": candidate}, z * h + (1 - z) * candidate, c


@pytest.mark.parametrize(
    ("kind", "step"), [("SimpleRNN", simple_rnn), ("LSTM", lstm), ("GRU", gru)]
)
def test_shares_means_and_radii_are_those_of_the_textbook(kind: str, step: Any) -> None:
    model = stack("Input((30, 3))", f"{kind}(4)")
    values = large(model)
    weights = list(values.values())
    x = np.random.default_rng(1).normal(size=(2, 30, 3))
    h = c = np.zeros((2, 4))
    seen: dict[str, list[Array]] = {}
    sizes = []
    for t in range(30):
        gates, h, c = step(x[:, t], h, c, weights)
        sizes.append(np.abs(h))
        for gate, value in gates.items():
            seen.setdefault(gate, []).append(value)
    (row,) = rows_of(model, values, x)
    expected = {}
    for gate, found in seen.items():
        low = -1 if gate in "ch" else 0
        near = [(v <= low + 1e-3 * (1 - low)) | (v >= 1 - 1e-3 * (1 - low)) for v in found]
        expected[gate] = np.mean(near)
    assert row["saturated"] == pytest.approx(expected)
    assert 0 < min(expected.values()) < 1
    assert len(set(expected.values())) == len(expected)  # gates taken for one another would show
    assert row["mean_abs_state"] == pytest.approx(np.mean(sizes))
    kernels = np.split(weights[1], len(seen), axis=-1)
    assert row["spectral_radius"] == pytest.approx(
        {gate: max(abs(np.linalg.eigvals(k))) for gate, k in zip(seen, kernels, strict=True)}
    )


def test_a_gate_without_bounds_has_no_share() -> None:
    model = stack("Input((5, 3))", "GRU(4, activation='relu')")
    (row,) = rows_of(model, random_values_of(model), np.ones((1, 5, 3), "float32"))
    assert row["saturated"]["h"] is None
    assert row["saturated"]["z"] is not None


def linear(weight: float, steps: int, **options: Any) -> tuple[Model, dict[str, Array]]:
    """Return `h = x + weight * h`."""
    arguments = "".join(f", {key}={value!r}" for key, value in options.items())
    model = stack(f"Input(({steps}, 1))", f"SimpleRNN(1, activation='linear'{arguments})")
    prefix = "simple_rnn/simple_rnn_cell"
    return model, {
        f"{prefix}/kernel": np.ones((1, 1), "float32"),
        f"{prefix}/recurrent_kernel": np.full((1, 1), weight, "float32"),
        f"{prefix}/bias": np.zeros(1, "float32"),
    }


@pytest.mark.parametrize(
    ("weight", "steps", "expected"),
    [(0.0, 5, ("vanishes", 1)), (0.5, 40, ("vanishes", 10)), (0.5, 10, ("holds", 9)),
     (0.9, 400, ("vanishes", 66)), (1.0, 40, ("holds", 39)), (2.0, 40, ("explodes", 10))],
)  # fmt: skip
def test_the_gradient_goes_as_the_recurrent_kernel_does(
    weight: float, steps: int, expected: tuple[str, int]
) -> None:
    model, values = linear(weight, steps)
    (row,) = rows_of(model, values, np.zeros((1, steps, 1), "float32"))
    flow = row["gradient_flow"]
    assert (flow["verdict"], flow["steps"], flow["exact"]) == (*expected, True)
    weight = float(np.float32(weight))
    for each in row["gradient"]:
        assert each["h"] == pytest.approx(weight ** each["back"])


def test_a_gradient_that_comes_back_has_not_vanished() -> None:
    """Unit 3 hears of unit 1 by unit 2: quiet steps in between do not count."""
    model = stack("Input((9, 1))", "SimpleRNN(3, activation='linear', use_bias=False)")
    chain = np.zeros((3, 3), "float32")
    chain[0, 1] = 1e-4
    chain[1, 2] = 1e4
    values = {
        "simple_rnn/simple_rnn_cell/kernel": np.zeros((1, 3), "float32"),
        "simple_rnn/simple_rnn_cell/recurrent_kernel": chain,
    }
    (row,) = rows_of(model, values, np.zeros((1, 9, 1), "float32"))
    assert row["gradient_flow"] == {"verdict": "vanishes", "steps": 3, "exact": True}


@pytest.mark.parametrize("backwards", [False, True])
def test_the_first_step_that_is_no_number_is_counted_from_the_beginning(backwards: bool) -> None:
    model, values = linear(0.5, 300, go_backwards=backwards)
    x = np.zeros((2, 300, 1), "float32")
    x[1, 269] = np.nan
    x[0, 289] = np.inf
    (row,) = rows_of(model, values, x)
    assert row["first_bad_step"] == (290 if backwards else 270)
    assert row["gradient_flow"] is None or row["gradient_flow"]["steps"] < 300


def test_a_state_that_explodes_is_found_at_its_step() -> None:
    model, values = linear(10.0, 60)
    (row,) = rows_of(model, values, np.ones((1, 60, 1), "float32"))
    largest, total, step = float(np.finfo("float32").max), 1.0, 1
    while total <= largest:
        total, step = 10 * total + 1, step + 1
    assert row["first_bad_step"] == step


def test_a_run_that_explodes_says_so_in_figures_alone() -> None:
    model = stack("Input((400, 8))", "SimpleRNN(8, activation='linear')")
    result = forward(model, Request(init="uniform01", look=ALL))  # any warning fails the test
    assert result.layers is not None
    assert 10 < result.layers[0]["first_bad_step"] < 400
    assert result.stats["nan"] or np.isinf(result.stats["max"])


def renamed(rows: Rows, *names: str) -> Rows:
    return [{**row, "name": name} for row, name in zip(rows, names, strict=True)]


def test_both_directions_have_the_figures_of_layers_of_their_own() -> None:
    model = stack("Input((20, 3))", "Bidirectional(LSTM(4))")
    values = large(model)
    x = np.random.default_rng(2).normal(size=(2, 20, 3))
    alone = []
    for name, backwards in (("forward_lstm", False), ("backward_lstm", True)):
        single = stack("Input((20, 3))", f"LSTM(4, go_backwards={backwards})")
        prefix = f"bidirectional/{name}/"
        own = {
            path.replace(prefix, "lstm/"): value
            for path, value in values.items()
            if path.startswith(prefix)
        }
        alone += rows_of(single, own, x)
    found = rows_of(model, values, x)
    names = "bidirectional/forward_lstm", "bidirectional/backward_lstm"
    assert found == renamed(alone, *names)
    assert alone[0]["mean_abs_state"] != alone[1]["mean_abs_state"]


STACKED = ("Input((20, 3))", "RNN([LSTMCell(4), GRUCell(5)])")
LAYERS = ("Input((20, 3))", "LSTM(4, return_sequences=True)", "GRU(5)")


def test_stacked_cells_have_the_figures_of_stacked_layers() -> None:
    model, layers = stack(*STACKED), stack(*LAYERS)
    values = large(model)
    same = dict(zip(large(layers), values.values(), strict=True))
    x = np.random.default_rng(3).normal(size=(2, 20, 3))
    found = rows_of(model, values, x)
    expected = renamed(rows_of(layers, same, x), "rnn/lstm_cell", "rnn/gru_cell")
    assert found == expected


def test_a_layer_within_a_stack_is_seen_on_its_real_inputs() -> None:
    stacked = stack("Input((20, 3))", "Dense(6)", "Conv1D(5, 3)", "LSTM(4)", "Dense(2)")
    values = large(stacked)
    x = np.random.default_rng(4).normal(size=(2, 20, 3))
    before = stack("Input((20, 3))", "Dense(6)", "Conv1D(5, 3)")
    graph = graph_of(before, values, "float64")
    (reached,) = graph.run({before.inputs[0]: Value(x)})
    alone = stack("Input((18, 5))", "LSTM(4)")
    assert rows_of(stacked, values, x) == rows_of(alone, values, reached.array)


def test_padding_counts_for_nothing() -> None:
    model = stack("Input((None,))", "Embedding(9, 3, mask_zero=True)", "GRU(4)")
    values = random_values_of(model)
    tokens = np.random.default_rng(5).integers(1, 9, (1, 40))
    (short,) = rows_of(model, values, tokens)
    (padded,) = rows_of(model, values, np.pad(tokens, ((0, 0), (0, 30))))
    assert padded == short


@pytest.mark.parametrize(
    "layer",
    ["LSTM(4)", "SimpleRNN(4, go_backwards=True)", "Bidirectional(GRU(4))",
     "RNN([GRUCell(3), LSTMCell(2)], return_sequences=True)"],
)  # fmt: skip
def test_blocks_of_a_long_sequence_are_seen_as_one(
    layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(6).normal(size=(2, 700, 3)).astype("float32")
    x[1, 500] = np.inf, -np.inf, np.inf
    np.save(tmp_path / "x.npy", x)
    request = Request(inputs=((None, str(tmp_path / "x.npy")),), look=ALL)
    model = stack("Input((None, 3))", layer)
    monkeypatch.setattr("rnncli.forward.probe_cells.BLOCK", 1000)
    whole = forward(model, request)
    monkeypatch.setattr("rnncli.forward.probe_cells.BLOCK", 7)
    monkeypatch.setattr("rnncli.forward.streaming.BLOCK_BYTES", 1)
    steps: list[tuple[int, int]] = []
    blocks = forward(model, request, lambda *done: steps.append(done))
    assert len(steps) > 10
    assert whole.layers is not None and blocks.layers is not None
    assert len(whole.layers) == len(blocks.layers)
    for found, expected in zip(blocks.layers, whole.layers, strict=True):
        assert found.pop("mean_abs_state") == pytest.approx(
            expected.pop("mean_abs_state"), nan_ok=True
        )
        assert found == expected
        assert found["first_bad_step"] == 501


def test_looking_changes_nothing() -> None:
    model = stack("Input((20, 3))", "GRU(4, return_sequences=True)", "Bidirectional(LSTM(3))")
    plain, seen = (forward(model, Request(look=look)) for look in (None, Look(True, True)))
    assert plain.arrays[0] is not None
    np.testing.assert_array_equal(plain.arrays[0], seen.arrays[0])
    assert (plain.states, plain.stats, plain.layers) == (seen.states, seen.stats, None)


def test_no_recurrent_layer_no_row() -> None:
    model = stack("Input((3,))", "Dense(2)")
    assert forward(model, Request(look=ALL)).layers == []


def functional(layers: dict[str, tuple[Any, ...]], output: Ref) -> Model:
    """Return a graph of `name: (class, config, calls, model)`."""
    layers = [
        Layer(kind, name, {**config, "name": name}, tuple(Call(c) for c in calls), *inner)
        for name, (kind, config, calls, *inner) in layers.items()
    ]
    return Model("functional", "Functional", tuple(layers), (Ref("x"),), (output,))


def completed(kind: str, **config: Any) -> dict[str, Any]:
    from rnncli.layers import complete

    return complete(kind, config)


def shared() -> Model:
    gru = completed("GRU", units=2, return_sequences=True)
    return functional(
        {
            "x": ("InputLayer", {"batch_shape": (None, 6, 2)}, [()]),
            "twice": ("GRU", gru, [(Ref("x"),), (Ref("twice"),)]),
        },
        Ref("twice", 1),
    )


def test_a_layer_called_twice_has_one_row_of_both_calls() -> None:
    model = infer(shared()._replace(source=Source("file")))
    values = random_values_of(model)
    x = np.random.default_rng(7).normal(size=(1, 6, 2)).astype("float32")
    (row,) = rows_of(model, values, x)
    single = stack("Input((6, 2))", "GRU(2, return_sequences=True)")
    own = dict(zip(random_values_of(single), values.values(), strict=True))
    graph = graph_of(single, own)
    (middle,) = graph.run({single.inputs[0]: Value(x)})
    calls = [rows_of(single, own, each)[0] for each in (x, middle.array)]
    assert row["name"] == "twice"
    assert row["mean_abs_state"] == pytest.approx(np.mean([c["mean_abs_state"] for c in calls]))


def test_a_layer_called_twice_is_drawn_once() -> None:
    result = forward(
        infer(shared()._replace(source=Source("file"))),
        Request(look=Look(picture=True), init="keras"),
    )
    assert result.trace is not None
    assert result.trace.steps == 6


def nested() -> Model:
    inner = functional(
        {
            "x": ("InputLayer", {"batch_shape": (None, 6, 2)}, [()]),
            "gru": ("GRU", completed("GRU", units=2), [(Ref("x"),)]),
        },
        Ref("gru"),
    )
    return functional(
        {
            "x": ("InputLayer", {"batch_shape": (None, 6, 2)}, [()]),
            "encoder": ("Functional", {}, [(Ref("x"),)], inner),
        },
        Ref("encoder"),
    )


def test_layers_inside_models_and_wrappers_are_found() -> None:
    model = infer(nested()._replace(source=Source("file")))
    x = np.ones((1, 6, 2), "float32")
    assert [row["name"] for row in rows_of(model, random_values_of(model), x)] == ["encoder/gru"]
    timed = stack("Input((4, 5, 3))", "TimeDistributed(LSTM(2))", "SimpleRNN(3)")
    rows = rows_of(timed, random_values_of(timed), np.ones((2, 4, 5, 3), "float32"))
    assert [row["name"] for row in rows] == ["time_distributed", "simple_rnn"]
    assert all(row["mean_abs_state"] for row in rows)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, ["lstm", "bidirectional/forward_gru", "bidirectional/backward_gru"]),
        ("lstm", ["lstm"]),
        ("bidirectional", ["bidirectional/forward_gru", "bidirectional/backward_gru"]),
        ("bidirectional/backward_gru", ["bidirectional/backward_gru"]),
    ],
)
def test_a_name_chooses_the_rows(name: str | None, expected: list[str]) -> None:
    model = stack("Input((6, 2))", "LSTM(2, return_sequences=True)", "Bidirectional(GRU(2))")
    x = np.ones((1, 6, 2), "float32")
    rows = rows_of(model, random_values_of(model), x, Look(stats=True, layer=name))
    assert [row["name"] for row in rows] == expected
    assert all(row["mean_abs_state"] for row in rows)


def test_an_unknown_layer_is_told_the_names() -> None:
    model = stack("Input((6, 2))", "LSTM(2)", "Dense(3)")
    with pytest.raises(UsageError, match="no recurrent layer called 'dense'") as caught:
        forward(model, Request(look=Look(stats=True, layer="dense")))
    assert "lstm" in str(caught.value.hint)
