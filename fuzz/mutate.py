"""Mutations that know nothing of a format: of bytes, and of trees of JSON."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

ODD_NUMBERS = (0, 1, -1, 2, 3, 255, 2**16, 2**31, 2**32 - 1, 2**53, 2**63, 2**64, 10**30, -(10**20))
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0.5, float("nan"), float("inf"), -0.0, 1e308, "", "x", "\x00", "\x1b[31m",
    "\ud800", "\u202e", "x" * 1200, [], {}, [[]], [None], {"class_name": "LSTM"},
    {"class_name": "Dense", "config": {}}, {"class_name": "Sequential", "config": []},
    {"class_name": "__keras_tensor__", "config": {"keras_history": ["lstm", 0, 0]}}, *ODD_NUMBERS,
)  # fmt: skip

Path = tuple[Any, ...]


def mutated_bytes(data: bytes, rng: Random) -> bytes:
    """Return the bytes with one to three changes."""
    for _ in range(rng.randint(1, 3)):
        data = rng.choice(_CHANGES)(data, rng) if data else rng.randbytes(8)
    return data


def _flip(data: bytes, rng: Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def _truncate(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _number(data: bytes, rng: Random) -> bytes:
    """Put an odd number where a length may be."""
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice(ODD_NUMBERS) % (1 << 8 * size)
    at = rng.randrange(len(data))
    return data[:at] + value.to_bytes(size, rng.choice(("little", "big"))) + data[at + size :]


def _span(data: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.choice((1, 2, 4, 8, 16, 64, 512)))


def _remove(data: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 1, 3, 200)) + data[end:]


def _move(data: bytes, rng: Random) -> bytes:
    """Write a span of the data over another."""
    start, end = _span(data, rng)
    at = rng.randrange(len(data))
    return data[:at] + data[start:end] + data[at + end - start :]


_CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip, _flip, _truncate, _number, _number, _remove, _repeat, _move,
)  # fmt: skip


def mutated_json(data: bytes | str, rng: Random) -> bytes:
    """Return JSON with one to four changes to its tree, and now and then to its text."""
    tree = json.loads(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        tree = mutated_tree(tree, rng)
    text = json.dumps(tree)
    if rng.random() < 0.05 and '": ' in text:  # a key twice
        at = rng.choice([i for i in range(len(text)) if text.startswith('": ', i)])
        start = text.rindex('"', 0, at)
        twice = f"{text[start : at + 3]}{json.dumps(rng.choice(ODD_VALUES))}, "
        text = f"{text[:start]}{twice}{text[start:]}"
    if rng.random() < 0.02:
        depth = rng.choice((50, 99, 101, 500, 100_000))
        text = text.replace("null", "[" * depth + "]" * depth, 1)
    return text.encode()


def mutated_tree(tree: Any, rng: Random) -> Any:
    """Return a tree of JSON with one change at a random place; `tree` itself is changed."""
    places = list(_places(tree))
    if not places:
        return rng.choice(ODD_VALUES)
    parent, key = rng.choice(places)
    other, other_key = rng.choice(places)
    value = parent[key]
    action = rng.randrange(10)
    if action <= 2:
        parent[key] = rng.choice(ODD_VALUES)
    elif action == 3:
        del parent[key]
    elif action == 4:  # the same subtree at another place: names repeat, graphs get cycles
        other[other_key] = json.loads(json.dumps(value))
    elif action == 5:
        parent[key], other[other_key] = other[other_key], json.loads(json.dumps(value))
        tree = json.loads(json.dumps(tree)) if not _is_cyclic(tree) else {}
    elif action == 6 and isinstance(parent, list):
        parent.insert(rng.randrange(len(parent) + 1), json.loads(json.dumps(value)))
    elif action == 7:
        parent[key] = rng.choice(([value], {"config": value}, [value, value], str(value)[:50]))
    elif action == 8 and type(value) is int:
        parent[key] = rng.choice((value + 1, value - 1, -value, value * 1_000, str(value)))
    else:  # of the same kind, as layers' names are: a connection that leads elsewhere
        alike = [p[k] for p, k in places if type(p[k]) is type(value)]
        parent[key] = json.loads(json.dumps(rng.choice(alike)))
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, dict | list):
            keys = list(item) if isinstance(item, dict) else range(len(item))
            for key in keys:
                yield item, key
                stack.append(item[key])


def _is_cyclic(tree: Any) -> bool:
    try:
        json.dumps(tree)
    except (ValueError, RecursionError):
        return True
    return False
