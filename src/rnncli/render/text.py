"""Text for people: sizes, counts and names, safe to print."""

from typing import Any

from rnncli.report import Column
from rnncli.shapes import show

# Bidirectional controls and the like: invisible, and able to make text read as something else.
_HIDDEN = frozenset(
    [0x061C, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF, *range(0x202A, 0x202F),
     *range(0x2060, 0x2070), *range(0xD800, 0xE000)]
)  # fmt: skip


def printable(text: str) -> str:
    """Return the text with control characters, lone surrogates and bidi controls escaped."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code in _HIDDEN else character


def memory(size: float) -> str:
    """Return bytes as Keras prints them: `24.25 KB`, powers of 1024."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size / 1024 < 1:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"


def cell(kind: str, value: Any) -> str:
    """Return the text of one table cell."""
    if kind == "any":
        return _any(value)
    if value is None:
        return "" if kind in ("text", "flag") else "?"
    if kind == "shape":
        return show(value)
    if kind == "shapes":
        return ", ".join("?" if shape is None else show(shape) for shape in value)
    if kind == "count":
        return f"{value:,}"
    if kind == "bytes":
        return memory(value)
    if kind == "number":
        return f"{value:.4g}"
    if kind == "share":
        return f"{value:.1%}"
    if kind == "flag":
        return "yes" if value else "no"
    return printable(str(value))


def raw(kind: str, value: Any) -> str:
    """Return the cell for programs: plain numbers, no separators."""
    if value is None:
        return ""
    if kind in ("shape", "shapes"):
        return cell(kind, value)
    if kind == "any":
        return str(value) if isinstance(value, int) else _any(value)
    if kind == "flag":
        return "true" if value else "false"
    return str(value)


def _any(value: Any) -> str:
    """Return a value whose kind only its type tells: a count, a shape or a list of shapes."""
    if value is None:
        return "?"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, tuple):
        nested = bool(value) and isinstance(value[0], tuple)
        return cell("shapes" if nested else "shape", value)
    return printable(str(value))


def right_aligned(column: Column) -> bool:
    """Whether the column holds numbers."""
    return column.kind in ("count", "bytes", "number", "share")
