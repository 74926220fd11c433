"""Blocks of steps: whatever their size, the outcome is that of one block."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from forward.helpers import close, graph_of, random_values_of, stack
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.forward import Request, forward
from rnncli.forward.engine import keep
from rnncli.forward.streaming import Collected, block_steps, chain_of, run_chain
from rnncli.layers.op import Array, Value

TOKENS = "Input((23,))", "Embedding(9, 3, mask_zero=True)"
STEPS = ("Input((23, 3))",)
STACKS = [
    (*STEPS, "LSTM(4)"),
    (*STEPS, "GRU(4, return_sequences=True)", "SimpleRNN(3, return_sequences=True)"),
    (*STEPS, "Masking()", "Dense(4)", "LSTM(3, return_sequences=True, return_state=True)"),
    (*STEPS, "LSTM(3, go_backwards=True)", "Dense(2)"),
    (*STEPS, "LayerNormalization()", "Bidirectional(GRU(3))"),
    (*STEPS, "LSTM(3, return_sequences=True)", "Bidirectional(GRU(3))"),
    (*STEPS, "RNN([LSTMCell(3), GRUCell(2)], return_sequences=True)", "GRU(2)"),
    (*STEPS, "SimpleRNN(3, return_sequences=True)", "Conv1D(2, 3)", "Flatten()"),
    (*STEPS, "BatchNormalization()", "ReLU()", "Softmax()", "PReLU(shared_axes=[1])"),
    (*TOKENS, "LSTM(4, return_sequences=True)", "GlobalAveragePooling1D()"),
    (*TOKENS, "Bidirectional(LSTM(4))"),
    (*TOKENS, "GRU(4, go_backwards=True)"),
    (*TOKENS, "GRU(4, return_sequences=True)", "TimeDistributed(Dense(2))", "LSTM(3)"),
]


class Whole:
    """An array that hands out its steps."""

    def __init__(self, array: Array) -> None:
        self.array, self.shape = array, array.shape

    def steps(self, start: int, stop: int) -> Array:
        return self.array[:, start:stop]


def blockwise(expressions: tuple[str, ...], x: Array, size: int) -> list[Array]:
    model = stack(*expressions)
    graph = graph_of(model, random_values_of(model))
    chain = chain_of(graph, model.inputs[0])
    assert chain.steps
    sink, last = Collected(), chain.steps[-1]
    outputs = run_chain(chain, Whole(x), size, sink)
    if chain.passes is None:
        outputs = (sink.value, *outputs[1:])
    values: dict = {}
    keep(last.layer, last.number, outputs, values)
    done = frozenset(step.node for step in chain.steps)
    return [value.array for value in graph.run(values, done)]


def whole(expressions: tuple[str, ...], x: Array) -> list[Array]:
    model = stack(*expressions)
    graph = graph_of(model, random_values_of(model))
    return [value.array for value in graph.run({model.inputs[0]: Value(x)})]


def inputs_of(expressions: tuple[str, ...], rng: np.random.Generator) -> Array:
    if expressions[0] == TOKENS[0]:
        return rng.integers(0, 3, (2, 23))
    x = rng.normal(size=(2, 23, 3)).astype("float32")
    x[0, 15:] = x[1, :4] = 0
    return x


@pytest.mark.parametrize("expressions", STACKS, ids=" ".join)
@settings(max_examples=8, deadline=None)
@given(size=st.integers(1, 24), seed=st.integers(0, 99))
def test_blocks_of_any_size_give_the_same(
    expressions: tuple[str, ...], size: int, seed: int
) -> None:
    x = inputs_of(expressions, np.random.default_rng(seed))
    for found, expected in zip(blockwise(expressions, x, size), whole(expressions, x), strict=True):
        close(found, expected, 2e-6)


LONGEST = {
    (*STEPS, "Dense(2)", "LSTM(3, return_sequences=True)", "GRU(2)", "Dense(1)"): 3,
    (*STEPS, "LSTM(3, return_sequences=True)", "GRU(2, go_backwards=True)"): 1,
    (*STEPS, "Dense(3)", "GRU(2, go_backwards=True)"): 2,
    (*STEPS, "GRU(2, go_backwards=True, return_sequences=True)"): 0,
    (*STEPS, "Conv1D(2, 3)", "LSTM(2)"): 0,
    (*STEPS, "LayerNormalization(axis=1)", "LSTM(2)"): 0,
    ("Input((6,))", "Dense(2)"): 0,
}


@pytest.mark.parametrize("expressions", LONGEST, ids=" ".join)
def test_the_chain_is_as_long_as_it_can_be(expressions: tuple[str, ...]) -> None:
    model = stack(*expressions)
    graph = graph_of(model, random_values_of(model))
    assert len(chain_of(graph, model.inputs[0]).steps) == LONGEST[expressions]


def test_a_block_is_never_larger_than_the_sequence() -> None:
    assert block_steps(1, 10, 32, 4) == 10
    assert block_steps(1, 10**9, 32, 4) < 10**6
    assert block_steps(10**6, 100, 10**6, 4) == 64


MEASURE = """
import re, sys
from pathlib import Path
from rnncli.graph.expressions import parse_stack
from rnncli.forward import Request, forward
from rnncli.graph.infer import infer
from rnncli.model import Source, sequential

stack, source, target = sys.argv[1].split("|"), sys.argv[2], sys.argv[3] or None
model = infer(sequential(parse_stack(stack), source=Source("layers")))
forward(model, Request(inputs=((None, source),), save=target))
# Not getrusage, which counts what the process that started this one had held.
print(1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]))
"""


@pytest.mark.parametrize(
    ("layer", "target"),
    [("SimpleRNN(2)", ""), ("SimpleRNN(2, go_backwards=True)", ""),
     ("Bidirectional(SimpleRNN(2))", ""), ("SimpleRNN(2, return_sequences=True)", "y.npy")],
)  # fmt: skip
def test_memory_stays_bounded_however_long_the_file(
    layer: str, target: str, tmp_path: Path
) -> None:
    steps, features = 4000, 16384  # 262 MB
    with open(tmp_path / "x.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (steps, features)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + steps * features * 4)
    out = str(tmp_path / target) if target else ""
    stack_text = f"Input((None, {features}))|{layer}"
    run = [sys.executable, "-c", MEASURE, stack_text, str(tmp_path / "x.npy"), out]
    peak = int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    assert peak < 200e6
    if target:
        assert np.load(out).shape == (1, steps, 2)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_sequence_written_in_blocks_is_the_sequence(
    batch: int, order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncli.forward.streaming.BLOCK_BYTES", 1)  # blocks as small as they get
    x = np.random.default_rng(0).normal(size=(batch, 200, 3))
    np.save(tmp_path / "x.npy", np.array(x, order=order))
    model = stack("Input((None, 3))", "LSTM(4, return_sequences=True)")
    request = Request(inputs=((None, str(tmp_path / "x.npy")),))
    kept = forward(model, request)
    steps: list[tuple[int, int]] = []
    target = str(tmp_path / "y.npy")
    saved = forward(
        model, Request(inputs=request.inputs, save=target), lambda *done: steps.append(done)
    )
    assert saved.arrays == (None,)
    assert saved.outputs == kept.outputs
    assert saved.stats == pytest.approx(kept.stats)
    assert steps[-1] == (200, 200)
    np.testing.assert_array_equal(np.load(target), kept.arrays[0])
