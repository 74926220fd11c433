"""Pickles read without running them, held to what Python's own pickle makes of them."""

import io
import pickle  # noqa: TID251  the oracle
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from rnncli.formats.containers.unpickler import unpickled

WORDS = [f"wörd{n}" * (1 + n % 3) for n in range(5000)]
INDEX = {word: n for n, word in enumerate(WORDS)}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "plain",
    [
        INDEX,
        WORDS,
        {word: (n, n / 7) for n, word in enumerate(WORDS)},
        [WORDS[n : n + 4] for n in range(0, 5000, 4)],
        [(word, word[:3]) for word in WORDS],
        dict(enumerate(WORDS)),
        {word: [n] * 9 for n, word in enumerate(WORDS)},
        Counter(INDEX),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_follows_a_large_container_is_read_as_it_is(plain: Any, protocol: int) -> None:
    """Its words may be referred to later on, wherever in it they stand."""
    later = {"words": [WORDS[i] for i in (0, 999, 1000, 1001, 2500, 4999)], "n": [1, 2.5, None]}
    data = pickle.dumps({"vocabulary": plain, "later": later, "end": "end"}, protocol)
    found = unpickled(io.BytesIO(data))
    assert found["later"] == later
    assert found["end"] == "end"


@pytest.mark.parametrize("make", [
    lambda n: {f"word{i}": i for i in range(n)},
    lambda n: [f"word{i}" for i in range(n)],
    lambda n: [[f"word{i}", f"word{i + 1}"] for i in range(0, n, 2)],
])  # fmt: skip
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_vocabulary_of_a_million_words_takes_little_memory(
    make: Callable[[int], Any], protocol: int
) -> None:
    data = pickle.dumps(make(1_000_000), protocol)
    stream = io.BytesIO(data)
    tracemalloc.start()
    try:
        unpickled(stream)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_else_is_passed_over(protocol: int) -> None:
    """A batch that holds anything but words and numbers comes out whole."""
    rows = {f"layer{n}": {"size": n, "name": f"name{n}"} for n in range(3000)}
    assert unpickled(io.BytesIO(pickle.dumps(rows, protocol))) == rows
