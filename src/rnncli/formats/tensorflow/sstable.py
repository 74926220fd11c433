"""Tables of sorted keys, LevelDB's format, in which TensorFlow keeps the index of a checkpoint.

Source: https://github.com/google/leveldb/blob/main/doc/table_format.md, and Snappy's
format_description.txt.
"""

from collections.abc import Iterator

from rnncli.errors import FileError
from rnncli.formats import TABLE, limits
from rnncli.formats.containers.messages import varint

_FOOTER, _TRAILER = 48, 5  # bytes at the end of a table, and after each block
_SNAPPY = 1


def table(data: bytes) -> dict[str, memoryview]:
    """Return the values of a table by their keys. Raises: FileError if it is damaged."""
    view = memoryview(data)
    if len(data) < _FOOTER or not data.endswith(TABLE):
        raise FileError("a damaged or truncated index: its last bytes are not a table's")
    start = len(data) - _FOOTER
    at = _handle(view, start)[2]
    offset, size, _ = _handle(view, at)
    found: dict[str, memoryview] = {}
    total = 0
    for _, value in _entries(_block(view, offset, size)):
        inner, length, _ = _handle(value, 0)
        block = _block(view, inner, length)
        total += len(block)
        limits.check("bytes of the index, unpacked", total, limits.INDEX_BYTES)
        for key, entry in _entries(block):
            found[str(key, "utf-8", "replace")] = entry
            limits.check("tensors", len(found), limits.TENSORS)
    return found


def _handle(view: memoryview, at: int) -> tuple[int, int, int]:
    """Return the offset and size of a block, and where what says so ends."""
    offset, at = varint(view, at)
    size, at = varint(view, at)
    return offset, size, at


def _block(view: memoryview, offset: int, size: int) -> memoryview:
    if offset + size + _TRAILER > len(view):
        raise FileError("a damaged or truncated index: a block lies outside it")
    block, kind = view[offset : offset + size], view[offset + size]
    if kind == _SNAPPY:
        return memoryview(_uncompressed(block))
    if kind:
        raise FileError(f"a damaged index: compression {kind} is not known")
    return block


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the keys and values of a block; each key names only what differs from the last."""
    restarts = int.from_bytes(block[-4:], "little") if len(block) >= 4 else -1
    end = len(block) - 4 * (restarts + 1)
    if restarts < 0 or end < 0:
        raise FileError("a damaged index: a block without its list of restarts")
    at, key = 0, b""
    while at < end:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        length, at = varint(block, at)
        if shared > len(key) or at + own + length > end:
            raise FileError("a damaged index: an entry lies outside its block")
        limits.check("characters in a tensor's name", shared + own, limits.NAME_CHARACTERS)
        key = key[:shared] + bytes(block[at : at + own])
        yield key, block[at + own : at + own + length]
        at += own + length


def _uncompressed(block: memoryview) -> bytes:
    """Return what Snappy compressed. Raises: FileError."""
    size, at = varint(block, 0)
    limits.check("bytes of a block, unpacked", size, limits.INDEX_BYTES)
    found = bytearray()
    while at < len(block) and len(found) <= size:
        tag = block[at]
        at += 1
        if tag & 3 == 0:
            length, at = _literal(block, tag >> 2, at)
            found += block[at : at + length]
            at += length
            continue
        extra = (1, 2, 4)[(tag & 3) - 1]
        offset = int.from_bytes(block[at : at + extra], "little")
        length = (tag >> 2) + 1
        if extra == 1:
            length, offset = (tag >> 2 & 7) + 4, offset | tag >> 5 << 8
        at += extra
        if not 0 < offset <= len(found):
            raise FileError("a damaged index: a copy from before its beginning")
        for _ in range(length):  # a copy may reach into what it writes
            found.append(found[-offset])
    if len(found) != size:
        raise FileError("a damaged index: a block is not as long as it says")
    return bytes(found)


def _literal(block: memoryview, length: int, at: int) -> tuple[int, int]:
    extra = max(0, length - 59)
    if extra:
        length = int.from_bytes(block[at : at + extra], "little")
    return length + 1, at + extra
