"""Amounts as people write them (`50k`, `1.5M`, `64KiB`, `2MB`), and bytes as they read them."""

import re
from decimal import Decimal

from rnncli.errors import UsageError

_UNITS = {
    "": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
    "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40,
}  # fmt: skip
_PATTERN = re.compile(r"(\d[\d_,]*(?:\.\d+)?)\s*([kmgt]i?)?(b)?", re.IGNORECASE)
LONGEST = 40  # characters; no budget needs more


def parse_amount(text: str) -> int:
    """Return the amount as a whole number; `k`, `M`, `G`, `T` are powers of 1000, `Ki` … of 1024.

    Raises: UsageError if it is not an amount, or not a whole number.
    """
    match = _PATTERN.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if match is None:
        raise UsageError(
            f"amount {text[:LONGEST]!r} is not understood", "write 50000, 50k, 1.5M or 64KiB"
        )
    number, unit, _ = match.groups()
    value = Decimal(number.replace("_", "").replace(",", "")) * _UNITS[(unit or "").lower()]
    if value != value.to_integral_value():
        raise UsageError(f"amount {text!r} is {value}, not a whole number")
    return int(value)


_PREFIXES = ("", "K", "M", "G", "T", "P")


def memory(size: int, keras: bool = False) -> str:
    """Return bytes as text: `24.25 KiB`, powers of 1024, none above `PiB`.

    With `keras` as `model.summary()` writes the same size: `24.25 KB`.
    """
    power = 0
    while power + 1 < len(_PREFIXES) and size >= 1024 ** (power + 1):
        power += 1
    unit = f"{_PREFIXES[power]}{'i' if power and not keras else ''}B"
    whole = size // 1024**power
    if whole >= 2**1000:  # more than a float holds
        return f"{whole}.00 {unit}"
    return f"{size / 1024**power:.2f} {unit}"
