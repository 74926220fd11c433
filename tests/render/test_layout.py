"""Tables on pages of every width: what may give way, and what may not."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.render import Target, render
from rnncli.render.grid import width
from rnncli.render.layout import shortened
from rnncli.report import Column, Report, Table, Total

NAME = "bidirectional_encoder_layer_number_12"
COLUMNS = (
    Column("name", "Layer"),
    Column("type", "Type", rank=2),
    Column("shape", "Output Shape", "shapes", rank=1),
    Column("macs", "MACs per step", "count"),
)
ROWS = ((NAME, "LSTM", ((None, 100, 64), (None, 64)), 78_643_200), ("d", "Dense", None, None))


def drawn(page: int | None, **changes: Any) -> list[str]:
    table = Table(COLUMNS, ROWS, **changes)
    return render(Report("cost", {}, (table,)), "table", Target(page)).splitlines()


def test_a_page_of_no_width_folds_nothing() -> None:
    assert drawn(None)[3:5] == [
        f"│ {NAME} │ LSTM  │ (None, 100, 64), (None, 64) │    78,643,200 │",
        f"│ {'d':37} │ Dense │ {'?':27} │             ? │",
    ]


def test_a_path_folds_behind_its_names_and_keeps_them_whole() -> None:
    columns = (Column("from", "From", "path"), Column("to", "To", "path"))
    table = Table(columns, (("lstm/lstm_cell/recurrent_kernel", "lstm.weight_hh_l0"),))

    def lines(page: int) -> list[str]:
        return render(Report("convert", {}, (table,)), "table", Target(page)).splitlines()

    assert lines(41)[3:5] == [
        "│ lstm/lstm_cell/   │ lstm.weight_hh_l0 │", "│ recurrent_kernel  │                   │",
    ]  # fmt: skip
    assert lines(30) == ["lstm/lstm_cell/", "recurrent_kernel", "  To: lstm.weight_hh_l0"]


def test_what_gives_way_first_is_the_name_then_a_column_then_the_row() -> None:
    assert drawn(80)[3:5] == [
        "│ bidirectional_en…umber_12 │ LSTM  │ (None, 100, 64),         │    78,643,200 │",
        f"│ {'':25} │       │ (None, 64)               │               │",
    ]
    narrow = drawn(50)
    assert "Type" not in narrow[1]
    assert narrow[-1] == " Not shown for lack of width: Type."
    assert drawn(40)[-2:] == [" Not shown for lack of width: Type,", "   Output Shape."]
    assert drawn(20) == [
        "bidirectional…ber_12",
        "  Type:",
        "    LSTM",
        "  Output Shape:",
        "    (None, 100, 64),",
        "    (None, 64)",
        "  MACs per step:",
        "    78,643,200",
        "d",
        "  Type:",
        "    Dense",
        "  Output Shape:  ?",
        "  MACs per step: ?",
    ]


VALUES = {
    "text": st.text(st.sampled_from("ab_/ 1é中"), max_size=40).map(str.strip),
    "count": st.none() | st.integers(0, 10**12),
    "share": st.floats(0, 1),
    "shapes": st.lists(
        st.lists(st.none() | st.integers(0, 9999), max_size=3).map(tuple), min_size=1, max_size=3
    ).map(tuple),
}


@st.composite
def tables(draw: Any) -> Table:
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=6))
    ranks = st.integers(0, 3)
    columns = [
        Column(f"k{i}", draw(st.sampled_from(["Layer", "MACs per step", "return_state"])), kind,
               draw(ranks))
        for i, kind in enumerate(kinds)
    ]  # fmt: skip
    named = (Column("name", "Name"), *columns)
    names = st.text("abc_", min_size=1, max_size=40)
    rows = draw(st.lists(st.tuples(names, *(VALUES[kind] for kind in kinds)), max_size=4))
    totals = (Total("Total", "count", draw(st.integers(0, 10**7))),)
    marked = frozenset(draw(st.sets(st.integers(0, 3), max_size=2)))
    return Table(named, tuple(rows), "", totals, marked)


@given(table=tables(), page=st.integers(40, 200), unicode=st.booleans(), color=st.booleans())
def test_no_row_is_wider_than_the_page(table: Table, page: int, unicode: bool, color: bool) -> None:
    text = render(Report("cost", {}, (table,)), "table", Target(page, color, unicode))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert max(map(width, lines)) <= page
    for name, *_ in table.rows:
        assert any(name[:4] in line for line in lines)
    whole = render(Report("cost", {}, (table,)), "table", Target())
    found = re.findall(r"\d[\d,.]*", re.sub(r"[ab_/é中…]\S*", "", "\n".join(lines)))
    assert all(number in whole for number in found)


@pytest.mark.parametrize(
    ("word", "size", "expected"),
    [
        ("lstm", 4, "lstm"),
        ("encoder_lstm_12", 10, "encode…_12"),
        ("encoder_lstm_1234", 8, "encod…"),  # of 1234 nothing is left, rather than 34
        ("layer_1234_dense", 10, "layer_…nse"),
        ("1234567890", 5, "123…"),
        ("中中中中中中", 8, "中中…中"),
    ],
)
def test_a_name_is_shortened_in_its_middle(word: str, size: int, expected: str) -> None:
    assert shortened(word, size) == expected
    assert width(expected) <= size


def test_a_total_that_leaves_layers_out_is_a_lower_bound() -> None:
    totals = (Total("Params", "count", 342_148, 8), Total("MACs", "count", None, 1),
              Total("Size", "memory", (1000, 4000), 1))  # fmt: skip
    assert drawn(None, totals=totals)[-3:] == [
        " Params: at least 342,148 (8 layers unknown)",
        " MACs: ?",
        " Size: at least 1,000 (1 layer unknown) (3.91 KiB)",
    ]
