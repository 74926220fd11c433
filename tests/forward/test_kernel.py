"""The fast recurrence against the cell's description run step by step."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from rnncli.cell import Cell
from rnncli.cells import CELLS, LSTM, SIMPLE_RNN
from rnncli.kernels import gemm, recurrence
from rnncli.kernels.recurrence import BLOCK, Recurrence
from rnncli.kernels.reference import Reference
from rnncli.kernels.steps import STEPS as FAST_STEPS

INPUTS, UNITS, STEPS = 3, 4, 7
CLOSE = 1e-12

INNER = ("tanh", "relu", "sigmoid", "hard_sigmoid", "hard_sigmoid_keras2", "linear", "softsign")
OUTER = ("sigmoid", "hard_sigmoid", "tanh", "linear")
GATED = [cell for cell in CELLS if cell.step in FAST_STEPS and cell.gated]
PAIRS = [
    *((SIMPLE_RNN, inner, "sigmoid") for inner in INNER),
    *((cell, inner, outer) for cell in GATED for inner in INNER for outer in OUTER),
]

Weights = dict[str, Any]


class Case(NamedTuple):
    """A recurrence, what to run it on, and where to start."""

    cell: Cell
    weights: Weights
    x: np.ndarray
    states: tuple[np.ndarray, ...]
    activation: str | None = "tanh"
    recurrent_activation: str = "sigmoid"

    def fast(self) -> Recurrence:
        return Recurrence(
            self.cell, **self.weights, dtype="float64",
            activation=self.activation, recurrent_activation=self.recurrent_activation,
        )  # fmt: skip

    def literal(
        self,
        *,
        mask: np.ndarray | None = None,
        previous: np.ndarray | None = None,
        zero_output_for_mask: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Return the outputs as Keras defines them under a mask, and the final states."""
        reference, hidden = self.reference(), []
        outputs = np.zeros((*self.x.shape[:2], reference.outputs))
        states = reference.run(
            self.x, self.states, mask=mask, sequence=outputs, previous=previous,
            zero_output_for_mask=zero_output_for_mask,
            observe=lambda step, gates, after: hidden.append(after[0]),
        ).states  # fmt: skip
        if mask is not None:
            start = np.zeros_like(hidden[0]) if previous is None else previous
            expected = masked_outputs(np.stack(hidden, 1), mask, start, zero_output_for_mask)
            np.testing.assert_array_equal(outputs, expected)
        return outputs, states

    def reference(self) -> Reference:
        return Reference(
            self.cell, self.weights, (self.activation, self.recurrent_activation),
            dtype="float64", projection=self.weights.get("projection"),
        )  # fmt: skip

    def check(self, reverse: bool = False, **options: Any) -> None:
        """Check the outputs and the states of both, run with these options.

        `reverse` reads from the last step to the first.
        """
        if reverse:
            mask = options.get("mask")
            turned = None if mask is None else mask[:, ::-1]
            self._replace(x=self.x[:, ::-1]).check(**{**options, "mask": turned})
            return
        outputs, states = self.literal(**options)
        found = np.full(outputs.shape, np.nan)
        last, final = self.fast().run(self.x, self.states, sequence=found, **options)
        same(found, outputs)
        same(last, outputs[:, -1])
        assert len(final) == len(states)
        for one, other in zip(final, states, strict=True):
            same(one, other)


def masked_outputs(
    hidden: np.ndarray, mask: np.ndarray, previous: np.ndarray, zeros: bool
) -> np.ndarray:
    """Return the output of each step; one left out gives that of the step before, or zeros."""
    outputs = np.zeros_like(hidden)
    for row, step in np.ndindex(*mask.shape):
        before = outputs[row, step - 1] if step else previous[row]
        if mask[row, step]:
            outputs[row, step] = hidden[row, step]
        elif not zeros:
            outputs[row, step] = before
    return outputs


def same(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert found.dtype == np.float64
    largest = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE * largest)


