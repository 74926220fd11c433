"""A pickle read without running it: every global stays a name, every call a record of itself.

Only numbers, strings and containers come out as themselves. Source of the operations: the comments
of `pickletools` and PEP 307, 3154, 574.
"""

import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from rnncli.errors import FileError
from rnncli.formats import bounds


class Global:
    """The name of something importable, which is never imported."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Record:
    """A call that a pickle asks for and that is not made.

    `what` names the class or function, `args` are what it would get; `items` and `pairs` what
    would be appended and set, `state` what `__setstate__` would get.
    """

    __slots__ = ("args", "items", "pairs", "state", "what")

    def __init__(self, what: str, args: tuple[Any, ...]) -> None:
        self.what, self.args = what, args
        self.items: list[Any] = []
        self.pairs: dict[Any, Any] = {}
        self.state: Any = None


class Persistent:
    """A reference to what is stored outside the pickle; for PyTorch a storage."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key


_KEYS = (str, int, float, bytes, bool, type(None), Global, Record, Persistent)


class _Mark:
    pass


_MARK = _Mark()


def unpickled(stream: BinaryIO) -> Any:
    """Return what the next pickle of a stream describes. Raises: FileError if it is damaged."""
    try:
        return _Machine(stream).run()
    except (IndexError, KeyError, ValueError, TypeError, struct.error, UnicodeDecodeError) as error:
        reason = str(error) or type(error).__name__
        raise FileError(f"a damaged pickle ({reason})") from None


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.used = stream, 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Take operations until the one that stops."""
        operations = _OPERATIONS
        for _ in range(bounds.PICKLE_OPERATIONS):
            code = self.take(1)
            if code == b".":
                return self.pop()
            operation = operations.get(code)
            if operation is None:
                raise FileError(f"a damaged pickle (unknown operation {code!r})")
            operation(self)
        raise FileError(f"a pickle of more than {bounds.PICKLE_OPERATIONS:,} operations")

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        self.used += count
        if self.used > bounds.PICKLE_BYTES:  # asked here, for a call takes longer than the rest
            bounds.check("bytes in a pickle", self.used, bounds.PICKLE_BYTES)
        data = self.stream.read(count)
        if len(data) < count:
            raise FileError("a truncated pickle")
        return data

    def number(self, size: int, signed: bool = False) -> int:
        """Return a number of `size` bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def line(self) -> str:
        """Return the text up to the next line end."""
        data = self.stream.readline(bounds.PICKLE_LINE + 1)
        self.used += len(data)
        if not data.endswith(b"\n"):
            raise FileError("a damaged pickle (a line without an end)")
        return data[:-1].decode("utf-8")

    def pop(self) -> Any:
        """Return the top of the stack, taken off."""
        top = self.stack.pop()
        if top is _MARK:
            raise ValueError("a mark in place of a value")
        return top

    def marked(self) -> list[Any]:
        """Return what is above the last mark, taken off."""
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                found = self.stack[index + 1 :]
                del self.stack[index:]
                return found
        raise ValueError("no mark")

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def remember(self, index: int) -> None:
        """Keep the top of the stack under a number."""
        bounds.check("remembered values of a pickle", len(self.memo), bounds.PICKLE_MEMO)
        self.memo[index] = self.stack[-1]

    def call(self, what: Any, args: Any) -> None:
        """Put the record of a call on the stack."""
        self.push(Record(_name(what), args if isinstance(args, tuple) else (args,)))

    def append(self, items: list[Any]) -> None:
        """Append to the list, set or record on top of the stack."""
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, Record):
            target.items.extend(items)
        else:
            raise TypeError(f"cannot append to {type(target).__name__}")

    def set_pairs(self, flat: list[Any]) -> None:
        """Set keys of the dict or record on top of the stack."""
        target = self.stack[-1]
        if isinstance(target, Record):
            target = target.pairs
        if not isinstance(target, dict) or len(flat) % 2:
            raise TypeError("cannot set keys")
        target.update(_pairs(flat))

    def build(self) -> None:
        """Give a record its state; anything else keeps what it is."""
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, Record):
            target.state = state


