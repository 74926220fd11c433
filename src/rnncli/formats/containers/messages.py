"""Protocol buffers as numbered fields, without their schema.

Source: https://protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from rnncli.errors import FileError

Value = Any  # an int, or a memoryview of what is a text, bytes, a message or packed numbers


class Place(NamedTuple):
    """Where a field of a message is: its tag, its value and its end. `wire` is its encoding."""

    number: int
    wire: int
    start: int
    value: int
    end: int


def places(view: Any, at: int, end: int) -> Iterator[Place]:
    """Yield the place of each field of the message between two offsets. Raises: FileError."""
    while at < end:
        start = at
        tag, at = varint(view, at)
        wire, value = tag & 7, at
        if tag < 8:
            raise _damaged()
        if wire == 0:
            _, at = varint(view, at)
        elif wire == 2:
            length, value = varint(view, at)
            at = value + length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise _damaged()
        if at > end:
            raise _damaged()
        yield Place(tag >> 3, wire, start, value, at)


def fields(data: Any) -> Iterator[tuple[int, Value]]:
    """Yield the number and value of each field of a message. Raises: FileError if damaged."""
    view = memoryview(data)
    for place in places(view, 0, len(view)):
        value = view[place.value : place.end]
        if place.wire == 0:
            yield place.number, varint(view, place.value)[0]
        else:
            yield place.number, value if place.wire == 2 else int.from_bytes(value, "little")


def message(data: Any) -> dict[int, list[Value]]:
    """Return the values of a message by the number of their field. Raises: FileError."""
    found: dict[int, list[Value]] = {}
    for number, value in fields(data):
        found.setdefault(number, []).append(value)
    return found


def number(found: dict[int, list[Value]], field: int) -> int:
    """Return a field that holds a number, 0 if it is not there. Raises: FileError."""
    value = found.get(field, [0])[-1]
    if not isinstance(value, int):
        raise _damaged()
    return value


def text(found: dict[int, list[Value]], field: int) -> str:
    """Return a field that holds text, "" if it is not there. Raises: FileError."""
    return str(view(found, field), "utf-8", "replace")


def view(found: dict[int, list[Value]], field: int) -> memoryview:
    """Return a field that holds bytes or a message, empty if not there. Raises: FileError."""
    value = found.get(field, [memoryview(b"")])[-1]
    if not isinstance(value, memoryview):
        raise _damaged()
    return value


def views(found: dict[int, list[Value]], field: int) -> list[memoryview]:
    """Return a repeated field of bytes or messages. Raises: FileError."""
    values = found.get(field, [])
    if not all(isinstance(value, memoryview) for value in values):
        raise _damaged()
    return values


def varint(view: Any, at: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends. Raises: FileError."""
    value = shift = 0
    while at < len(view) and shift < 64:
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise _damaged()


def signed(value: int) -> int:
    """Return an int64 that was written as a varint."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _damaged() -> FileError:
    return FileError("damaged or truncated: its fields do not fit into each other")