def case(
    cell: Cell,
    inner: str | None = "tanh",
    outer: str = "sigmoid",
    *,
    batch: int = 5,
    steps: int = STEPS,
    bias: bool = True,
    units: int = UNITS,
    outputs: int | None = None,
) -> Case:
    rng = np.random.default_rng(7)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape, scale=0.4)

    weights: Weights = {
        **{term.name: normal(*term.shape(INPUTS, units, outputs)) for term in cell.weights},
        "bias": normal(*cell.bias_shape(units)) if bias else None,
    }
    if outputs:
        weights["projection"] = normal(units, outputs)
    sizes = [outputs or units, *[units] * (len(cell.states) - 1)]
    states = tuple(normal(batch, size) for size in sizes)
    return Case(cell, weights, rng.normal(size=(batch, steps, INPUTS)), states, inner, outer)


def mask_of(batch: int, steps: int = STEPS) -> np.ndarray:
    """Return a mask with gaps at the start, in the middle and at the end, and a row of gaps."""
    mask = np.ones((batch, steps), bool)
    mask[0, [0, 1, 4, steps - 1]] = False
    if batch > 1:
        mask[1] = False
        mask[2, 3] = False
        mask[3, 0] = False
    return mask


FAST = [cell for cell in CELLS if cell.step in FAST_STEPS]
each_cell = pytest.mark.parametrize("cell", FAST, ids=lambda cell: f"{cell.name}{cell.bias_rows}")
each_batch = pytest.mark.parametrize("batch", [1, 5])


def test_every_fast_step_is_that_of_a_cell() -> None:
    assert set(FAST_STEPS) == {cell.step for cell in FAST}


@pytest.mark.parametrize("bias", [True, False])
@each_batch
@pytest.mark.parametrize(
    ("cell", "inner", "outer"), PAIRS, ids=lambda each: getattr(each, "name", each)
)
def test_activations(cell: Cell, inner: str, outer: str, batch: int, bias: bool) -> None:
    case(cell, inner, outer, batch=batch, bias=bias).check()


@pytest.mark.parametrize("inner", ["softmax", None])
@each_batch
@each_cell
def test_activations_across_units(cell: Cell, batch: int, inner: str | None) -> None:
    case(cell, inner, batch=batch).check()


@pytest.mark.parametrize("masked", [False, True])
@each_batch
@each_cell
def test_reverse(cell: Cell, batch: int, masked: bool) -> None:
    case(cell, batch=batch).check(reverse=True, mask=mask_of(batch) if masked else None)


@each_batch
@each_cell
def test_without_initial_states(cell: Cell, batch: int) -> None:
    given = case(cell, batch=batch)
    zeros = given._replace(states=tuple(np.zeros_like(state) for state in given.states))
    outputs, states = zeros.literal()
    last, final = given.fast().run(given.x)
    same(last, outputs[:, -1])
    for one, other in zip(final, states, strict=True):
        same(one, other)


