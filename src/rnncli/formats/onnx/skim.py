"""An ONNX file without its large values: a small message, in which such a tensor says where it is.

Source: onnx.proto; https://protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from rnncli.formats import limits
from rnncli.formats.containers.messages import Place, places

LARGE = 4096  # bytes of a message that is looked into; tensors that shapes depend on are smaller
_WINDOW = 4096  # bytes of a large file that are held
_WITHOUT = "bytes in an ONNX file without its values"
_DATA = frozenset((4, 5, 6, 7, 9, 10, 11))  # fields of a TensorProto that hold values
_EXTERNAL = b"\x70\x01"  # data_location: EXTERNAL
_OWN = b"\x6a\x0c\x0a\x08location\x12\x00"  # external_data: location "", which is this file

# Which fields of a message lead to tensors, and to what: onnx.proto's numbers.
_INNER = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}


Piece = bytes | memoryview


class Span(NamedTuple):
    """A part of the file: from `start` to before `end`."""

    start: int
    end: int


class Window:
    """The bytes of a large file, of which one part at a time is held."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        self.start, self.held = 0, b""

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, at: int | slice) -> Any:
        """Return a byte, or the bytes of a slice, which are the caller's to keep."""
        if isinstance(at, slice):
            limits.check(_WITHOUT, at.stop - at.start, limits.ONNX_BYTES)
            self.file.seek(at.start)
            return self.file.read(at.stop - at.start)
        place = at - self.start
        if not 0 <= place < len(self.held):
            self.file.seek(at)
            self.start, self.held, place = at, self.file.read(_WINDOW), 0
        return self.held[place]


def skim(view: memoryview | Window) -> bytes:
    """Return the model's message, its large tensors without values.

    Such a tensor has the external data `location` "" (this file), `offset` and `length` of its own
    whole message. Raises: FileError if the fields do not fit into each other, or are too many.
    """
    parts = list(_Skimmer(view).parts(Span(0, len(view)), "model", 0))
    limits.check(_WITHOUT, sum(map(len, parts)), limits.ONNX_BYTES)
    return b"".join(parts)


class _Skimmer:
    """Walks through the messages of a file, and counts the fields that it looks at."""

    def __init__(self, view: memoryview | Window) -> None:
        self.view, self.seen = view, 0

    def places(self, span: Span) -> Iterator[Place]:
        """Yield the fields of a message. Raises: FileError."""
        for place in places(self.view, span.start, span.end):
            self.seen += 1
            if self.seen > limits.ONNX_FIELDS:
                limits.check("fields in an ONNX file", self.seen, limits.ONNX_FIELDS)
            yield place

    def parts(self, span: Span, kind: str, depth: int) -> Iterator[Piece]:
        """Yield the bytes of a message, in pieces."""
        limits.check("messages inside messages", depth, 3 * limits.MODEL_NESTING)
        if kind == "tensor":
            yield from self._tensor(span)
            return
        inner, kept = _INNER[kind], span.start
        for field in self.places(span):
            below = inner.get(field.number) if field.end - field.value > LARGE else None
            if below is None:
                continue
            yield self.view[kept : field.start]
            parts = list(self.parts(Span(field.value, field.end), below, depth + 1))
            yield _head(field.number, sum(map(len, parts)))
            yield from parts
            kept = field.end
        yield self.view[kept : span.end]

    def _tensor(self, span: Span) -> Iterator[Piece]:
        """Yield a tensor without its values, where these are what makes it large."""
        kept, size = [], 0
        for field in self.places(span):
            if field.number in _DATA:
                size += field.end - field.start
            else:
                kept.append(self.view[field.start : field.end])
        if size <= LARGE:
            yield self.view[span.start : span.end]
            return
        yield from kept
        yield _OWN
        for key, value in (("offset", span.start), ("length", span.end - span.start)):
            yield _field(13, _field(1, key.encode()) + _field(2, str(value).encode()))
        yield _EXTERNAL


def _field(number: int, data: bytes) -> bytes:
    return _head(number, len(data)) + data


def _head(number: int, length: int) -> bytes:
    """Return the tag and the length before a field's bytes."""
    return _varint(number << 3 | 2) + _varint(length)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes((*found, value))
