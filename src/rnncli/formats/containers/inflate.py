"""Compressed files unpacked into memory, within bounds: zlib, gzip, bzip2, xz and lzma."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from rnncli.errors import FileError
from rnncli.formats import COMPRESSED, limits

_BLOCK = 1 << 20
# What unpacks each kind.
_MACHINES: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "zlib": zlib.decompressobj,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, limits.XZ_DICTIONARY),
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, limits.XZ_DICTIONARY),
}


def compression(start: bytes) -> str | None:
    """Return the kind of compression of a file that begins so, None if it is none known here."""
    return next((kind for mark, kind in COMPRESSED.items() if start.startswith(mark)), None)


def inflated(file: BinaryIO) -> bytes:
    """Return the unpacked bytes of a compressed file. Raises: FileError if damaged, or a bomb."""
    kind = compression(file.read(8))
    assert kind is not None
    file.seek(0)
    try:
        return _unpacked(file, _MACHINES[kind]())
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise FileError(f"a damaged or truncated {kind} file ({error})") from None


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