@pytest.mark.parametrize("steps", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
@each_batch
@each_cell
def test_block_boundaries(cell: Cell, batch: int, steps: int) -> None:
    case(cell, batch=batch, steps=steps).check()
    case(cell, batch=batch, steps=steps).check(reverse=True)


@pytest.mark.parametrize("outputs", [2, 6])
@pytest.mark.parametrize("outer", ["sigmoid", "hard_sigmoid"])
@each_batch
def test_projection(batch: int, outer: str, outputs: int) -> None:
    projected = case(LSTM, outer=outer, batch=batch, outputs=outputs)
    projected.check()
    projected.check(mask=mask_of(batch), reverse=True)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("given", [False, True], ids=["from zeros", "from previous"])
@pytest.mark.parametrize("steps", [STEPS, BLOCK + 5])
@each_batch
@each_cell
def test_masks(cell: Cell, batch: int, steps: int, given: bool, zeros: bool) -> None:
    this = case(cell, batch=batch, steps=steps)
    previous = np.full_like(this.states[0], 0.25) if given else None
    this.check(mask=mask_of(batch, steps), previous=previous, zero_output_for_mask=zeros)


@pytest.mark.parametrize("most", [160, 330])
@pytest.mark.parametrize("present", [False, True], ids=["whole", "in slabs"])
@each_cell
def test_products_in_slabs(
    cell: Cell, present: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gemm, "reads_in_place", lambda: present)
    monkeypatch.setattr(gemm, "SMALL", most)
    case(cell, units=8).check()
    case(cell, units=8, steps=BLOCK + 1).check(reverse=True, mask=mask_of(5, BLOCK + 1))


def test_slabs_divide_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemm, "reads_in_place", lambda: True)
    assert gemm.slab_rows(np.zeros((2048, 512)), 64) == 16
    assert gemm.slab_rows(np.zeros((300, 300)), 32) == 100
    assert gemm.slab_rows(np.zeros((256, 64)), 32) == 256  # small as it is
    assert gemm.slab_rows(np.zeros((1021, 512)), 64) == 1021  # prime
    assert gemm.slab_rows(np.zeros((2048, 512)), 1024) == 2048  # slabs too thin to pay
    monkeypatch.setattr(gemm, "reads_in_place", lambda: False)
    assert gemm.slab_rows(np.zeros((2048, 512)), 64) == 2048


@pytest.mark.parametrize("count", [2, 3, 5])
@each_cell
def test_a_batch_over_threads(cell: Cell, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spread = []

    def in_threads(run: Any, batch: int, count: int) -> list:
        spread.append(count)
        return gemm.in_threads(run, batch, count)

    monkeypatch.setattr(recurrence, "in_threads", in_threads)
    monkeypatch.setattr(gemm, "reads_in_place", lambda: True)
    monkeypatch.setattr(gemm, "threads", lambda: count)
    monkeypatch.setattr(gemm, "LEAST_BATCH", 1)
    monkeypatch.setattr(gemm, "LEAST_WORK", 1)
    this = case(cell)
    this.check()
    this.check(mask=mask_of(5), reverse=True, previous=np.full_like(this.states[0], 0.25))
    assert spread == [count, count]


def test_threads_keep_numpys_settings() -> None:
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        gemm.in_threads(lambda rows: np.exp(np.full(4, 1e4))[rows], 4, 2)
    with np.errstate(over="ignore"):
        found = gemm.in_threads(lambda rows: np.exp(np.full(4, 1e4))[rows], 4, 2)
    assert [part.tolist() for part in found] == [[np.inf, np.inf]] * 2


def test_only_batches_worth_it_are_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemm, "reads_in_place", lambda: True)
    monkeypatch.setattr(gemm, "threads", lambda: 4)
    assert gemm.shards(64, 2048 * 512) == 4
    assert gemm.shards(32, 256 * 64) == 1  # too little work
    assert gemm.shards(16, 2048 * 512) == 2  # too few rows for four
    assert gemm.shards(0, 2048 * 512) == 1
    monkeypatch.setattr(gemm, "threads", lambda: 1)
    assert gemm.shards(64, 2048 * 512) == 1
    monkeypatch.setattr(gemm, "threads", lambda: 4)
    monkeypatch.setattr(gemm, "reads_in_place", lambda: False)
    assert gemm.shards(64, 2048 * 512) == 1  # left to the threads of the BLAS


@each_batch
@each_cell
def test_a_run_leaves_its_arguments_alone(cell: Cell, batch: int) -> None:
    this = case(cell, batch=batch)
    copies = [np.copy(each) for each in (this.x, *this.states)]
    fast = this.fast()
    first, second = (fast.run(this.x, this.states).last for _ in range(2))
    np.testing.assert_array_equal(first, second)
    for one, other in zip((this.x, *this.states), copies, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_large_kernel_is_prepared_once() -> None:
    import tracemalloc

    kernel = np.zeros((20_000, 4 * 32), "f4")
    tracemalloc.start()
    made = Recurrence(LSTM, kernel, np.zeros((32, 4 * 32), "f4"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made.kernel.nbytes <= peak < 1.1 * kernel.nbytes
