"""The picture of a state: what each character says."""

import re
from xml.etree import ElementTree

import pytest

from rnncli.render import Target, render
from rnncli.render.grid import plain
from rnncli.render.heatmap import LINES, MARGIN, parts_of, room
from rnncli.render.svg import svg
from rnncli.report import Column, Picture, Report, Table

VALUES = ((-1.0, -0.5, 0.0, 0.5, 1.0), (0.0, 0.0, 0.0, 0.0, 0.25), (1.0, 1.0, 1.0, 1.0, -1.0))
PICTURE = Picture("lstm: state h", VALUES, (0.0, 1.0, 2.0, 3.0, 4.0), (5, 3))
NAN, INF = float("nan"), float("inf")


def text_lines(picture: Picture, color: bool = False, unicode: bool = True) -> list[str]:
    return [plain(line) for line in parts_of(picture, color, unicode)]


def test_shades_show_the_size() -> None:
    title, norm, first, second, third, axis, scale, top = text_lines(PICTURE)
    assert title == "lstm: state h"
    assert norm == "  norm ▁▃▅▇█"
    assert first == "unit 1 █▒ ▒█"
    assert second == "     2     ░"
    assert third == "     3 █████"
    assert axis == "       step 1 to 5"
    assert scale == "       0  ░▒▓█ 1 (size; the sign is not shown)"
    assert top == "       norm up to 4"


def test_without_unicode_all_is_ascii() -> None:
    lines = text_lines(PICTURE, unicode=False)
    assert "".join(lines).isascii()
    assert lines[2] == "unit 1 #: :#"
    assert lines[1] == "  norm  .:*#"


def styles(picture: Picture) -> dict[str, list[str]]:
    """Return the style of each half block, by the line it stands in."""
    found: dict[str, list[str]] = {}
    for line in parts_of(picture, color=True, unicode=True):
        halves = [style for text, style in line if text == "▀"]
        if halves:
            found[plain(line)[:MARGIN].strip()] = halves
    return found


def test_half_blocks_show_two_rows_on_a_scale_around_zero() -> None:
    found = styles(PICTURE)
    assert list(found) == ["unit 1", "3"]
    upper = [style.split(";48")[0] for style in found["unit 1"]]
    lower = [style.partition(";48")[2].removeprefix(";5;") for style in found["unit 1"]]
    assert upper[2].split(";")[2] == lower[0] == lower[3]  # zero
    assert len({*upper, lower[4]}) == 6
    assert found["3"] == [upper[4]] * 4 + [upper[0]]  # the last of three rows has none below


def rgb(style: str) -> tuple[int, int, int]:
    from rich.color import Color

    return tuple(Color.from_ansi(int(style.split(";")[2])).get_truecolor())


def test_negative_is_blue_and_positive_red() -> None:
    low, *_, high = (rgb(style.split(";48")[0]) for style in styles(PICTURE)["unit 1"])
    assert low[2] > low[0] and high[0] > high[2]


def lightness(style: str) -> float:
    red, green, blue = rgb(style)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_scale_darkens_from_zero_outwards(sign: int) -> None:
    row = tuple(sign * step / 11 for step in range(12))
    shades = [lightness(style) for style in styles(Picture("", (row,), row, (12, 1)))["unit 1"]]
    assert shades == sorted(shades, reverse=True)
    assert len(set(shades)) == 12


def test_what_is_no_number_stands_out() -> None:
    picture = Picture("", ((NAN, 0.5, 2.0), (0.0, INF, -INF)), (NAN, 1.0, INF), (3, 2))
    lines = text_lines(picture)
    assert lines[1] == "  norm !█!"
    assert lines[2:4] == ["unit 1 !░█", "     2  !!"]
    assert lines[5].endswith("2 (size; the sign is not shown)   ! NaN or Inf")
    (found,) = styles(picture).values()
    assert all("46" in part for part in found)
    assert "NaN" not in "".join(text_lines(PICTURE))


def test_a_state_of_zeros_is_drawn() -> None:
    picture = Picture("", ((0.0, 0.0),), (0.0, 0.0), (2, 1))
    assert text_lines(picture)[1:3] == ["  norm ▁▁", "unit 1   "]


def test_means_are_said_with_their_factor() -> None:
    picture = Picture("", ((0.5,) * 4, (0.5,) * 4), (1.0,) * 4, (1000, 5))
    assert text_lines(picture)[-2:] == [
        "       1,000 steps in 4 columns, each the mean of 250 steps",
        "       5 units in 2 rows, each the mean of 2.5 units",
    ]
    assert text_lines(picture)[3].startswith("     3 ")  # the second row begins at unit 3


def test_the_axis_ends_under_the_last_column() -> None:
    picture = Picture("", ((0.5,) * 40,), (1.0,) * 40, (1200, 1))
    line = next(line for line in text_lines(picture) if line.rstrip().endswith("1,200"))
    assert line[MARGIN] == "1"
    assert len(line) == MARGIN + 40
    assert "step" in line


def test_a_picture_fits_its_page() -> None:
    assert room(100, color=True, unicode=True) == (100 - MARGIN, 2 * LINES)
    assert room(100, color=False, unicode=True) == (100 - MARGIN, LINES)
    assert room(None, color=False, unicode=False) == (80 - MARGIN, LINES)
    assert room(3, color=False, unicode=False)[0] > 0


REPORT = Report("forward", {}, (Table((Column("a", "A"),), (("x",),)),), picture=PICTURE)


def test_the_table_is_followed_by_the_picture() -> None:
    plain = render(REPORT, "table", Target(width=40))
    assert plain.index("│ x │") < plain.index("unit 1 █▒ ▒█")
    assert "\x1b" not in plain
    assert "\x1b[38;5;" in render(REPORT, "table", Target(color=True))


def svg_text(source: str) -> str:
    root = ElementTree.fromstring(source)
    return "\n".join(part for part in root.itertext()).replace("\xa0", " ")


def test_the_svg_holds_the_same_picture() -> None:
    source = svg(REPORT, "table", Target(color=False, unicode=False))
    text = svg_text(source)
    assert "lstm: state h" in text
    assert "norm ▁▃▅▇█" in text
    assert "unit 1" in text
    assert text.count("▀") >= 3
    assert source == svg(REPORT, "table", Target(color=False, unicode=False))
    used = set(re.findall(r"#[0-9a-f]{6}", source))
    assert {"#ffffff", "#870000", "#00005f"} <= used  # 0, and both ends of the scale


def test_names_cannot_write_markup() -> None:
    picture = PICTURE._replace(title="<script>&\x1b[31m")
    assert "<script>&\\x1b[31m" in svg_text(
        svg(REPORT._replace(picture=picture), "table", Target())
    )


def test_without_a_picture_the_svg_holds_the_table() -> None:
    text = svg_text(svg(REPORT._replace(picture=None), "table", Target(unicode=False)))
    assert "│ x │" in text
