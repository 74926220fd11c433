"""The stack and the memo on which a pickle works, and what stands there for what is not made."""

import io
from math import prod
from typing import Any, BinaryIO, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits


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


class Span(NamedTuple):
    """Where many bytes are in the stream, which are not read."""

    offset: int
    length: int


class Skipped(NamedTuple):
    """Where a batch of plain values is in the stream, and the first number remembered in it."""

    first: int
    offset: int
    length: int
    target: list[Any] | dict[Any, Any]  # an empty one of what the batch is for


_BLOCK = 1 << 18  # bytes read at once
_KEYS = (str, int, float, bytes, bool, type(None), Global, Record, Persistent)


class _Mark:
    pass


MARK = _Mark()


class Machine:
    """The stack and the memo of one pickle, and the part of its bytes that is being read."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.used = stream, 0
        self.buffer, self.at, self.base = b"", 0, stream.tell()
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.remembered = 0  # how many values MEMOIZE has numbered
        self.skipped: list[Skipped] = []
        self.protocol = 0
        self.bulky = False  # a full batch of plain values has been seen

    def fill(self, count: int) -> bool:
        """Have `count` bytes at hand. Returns whether there are as many."""
        missing = self.at + count - len(self.buffer)
        if missing > 0:
            limits.check("bytes in a pickle", self.used + missing, limits.PICKLE_BYTES)
            more = self.stream.read(max(missing, _BLOCK))
            self.used += len(more)
            self.buffer, self.base, self.at = (
                self.buffer[self.at :] + more, self.base + self.at, 0,
            )  # fmt: skip
        return self.at + count <= len(self.buffer)

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        end = self.at + count
        if end > len(self.buffer):
            if not self.fill(count):
                raise FileError("a truncated pickle")
            end = self.at + count
        data = self.buffer[self.at : end]
        self.at = end
        return data

    def code(self) -> int:
        """Return the next operation."""
        if self.at >= len(self.buffer) and not self.fill(1):
            raise FileError("a truncated pickle")
        self.at += 1
        return self.buffer[self.at - 1]

    def number(self, size: int, signed: bool = False) -> int:
        """Return a number of `size` bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def span(self, count: int) -> "bytes | Span":
        """Return the next bytes, or where they are if they are many."""
        if count <= _BLOCK:
            return self.take(count)
        span = Span(self.base + self.at, count)
        self.stream.seek(0, io.SEEK_END)
        if span.offset + count > self.stream.tell():
            raise FileError("a truncated pickle")
        self.stream.seek(span.offset + count)
        self.buffer, self.at, self.base = b"", 0, span.offset + count
        return span

    def line(self) -> str:
        """Return the text up to the next line end."""
        end = self.buffer.find(b"\n", self.at)
        if end < 0:
            self.fill(limits.PICKLE_LINE + 1)
            end = self.buffer.find(b"\n", self.at)
        if end < 0 or end - self.at > limits.PICKLE_LINE:
            raise FileError("a damaged pickle (a line without an end)")
        data = self.buffer[self.at : end]
        self.at = end + 1
        return data.decode("utf-8")

    def pop(self) -> Any:
        """Return the top of the stack, taken off."""
        top = self.stack.pop()
        if top is MARK:
            raise ValueError("a mark in place of a value")
        return top

    def marked(self) -> list[Any]:
        """Return what is above the last mark, taken off."""
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is MARK:
                found = self.stack[index + 1 :]
                del self.stack[index:]
                return found
        raise ValueError("no mark")

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def remember(self, index: int | None = None) -> None:
        """Keep the top of the stack under a number, by default the next."""
        limits.check("remembered values of a pickle", len(self.memo), limits.PICKLE_MEMO)
        if index is None:
            index = self.remembered
            self.remembered += 1
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
        target.update(pairs(flat))

    def build(self) -> None:
        """Give a record its state; anything else keeps what it is."""
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, Record):
            target.state = state
            if target.what == "joblib.numpy_pickle.NumpyArrayWrapper":
                target.items = [self._array_of(state)]

    def _array_of(self, state: Any) -> "bytes | Span | None":
        """Return where the array is that joblib puts between two operations, and step over it.

        Source: `NumpyArrayWrapper.read_array` of joblib's `numpy_pickle.py`.
        """
        size = item_size(state["dtype"])
        if size is None:  # objects: a pickle of their own
            self.nested()
            return None
        if state.get("numpy_array_alignment_bytes") is not None:
            self.take(self.number(1))
        count = prod(state["shape"])
        if count < 0:
            raise ValueError("an array of negative size")
        return self.span(count * size)

    def nested(self) -> None:
        """Step over a pickle that stands between two operations."""
        raise NotImplementedError


def item_size(dtype: Any) -> int | None:
    """Return the bytes of an item of a pickled `numpy.dtype`, None of one that holds objects.

    Source: `dtype.__reduce__` of NumPy: `("f8", False, True)`, then `(3, "<", …, size, …)`.
    """
    name = dtype.args[0]
    if not isinstance(name, str) or "O" in name:
        return None
    state = dtype.state if isinstance(dtype.state, tuple | list) else ()
    size = state[5] if len(state) > 5 else -1
    if isinstance(size, int) and size >= 0:
        return size
    digits = name[1:]
    return int(digits) if digits.isascii() and digits.isdecimal() else None


def _name(what: Any) -> str:
    """Return the name of what is called, of whatever depth: a result is called, say."""
    if isinstance(what, Global):
        return what.name
    if isinstance(what, Persistent) and isinstance(what.key, tuple) and what.key[:1] == ("module",):
        # PyTorch before 1.6: a class, and the text of the file that it stood in.
        return _name(what.key[1]) if isinstance(what.key[1], Global) else "module"
    return what.what if isinstance(what, Record) else type(what).__name__


def pairs(flat: list[Any]) -> dict[Any, Any]:
    """Return keys and values that follow each other as a dict."""
    return {_key(key): value for key, value in zip(flat[::2], flat[1::2], strict=True)}


def _key(key: Any) -> Any:
    """Return a key that can be hashed in constant time."""
    if isinstance(key, _KEYS):
        return key
    if isinstance(key, tuple) and all(isinstance(each, _KEYS) for each in key):
        return key
    raise TypeError(f"a {type(key).__name__} as a key")
