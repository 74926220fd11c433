"""Amounts as people write them (`50k`, `1e6`, `64KiB`, `2MB`), and bytes as they read them."""

import re

from rnncli.errors import UsageError

_UNITS = {
    "": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
    "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40,
}  # fmt: skip
_PATTERN = r"(?ai)((?:\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*)(?:\.\d+)?(?:e[+-]?\d{1,2})?)\s*([kmgt]i?)?b?"
LONGEST = 40  # characters; no budget needs more


def parse_amount(text: str) -> int:
    """Return the amount as a whole number; `k`, `M`, `G`, `T` are powers of 1000, `Ki` … of 1024.

    Commas part groups of three digits and nothing else: `1,5M` may mean 1.5M, and is refused.
    Raises: UsageError if it is not an amount, or not a whole number.
    """
    match = re.fullmatch(_PATTERN, text.strip()) if len(text) <= LONGEST else None
    if match is None:
        raise UsageError(
            f"amount {text[:LONGEST]!r} is not understood",
            "write 50000, 50,000, 50k, 1e6, 1.5M or 64KiB",
        )
    from fractions import Fraction  # not at every start

    number, unit = match.groups()
    value = Fraction(number.replace(",", "")) * _UNITS[(unit or "").lower()]
    if value.denominator != 1:
        raise UsageError(f"amount {text!r} is not a whole number", "write 50000, 50k or 1.5M")
    return value.numerator


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
