"""Names of the members of an `.npz`."""

import pytest

from rnncli.forward.save import member


@pytest.mark.parametrize(
    ("name", "safe"),
    [("lstm", "lstm"), ("../../../x", "_.._.._x"), ("/lstm/Y", "_lstm_Y"), ("..", "output"),
     ("a\\b", "a_b"), ("C:x", "C_x"), ("a\0b\n", "a_b_"), ("\udc80", "_udc80"), ("", "output"),
     ("é" * 3, "ééé"), ("x" * 70_000, "x" * 200)],
)  # fmt: skip
def test_members_stay_in_their_folder(name: str, safe: str) -> None:
    assert member(name) == safe
