"""A pickle read without running it: every global stays a name, every call a record of itself.

Only numbers, strings and containers come out as themselves. Source of the operations: the comments
of `pickletools` and PEP 307, 3154, 574.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable
from typing import Any, BinaryIO

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import (
    MARK,
    Global,
    Machine,
    Persistent,
    Record,
    pairs,
)
from rnncli.formats.containers.plain_batches import BATCH, skip


def unpickled(stream: BinaryIO) -> Any:
    """Return what the next pickle of a stream describes. Raises: FileError if it is damaged."""
    return _unpickled(stream, 0)


class _Machine(Machine):
    """A machine that steps over the pickles inside its own."""

    depth = 0

    def nested(self) -> None:
        """Step over a pickle that stands between two operations."""
        limits.check("pickles inside pickles", self.depth, limits.MODEL_NESTING)
        self.stream.seek(self.base + self.at)
        _unpickled(self.stream, self.depth + 1)
        self.buffer, self.at, self.base = b"", 0, self.stream.tell()


def _unpickled(stream: BinaryIO, depth: int) -> Any:
    machine = _Machine(stream)
    machine.depth = depth
    try:
        found = _run(machine)
        stream.seek(machine.base + machine.at)
        return found
    except (
        IndexError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
        struct.error,
    ) as error:
        reason = str(error) or type(error).__name__
        raise FileError(f"a damaged pickle ({reason})") from None


def _run(machine: Machine) -> Any:
    """Take operations until the one that stops."""
    for _ in range(limits.PICKLE_OPERATIONS):
        code = machine.code()
        if code == _STOP:
            return machine.pop()
        _take(machine, code)
    raise FileError(f"a pickle of more than {limits.PICKLE_OPERATIONS:,} operations")


def _take(machine: Machine, code: int) -> None:
    operation = _TABLE[code]
    if operation is None:
        raise FileError(f"a damaged pickle (unknown operation {bytes([code])!r})")
    operation(machine)


def _mark(machine: Machine) -> None:
    """Begin a batch, or pass over one that holds nothing but words and numbers."""
    if machine.bulky and type(machine.stack[-1]) in _CONTAINERS:
        machine.at -= 1
        if skip(machine):
            return
        machine.at += 1
    machine.push(MARK)


def _fetch(machine: Machine, index: int) -> None:
    """Push what is remembered; what was passed over is looked at now."""
    if index not in machine.memo:
        _look_back(machine, index)
    machine.push(machine.memo[index])


def _look_back(machine: Machine, index: int) -> None:
    """Take the operations of the batch in which a value was remembered."""
    place = bisect_right(machine.skipped, index, key=lambda each: each.first) - 1
    if place < 0:
        raise KeyError(index)
    batch, at = machine.skipped[place], machine.base + len(machine.buffer)
    again = Machine(machine.stream)
    again.stream.seek(batch.offset)
    again.buffer = again.stream.read(batch.length)
    again.base, again.memo, again.remembered = batch.offset, machine.memo, batch.first
    again.skipped = machine.skipped[:place]
    again.push(type(batch.target)())
    while again.at < batch.length:
        _take(again, again.code())
    machine.stream.seek(at)


def _fixed(value: Any) -> Callable[[Machine], None]:
    return lambda machine: machine.push(value)


def _sized(width: int, make: Callable[[bytes], Any]) -> Callable[[Machine], None]:
    return lambda machine: machine.push(make(machine.take(machine.number(width))))


def _tuple(size: int) -> Callable[[Machine], None]:
    def operation(machine: Machine) -> None:
        items = [machine.pop() for _ in range(size)]
        machine.push(tuple(items[::-1]))

    return operation


def _long(machine: Machine, width: int) -> None:
    machine.push(int.from_bytes(machine.take(machine.number(width)), "little", signed=True))


def _text_int(machine: Machine) -> None:
    line = machine.line()
    machine.push({"00": False, "01": True}.get(line) if line in ("00", "01") else int(line))


def _global(machine: Machine) -> None:
    module = machine.line()
    machine.push(Global(f"{module}.{machine.line()}"))


def _stack_global(machine: Machine) -> None:
    name, module = machine.pop(), machine.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise TypeError("a global whose name is no string")
    machine.push(Global(f"{module}.{name}"))


def _reduce(machine: Machine) -> None:
    args = machine.pop()
    machine.call(machine.pop(), args)


def _new_with_keywords(machine: Machine) -> None:
    machine.pop()
    _reduce(machine)


def _object(machine: Machine) -> None:
    found = machine.marked()
    machine.call(found[0], tuple(found[1:]))


def _instance(machine: Machine) -> None:
    module = machine.line()
    what = Global(f"{module}.{machine.line()}")
    machine.call(what, tuple(machine.marked()))


def _batch(machine: Machine, each: int) -> list[Any]:
    """Return what is above the mark; a full batch of plain values tells that more may come."""
    found = machine.marked()
    if len(found) == each * BATCH and not machine.bulky:
        machine.bulky = not any(isinstance(value, dict | Record) for value in found)
    return found


def _one_pair(machine: Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_pairs([key, value])


def _utf8(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


_OPERATIONS: dict[bytes, Callable[[Machine], Any]] = {
    b"\x80": lambda m: setattr(m, "protocol", m.number(1)),
    b"\x95": lambda m: m.take(8),  # FRAME
    b"(": _mark,
    b"0": lambda m: m.stack.pop(),
    b"1": lambda m: m.marked(),
    b"2": lambda m: m.push(m.stack[-1]),
    b"N": _fixed(None),
    b"\x88": _fixed(True),
    b"\x89": _fixed(False),
    b"I": _text_int,
    b"L": lambda m: m.push(int(m.line().removesuffix("L"))),
    b"J": lambda m: m.push(m.number(4, signed=True)),
    b"K": lambda m: m.push(m.number(1)),
    b"M": lambda m: m.push(m.number(2)),
    b"\x8a": lambda m: _long(m, 1),
    b"\x8b": lambda m: _long(m, 4),
    b"F": lambda m: m.push(float(m.line())),
    b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    b"S": lambda m: m.push(m.line().strip("'\"")),
    b"V": lambda m: m.push(m.line()),
    b"T": _sized(4, lambda data: data.decode("latin-1")),
    b"U": _sized(1, lambda data: data.decode("latin-1")),
    b"X": _sized(4, _utf8),
    b"\x8c": _sized(1, _utf8),
    b"\x8d": _sized(8, _utf8),
    b"B": lambda m: m.push(m.span(m.number(4))),
    b"C": _sized(1, bytes),
    b"\x8e": lambda m: m.push(m.span(m.number(8))),
    b"\x96": lambda m: m.push(m.span(m.number(8))),
    b"]": lambda m: m.push([]),
    b"a": lambda m: m.append([m.pop()]),
    b"e": lambda m: m.append(_batch(m, 1)),
    b"l": lambda m: m.push(m.marked()),
    b")": _fixed(()),
    b"t": lambda m: m.push(tuple(m.marked())),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"}": lambda m: m.push({}),
    b"d": lambda m: m.push(pairs(m.marked())),
    b"s": _one_pair,
    b"u": lambda m: m.set_pairs(_batch(m, 2)),
    b"\x8f": lambda m: m.push([]),  # a set, kept as a list
    b"\x90": lambda m: m.append(_batch(m, 1)),
    b"\x91": lambda m: m.push(m.marked()),
    b"p": lambda m: m.remember(int(m.line())),
    b"q": lambda m: m.remember(m.number(1)),
    b"r": lambda m: m.remember(m.number(4)),
    b"\x94": lambda m: m.remember(),
    b"g": lambda m: _fetch(m, int(m.line())),
    b"h": lambda m: _fetch(m, m.number(1)),
    b"j": lambda m: _fetch(m, m.number(4)),
    b"c": _global,
    b"\x93": _stack_global,
    b"i": _instance,
    b"o": _object,
    b"R": _reduce,
    b"\x81": _reduce,  # NEWOBJ
    b"\x92": _new_with_keywords,
    b"b": lambda m: m.build(),
    b"P": lambda m: m.push(Persistent(m.line())),
    b"Q": lambda m: m.push(Persistent(m.pop())),
}
_TABLE = [_OPERATIONS.get(bytes([code])) for code in range(256)]
_STOP = ord(".")
_CONTAINERS = (dict, list, Record)
