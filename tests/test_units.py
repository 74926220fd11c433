"""Amounts as people write them."""

import pytest

from rnncli.errors import UsageError
from rnncli.units import parse_amount


@pytest.mark.parametrize(
    ("text", "value"),
    [("50000", 50_000), ("50_000", 50_000), ("50,000", 50_000), ("1,500,000", 1_500_000),
     ("50k", 50_000), ("50 K", 50_000), ("1.5M", 1_500_000), ("1e6", 10**6), ("1E6", 10**6),
     ("1.5e3", 1_500), ("2e+3", 2_000), ("5000e-3", 5), ("1KB", 1_000), ("1KiB", 1_024),
     ("64KiB", 65_536), ("2MB", 2_000_000), ("1,500k", 1_500_000), ("0", 0), (" 7 ", 7),
     ("12345678901234567890123456789012345678", 12345678901234567890123456789012345678)],
)  # fmt: skip
def test_amounts(text: str, value: int) -> None:
    assert parse_amount(text) == value


@pytest.mark.parametrize(
    "text",
    ["1,5M", "1,00", "1,5", "1,5000", "1,,000", ",000", "1000,000", "0,000,", "1.000.000", "1.5",
     "1e-3", "1e", "e6", "1e6e6", "1e999", "-1", "+1", "1__0", "_1", "1_", "k", "", "1 5", "1.k",
     "\u0661\u0662", "0x10", "inf", "1KiBB", "5kk"],
)  # fmt: skip
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(UsageError, match="amount"):
        parse_amount(text)