def _name(what: Any) -> str:
    """Return the name of what is called, of whatever depth: a result is called, say."""
    if isinstance(what, Global):
        return what.name
    return what.what if isinstance(what, Record) else type(what).__name__


def _pairs(flat: list[Any]) -> dict[Any, Any]:
    return {_key(key): value for key, value in zip(flat[::2], flat[1::2], strict=True)}


def _key(key: Any) -> Any:
    """Return a key that can be hashed in constant time."""
    if isinstance(key, _KEYS):
        return key
    if isinstance(key, tuple) and all(isinstance(each, _KEYS) for each in key):
        return key
    raise TypeError(f"a {type(key).__name__} as a key")


def _fixed(value: Any) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(value)


def _sized(width: int, make: Callable[[bytes], Any]) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(make(machine.take(machine.number(width))))


def _tuple(size: int) -> Callable[[_Machine], None]:
    def operation(machine: _Machine) -> None:
        items = [machine.pop() for _ in range(size)]
        machine.push(tuple(items[::-1]))

    return operation


def _long(machine: _Machine, width: int) -> None:
    machine.push(int.from_bytes(machine.take(machine.number(width)), "little", signed=True))


def _text_int(machine: _Machine) -> None:
    line = machine.line()
    machine.push({"00": False, "01": True}.get(line) if line in ("00", "01") else int(line))


def _global(machine: _Machine) -> None:
    module = machine.line()
    machine.push(Global(f"{module}.{machine.line()}"))


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise TypeError("a global whose name is no string")
    machine.push(Global(f"{module}.{name}"))


def _reduce(machine: _Machine) -> None:
    args = machine.pop()
    machine.call(machine.pop(), args)


def _new_with_keywords(machine: _Machine) -> None:
    machine.pop()
    _reduce(machine)


def _object(machine: _Machine) -> None:
    found = machine.marked()
    machine.call(found[0], tuple(found[1:]))


def _instance(machine: _Machine) -> None:
    module = machine.line()
    what = Global(f"{module}.{machine.line()}")
    machine.call(what, tuple(machine.marked()))


def _one_pair(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_pairs([key, value])


def _utf8(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


_OPERATIONS: dict[bytes, Callable[[_Machine], Any]] = {
    b"\x80": lambda m: m.take(1),  # PROTO
    b"\x95": lambda m: m.take(8),  # FRAME
    b"(": _fixed(_MARK),
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
    b"B": _sized(4, bytes),
    b"C": _sized(1, bytes),
    b"\x8e": _sized(8, bytes),
    b"\x96": _sized(8, bytes),
    b"]": lambda m: m.push([]),
    b"a": lambda m: m.append([m.pop()]),
    b"e": lambda m: m.append(m.marked()),
    b"l": lambda m: m.push(m.marked()),
    b")": _fixed(()),
    b"t": lambda m: m.push(tuple(m.marked())),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"}": lambda m: m.push({}),
    b"d": lambda m: m.push(_pairs(m.marked())),
    b"s": _one_pair,
    b"u": lambda m: m.set_pairs(m.marked()),
    b"\x8f": lambda m: m.push([]),  # a set, kept as a list
    b"\x90": lambda m: m.append(m.marked()),
    b"\x91": lambda m: m.push(m.marked()),
    b"p": lambda m: m.remember(int(m.line())),
    b"q": lambda m: m.remember(m.number(1)),
    b"r": lambda m: m.remember(m.number(4)),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"g": lambda m: m.push(m.memo[int(m.line())]),
    b"h": lambda m: m.push(m.memo[m.number(1)]),
    b"j": lambda m: m.push(m.memo[m.number(4)]),
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
