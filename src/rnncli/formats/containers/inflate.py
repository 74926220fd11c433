"""Compressed files unpacked into memory, within bounds: zlib, gzip, bzip2, xz and lzma."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from rnncli.errors import FileError
from rnncli.formats import limits

_BLOCK = 1 << 20
# How each kind begins, and what unpacks it.
_KINDS: dict[bytes, tuple[str, Callable[[], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda: zlib.decompressobj(31)),
    b"x\x01": ("zlib", zlib.decompressobj),
    b"x\x5e": ("zlib", zlib.decompressobj),
    b"x\x9c": ("zlib", zlib.decompressobj),
    b"x\xda": ("zlib", zlib.decompressobj),
    b"BZh": ("bzip2", bz2.BZ2Decompressor),
    b"\xfd7zXZ": ("xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, limits.XZ_DICTIONARY)),
    b"]\0\0": ("lzma", lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, limits.XZ_DICTIONARY)),
}


def compression(start: bytes) -> str | None:
    """Return the kind of compression of a file that begins so, None if it is none known here."""
    return next((name for mark, (name, _) in _KINDS.items() if start.startswith(mark)), None)


def inflated(file: BinaryIO) -> bytes:
    """Return the unpacked bytes of a compressed file. Raises: FileError if damaged, or a bomb."""
    start = file.read(8)
    file.seek(0)
    name, make = next(kind for mark, kind in _KINDS.items() if start.startswith(mark))
    try:
        return _unpacked(file, make())
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise FileError(f"a damaged or truncated {name} file ({error})") from None


def _unpacked(file: BinaryIO, machine: Any) -> bytes:
    found, taken = io.BytesIO(), 0
    while not machine.eof:
        waiting = getattr(machine, "unconsumed_tail", b"")
        data = b""
        if waiting or getattr(machine, "needs_input", True):
            data = waiting or file.read(_BLOCK)
            taken += 0 if waiting else len(data)
            if not data:
                raise EOFError("it ends before its contents do")
        part = machine.decompress(data, _BLOCK)
        found.write(part)
        size = found.tell()
        limits.check("unpacked bytes", size, limits.UNPACKED_BYTES)
        if size > limits.UNPACKED_SMALL:
            limits.check("compression ratio", size // taken, limits.UNPACKED_RATIO)
    return found.getvalue()
