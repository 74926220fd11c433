"""Tables that nobody colours or folds, beside what rich draws of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rnncli.render import Target, table
from rnncli.render.plain import plain_text
from rnncli.report import Column, Report, Table

WORDS = st.text(st.sampled_from("ab1 ×é→\x1b"), max_size=12)
HEADS = st.sampled_from(["", "Layer", "MACs per step"])
VALUES = {"text": WORDS, "count": st.none() | st.integers(0, 10**7), "share": st.floats(0, 1)}


@st.composite
def reports(draw: Any) -> Report:
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
    columns = tuple(Column(f"k{i}", draw(HEADS), kind) for i, kind in enumerate(kinds))
    rows = draw(st.lists(st.tuples(*(VALUES[kind] for kind in kinds)), max_size=4))
    marked = frozenset(draw(st.sets(st.integers(0, 3), max_size=2)))
    totals = (("Total", "count", draw(st.integers(0, 10**7))),)
    one = Table(columns, tuple(rows), draw(WORDS), totals, marked)
    notes, lines = draw(st.lists(WORDS, max_size=2)), draw(st.lists(WORDS, max_size=2))
    return Report("params", {}, (one,), tuple(lines), tuple(notes))


@given(report=reports(), unicode=st.booleans())
def test_they_are_the_same(report: Report, unicode: bool) -> None:
    target = Target(unicode=unicode)
    assert plain_text(report, target) == table._drawn(report, target)


def test_wide_characters_and_terminals_are_left_to_rich() -> None:
    one = Table((Column("a", "A"),), (("中",),))
    assert plain_text(Report("params", {}, (one,)), Target()) is None
    narrow = Report("params", {}, (one._replace(rows=(("a",),)),))
    assert plain_text(narrow, Target()) is not None
    assert plain_text(narrow, Target(width=80)) is None
    assert plain_text(narrow, Target(color=True)) is None
