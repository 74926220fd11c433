"""TensorFlow's checkpoints: an index of tensors, and one or more files with their values.

Source: `tensorflow/core/protobuf/tensor_bundle.proto` and `trackable_object_graph.proto`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers import messages
from rnncli.formats.containers.hdf5 import Entry
from rnncli.formats.containers.members import Members, read
from rnncli.formats.containers.messages import message, number, text, varint, view, views
from rnncli.formats.tensorflow.sstable import table
from rnncli.storage import ITEM_SIZE, Store, Tensor

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# `DataType` of tensorflow/core/framework/types.proto.
DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    8: "complex64", 9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 18: "complex128",
    19: "float16", 22: "uint32", 23: "uint64", 24: "float8_e5m2", 25: "float8_e4m3fn",
}  # fmt: skip


class Place(NamedTuple):
    """A tensor of a checkpoint: what it is, and where its values are."""

    dtype: str
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int


class Node(NamedTuple):
    """An object of the graph: others by the names they have in it, and its tensors' keys.

    `full_name` is what TensorFlow calls a variable, `lstm/lstm_cell/kernel` say.
    """

    children: Mapping[str, int]
    key: str | None = None
    full_name: str = ""
    slots: tuple[int, ...] = ()


class Bundle:
    """A checkpoint by the common part of its files' names. Raises: FileError if damaged."""

    def __init__(self, members: Members, prefix: str) -> None:
        self.members, self.prefix = members, prefix
        rows = table(read(members, f"{prefix}.index", limits.INDEX_BYTES))
        header = message(rows.pop("", memoryview(b"")))
        self.shards = number(header, 1)
        if number(header, 2):
            raise FileError("a checkpoint whose numbers are big-endian")
        self.places = {key: _place(key, row) for key, row in rows.items()}

    def entry(self, key: str) -> Entry:
        """Return the shape and dtype of a tensor."""
        place = self.places[key]
        return Entry(key, place.shape, place.dtype)

    def bytes_of(self, key: str) -> bytes:
        """Return the bytes of a tensor. Raises: FileError if they are not all there."""
        place = self.places[key]
        limits.check(f"bytes of {key[:80]}", place.size, limits.TENSOR_BYTES)
        name = f"{self.prefix}.data-{place.shard:05d}-of-{self.shards:05d}"
        with self.members.open(name) as file:
            end = file.seek(0, 2)
            if place.offset + place.size > end:
                raise FileError(f"{name} is truncated: {key[:80]!r} lies outside it")
            file.seek(place.offset)
            return file.read(place.size)

    def read(self, name: str) -> Tensor:
        """Return a tensor. Raises: FileError."""
        if name not in self.places:
            raise FileError(f"the checkpoint holds no {name[:80]!r}")
        place = self.places[name]
        if place.size != prod(place.shape) * ITEM_SIZE.get(place.dtype, 0):
            raise FileError(f"{name[:80]!r} is of {place.size:,} bytes, not as its shape says")
        return Tensor(place.dtype, place.shape, self.bytes_of(name))

    def objects(self) -> list[Node]:
        """Return the graph of objects, the first of which is the model; empty if there is none."""
        if OBJECT_GRAPH not in self.places:
            return []
        data = memoryview(self.bytes_of(OBJECT_GRAPH))
        limits.check("bytes of the object graph", len(data), limits.JSON_BYTES)
        length, at = varint(data, 0)
        found = data[at + 4 : at + 4 + length]  # after a checksum
        if len(found) != length:
            raise FileError("a damaged checkpoint: its object graph is truncated")
        nodes = [_node(each) for each in views(message(found), 1)]
        for node in nodes:
            if any(not 0 <= child < len(nodes) for child in (*node.children.values(), *node.slots)):
                raise FileError("a damaged checkpoint: its object graph points out of itself")
        return nodes


def _place(key: str, row: memoryview) -> Place:
    found = message(row)
    if 7 in found:
        raise FileError(f"{key[:80]!r} is kept in slices, which rnncli does not read")
    sizes = [message(each) for each in views(message(view(found, 2)), 2)]
    shape = tuple(messages.signed(number(each, 1)) for each in sizes)
    if any(not 0 <= size <= limits.DIMENSION for size in shape):
        raise FileError(f"{key[:80]!r} has the shape {shape}")
    dtype = DTYPES.get(number(found, 1), f"type {number(found, 1)}")
    return Place(dtype, shape, number(found, 3), number(found, 4), number(found, 5))


def _node(data: memoryview) -> Node:
    found = message(data)
    children = {text(each, 2): number(each, 1) for each in map(message, views(found, 1))}
    slots = tuple(number(each, 3) for each in map(message, views(found, 3)))
    for each in map(message, views(found, 2)):
        if text(each, 1) == "VARIABLE_VALUE":
            return Node(children, text(each, 3), text(each, 2), slots)
    return Node(children, slots=slots)


@contextmanager
def store(bundle: Bundle) -> Iterator[Store]:
    """Give the tensors of a checkpoint by their keys."""
    yield bundle
