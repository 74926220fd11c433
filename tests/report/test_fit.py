"""The largest size that fits: it does, and one more does not."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.cli.models import cell_layers
from rnncli.cli.options import CellFlags
from rnncli.errors import UsageError
from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.model import Model, Source, sequential
from rnncli.report.fit import fit

SIZES = {"float32": 4, "float16": 2, "int8": 1}
Sizes = dict[str, Any]

layers = st.fixed_dictionaries(
    {
        "cell": st.sampled_from(["simple_rnn", "lstm", "gru"]),
        "input_size": st.integers(1, 300),
        "steps": st.integers(1, 1000),
        "depth": st.integers(1, 4),
        "bidirectional": st.booleans(),
        "no_bias": st.booleans(),
    }
)
limits = st.dictionaries(
    st.sampled_from(["max_params", "max_bytes", "max_macs"]), st.integers(0, 10**20), min_size=1
)


def maker(given: Sizes) -> Callable[[int], Model]:
    flags = CellFlags(
        **{**given, "steps": str(given["steps"]), "no_bias": given["no_bias"] or None}
    )
    return lambda units: infer(sequential(cell_layers(flags._replace(units=units))))


def counted(given: Sizes, units: int, dtype: str) -> dict[str, int]:
    """Return what a layer takes by the formulas of the textbooks, not by its weights."""
    gates = {"simple_rnn": 1, "lstm": 4, "gru": 3}[given["cell"]]
    biases = 0 if given["no_bias"] else 2 if given["cell"] == "gru" else 1
    ways = 2 if given["bidirectional"] else 1
    params = macs = 0
    size = given["input_size"]
    for _ in range(given["depth"]):
        params += ways * gates * units * (size + units + biases)
        macs += ways * gates * units * (size + units) * given["steps"]
        size = ways * units
    return {"max_params": params, "max_bytes": params * SIZES[dtype], "max_macs": macs}


def holds(found: dict[str, int], limit: dict[str, int]) -> bool:
    return all(found[name] <= amount for name, amount in limit.items())


@given(layers, limits, st.sampled_from(sorted(SIZES)))
def test_the_size_fits_and_one_more_does_not(
    layer: Sizes, limit: dict[str, int], dtype: str
) -> None:
    report = fit({"it": maker(layer)}, limit, dtype)
    (found,) = report.data["rows"]
    units, more = found["units"], counted(layer, found["units"] + 1, dtype)
    assert not holds(more, limit)
    assert found["next"] == {
        "units": units + 1,
        "params": more["max_params"],
        "bytes": more["max_bytes"],
        "macs": more["max_macs"],
    }
    if units:
        now = counted(layer, units, dtype)
        assert holds(now, limit)
        figures = (found["params"], found["bytes"], found["macs"])
        assert figures == (now["max_params"], now["max_bytes"], now["max_macs"])
    assert report.ok == (units > 0)
    assert (found["reason"] is None) == (units > 0)


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
@pytest.mark.parametrize("budget", [10**4, 10**17, 10**39])
def test_any_size_takes_a_handful_of_models(cell: str, budget: int) -> None:
    sizes: list[int] = []
    make = maker({"cell": cell, "input_size": 32, "steps": 100, "depth": 1,
                  "bidirectional": False, "no_bias": False})  # fmt: skip

    def counting(units: int) -> Model:
        sizes.append(units)
        return make(units)

    fit({cell: counting}, {"max_params": budget})
    assert len(sizes) <= 5


def rows(limit: dict[str, int], *texts: str, dtype: str | None = None) -> list[dict[str, Any]]:
    def make(units: int) -> Model:
        filled = [text.replace("?", str(units)) for text in texts]
        return infer(sequential(parse_stack(filled), source=Source("layers")))

    found: list[dict[str, Any]] = fit({"it": make}, limit, dtype).data["rows"]
    return found


# How much a stack takes, by hand.
STACKS: list[tuple[list[str], str, Callable[[int], int]]] = [
    (["Input((100, 8))", "LSTM(?, return_sequences=True)", "Dense(1)"],
     "max_params", lambda n: 4 * n * (8 + n + 1) + n + 1),
    (["Input((100, 8))", "LSTM(?, return_sequences=True)", "Dense(1)"],
     "max_macs", lambda n: 100 * (4 * n * (8 + n) + n)),
    (["Input((100, 8))", "Bidirectional(GRU(?))", "Dense(3)"],
     "max_params", lambda n: 2 * 3 * n * (8 + n + 2) + 2 * n * 3 + 3),
    (["Input((100, ?))", "SimpleRNN(5)"], "max_params", lambda n: 5 * (n + 6)),
    (["Input((?, 4))", "Dense(3)"], "max_macs", lambda n: n * 12),
    (["Input((9,))", "Embedding(?, 7)"], "max_bytes", lambda n: 28 * n),
    (["Input((9, 2))", "Conv1D(?, 3, padding='same')", "GRU(4)"],
     "max_params", lambda n: 7 * n + 12 * (n + 6)),
    # one product per 7 steps: the count stands still between them
    (["Input((?, 6))", "Conv1D(5, 1, strides=7)"], "max_macs", lambda n: -(-n // 7) * 30),
]  # fmt: skip


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: " ".join(stack[0]))
@settings(deadline=None)
@given(limit=st.integers(1, 10**18))
def test_the_hole_of_a_stack_is_filled(stack: Any, limit: int) -> None:
    texts, name, count = stack
    (found,) = rows({name: limit}, *texts)
    assert found["units"] == 0 or count(found["units"]) <= limit
    assert count(found["units"] + 1) > limit


def test_bytes_are_those_of_the_dtype() -> None:
    texts = ["Input((9,))", "Embedding(?, 7, dtype='float16')"]
    assert rows({"max_bytes": 1400}, *texts)[0]["units"] == 100
    assert rows({"max_bytes": 1400}, *texts, dtype="float32")[0]["units"] == 50
    assert rows({"max_bytes": 1400}, *texts, dtype="int8")[0]["units"] == 200


def test_why_nothing_fits() -> None:
    texts = ["Input((5, 8))", "LSTM(?)"]
    (found,) = rows({"max_params": 39, "max_bytes": 1000, "max_macs": 100}, *texts)
    assert found["units"] == 0
    assert found["params"] is None
    assert (
        found["reason"]
        == "one unit takes 40 params, more than 39, and one unit takes 180 macs, more than 100"
    )


def test_one_cell_of_several_that_fits_is_an_answer() -> None:
    shared = {"input_size": 32, "steps": 1, "depth": 1, "bidirectional": False, "no_bias": False}
    makes = {cell: maker({"cell": cell, **shared}) for cell in ("simple_rnn", "lstm", "gru")}
    report = fit(makes, {"max_params": 120})
    assert [row["units"] for row in report.data["rows"]] == [3, 0, 1]
    assert report.ok
    assert report.tables[0].rows[1][-1] == "one unit takes 136 params, more than 120"


@pytest.mark.parametrize(
    ("limit", "texts", "message"),
    [
        ("max_params", ["LSTM(?)"], "its weights are not known"),
        ("max_bytes", ["LSTM(?)"], "its weights are not known"),
        ("max_macs", ["Input((None, 8))", "LSTM(?)"], "not known"),
        ("max_params", ["Input((?, 8))", "LSTM(4)"], "any size fits: it is not what --max-params"),
    ],
)
def test_a_budget_that_cannot_be_weighed_is_refused(
    limit: str, texts: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        rows({limit: 10**6}, *texts)
