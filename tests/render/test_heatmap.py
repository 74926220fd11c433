"""The picture of a state: what each character says."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from rnncli.render import Target, render
from rnncli.render.heatmap import LINES, MARGIN, draw, room
from rnncli.render.svg import svg
from rnncli.report import Column, Picture, Report, Table

VALUES = ((-0.99, -0.5, 0.0, 0.5, 0.99), (0.0, 0.0, 0.0, 0.0, 0.3), (1.0, 0.9, 0.6, -0.9995, -1.0))
PICTURE = Picture("lstm: state h", VALUES, (0.0, 1.0, 2.0, 3.0, 4.0), (5, 3), (-1, 1), (-1, 1), 0.2)
GATE = PICTURE._replace(values=((0.0, 0.3, 0.5, 0.999, 1.0),), scale=(0, 1), bounds=(0, 1))
NAN, INF = float("nan"), float("inf")
COLOR, TRUE = Target(color=True), Target(color=True, truecolor=True)


def text_lines(picture: Picture, unicode: bool = True) -> list[str]:
    return draw(picture, Target(unicode=unicode))


def test_shades_show_the_size_and_full_blocks_what_is_saturated() -> None:
    assert text_lines(PICTURE) == [
        "lstm: state h",
        "  norm ▁▃▅▇█",
        "unit 1 ▓▒ ▒▓",
        "     2     ░",
        "     3 █▓▒██",
        "  step 1   5",
        "       0  ░▒▓ 1",
        "       █ at -1 or 1: saturated, 20.0%",
        "       norm up to 4",
        "       Shades show the size of a value, not its sign.",
    ]


def test_a_gate_is_dark_where_it_is_open() -> None:
    lines = text_lines(GATE)
    assert lines[2] == "unit 1 ▁░▒██"
    assert lines[4:6] == ["       0  ░▒▓ 1", "       ▁ at 0  █ at 1: saturated, 20.0%"]


def test_without_unicode_all_is_ascii() -> None:
    lines = text_lines(PICTURE, unicode=False)
    assert "".join(lines).isascii()
    assert lines[1:3] == ["  norm  .:*#", "unit 1 *: :*"]
    assert lines[4] == "     3 #*:##"


def rgb(style: str) -> tuple[int, ...]:
    """Return the colour of an SGR sequence such as `38;5;160` or `38;2;180;37;42`."""
    from rich.color import Color

    kind, *numbers = map(int, style.split(";")[1:])
    return tuple(numbers) if kind == 2 else tuple(Color.from_ansi(numbers[0]).get_truecolor())


def halves(picture: Picture, target: Target) -> list[list[tuple[int, ...]]]:
    """Return the colours of the picture's rows, as a terminal shows them."""
    rows = []
    for line in draw(picture, target):
        found = re.findall(r"\x1b\[(38;[\d;]*?)(?:;(48;[\d;]*))?m▀", line)
        if found:
            rows.append([rgb(upper) for upper, _ in found])
            rows += [[rgb(lower) for _, lower in found]] if found[0][1] else []
    return rows


@pytest.mark.parametrize("target", [COLOR, TRUE])
def test_half_blocks_show_two_rows_a_line(target: Target) -> None:
    first, second, third = halves(PICTURE, target)
    assert second[0] == second[3] == first[2]  # zero
    assert len(set(first)) == 5
    assert first[0][2] > first[0][0] and first[4][0] > first[4][2]  # negative blue, positive red
    high, low = third[0], third[4]
    assert third[3] == low and high != low
    assert {high, low}.isdisjoint({*first, *second})  # saturated: on neither end of the palette
    assert halves(PICTURE._replace(bounds=None), target)[2][0] != high


def cielab(color: tuple[int, ...]) -> tuple[float, float, float]:
    """Return a colour as the eye orders it (CIE 1976, D65)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in color)
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > (6 / 29) ** 3 else t * 841 / 108 + 4 / 29 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_palette_is_even_to_the_eye(sign: int) -> None:
    row = tuple(sign * step / 8 for step in range(9))
    picture = Picture("", (row,), row, (9, 1))
    shades = [cielab(color) for color in halves(picture, TRUE)[0]]
    steps = [math.dist(a, b) for a, b in pairwise(shades)]
    assert max(steps) < 1.1 * min(steps)
    assert [round(shade[0]) for shade in shades] == [96, 89, 82, 75, 68, 61, 54, 47, 40]
    coarse = [cielab(color)[0] for color in halves(picture, COLOR)[0]]
    assert coarse == sorted(coarse, reverse=True)
    assert len(set(coarse)) == 8


def test_what_is_no_number_stands_out() -> None:
    picture = Picture("", ((NAN, 0.5, 2.0), (0.0, INF, -INF)), (NAN, 1.0, INF), (3, 2), (-2, 2))
    lines = text_lines(picture)
    assert lines[1] == "  norm !█!"
    assert lines[2:4] == ["unit 1 !░▓", "     2  !!"]
    assert "       ! NaN or Inf" in lines
    upper, lower = halves(picture, TRUE)
    assert upper[0] == lower[1] == lower[2] == (255, 0, 255)
    assert "NaN" not in "".join(text_lines(PICTURE))


def test_a_state_of_zeros_is_drawn() -> None:
    picture = Picture("", ((0.0, 0.0),), (0.0, 0.0), (2, 1))
    assert text_lines(picture)[1:3] == ["  norm ▁▁", "unit 1   "]


def test_what_shares_a_cell_is_said() -> None:
    picture = Picture("", ((0.5,) * 4, (0.5,) * 4), (1.0,) * 4, (1000, 5))
    said = "1,000 steps in 4 columns, 5 units in 2 rows: a cell shows the value"
    assert text_lines(picture)[-1].strip() == f"{said} of largest magnitude in it."
    gate = picture._replace(bounds=(0, 1), scale=(0, 1))
    assert text_lines(gate)[-1].strip() == f"{said} farthest from 0.5 in it."
    assert text_lines(picture)[3].startswith("     3 ")  # the second row begins at unit 3


@pytest.mark.parametrize(("steps", "columns"), [(1200, 40), (60, 60), (7, 7), (10**6, 73), (1, 1)])
def test_labels_of_steps_begin_under_their_columns(steps: int, columns: int) -> None:
    picture = Picture("", ((0.5,) * columns,), (1.0,) * columns, (steps, 1))
    line = next(line for line in text_lines(picture) if line.startswith("  step "))
    labels = [(found.start() - MARGIN, int(found[0].replace(",", "")))
              for found in re.finditer(r"[\d,]+", line)]  # fmt: skip
    assert labels[0] == (0, 1)
    assert len(line) <= MARGIN + columns
    for column, step in labels:
        assert column * steps // columns < step <= (column + 1) * steps // columns


def test_a_picture_fits_its_page() -> None:
    assert room(100, color=True, unicode=True) == (100 - MARGIN, 2 * LINES)
    assert room(100, color=False, unicode=True) == (100 - MARGIN, LINES)
    assert room(None, color=False, unicode=False) == (80 - MARGIN, LINES)
    assert room(3, color=False, unicode=False)[0] > 0
    for target in (COLOR, Target(), Target(unicode=False)):
        columns, _ = room(40, target.color, target.unicode)
        values = ((0.5,) * columns, (NAN,) * columns)
        picture = Picture("x" * 20, values, (1.0,) * columns, (10**6, 10**4), (0, 1), (0, 1), 0.5)
        lines = draw(picture, target._replace(width=40))
        assert max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in lines) <= 40


REPORT = Report("forward", {}, (Table((Column("a", "A"),), (("x",),)),), picture=PICTURE)


def test_the_table_is_followed_by_the_picture() -> None:
    plain = render(REPORT, "table", Target(width=40))
    assert plain.index("│ x │") < plain.index("unit 1 ▓▒ ▒▓")
    assert "\x1b" not in plain
    assert "\x1b[38;5;" in render(REPORT, "table", Target(color=True))


def svg_text(source: str) -> str:
    root = ElementTree.fromstring(source)
    return "\n".join("".join(part.itertext()) for part in root.iter() if part.tag.endswith("text"))


def rectangles(source: str) -> list[tuple[float, float, float, float, str]]:
    """Return `(x, y, width, height, fill)` of each rectangle of an SVG."""
    found = [part.attrib for part in ElementTree.fromstring(source) if part.tag.endswith("rect")]
    return [(*(float(each[key]) for key in ("x", "y", "width", "height")), each["fill"])
            for each in found]  # fmt: skip


def test_the_svg_draws_a_rectangle_for_each_cell() -> None:
    source = svg(REPORT, "table", Target(color=False, unicode=False))
    assert source == svg(REPORT, "table", Target(color=True))
    text = svg_text(source)
    for part in ("lstm: state h", "norm", "unit", "step", "saturated: 20.0% of all values"):
        assert part in text
    cells = [each for each in rectangles(source) if each[3] == 18]
    rows = [[(x, width, fill) for x, y, width, _, fill in cells if y == top]
            for top in sorted({each[1] for each in cells})]  # fmt: skip
    for row, values in zip(rows, VALUES, strict=True):
        assert sum(width for _, width, _ in row) == 18 * len(values)
    fills = [[fill for _, width, fill in row for _ in range(int(width) // 18)] for row in rows]
    assert fills[1] == ["#f3f3f3"] * 4 + [fills[1][4]]
    assert fills[2][0] == "#ffd700" and fills[2][3:] == ["#00d7ff"] * 2


def test_a_dark_svg_has_the_same_cells() -> None:
    light, dark = (svg(REPORT, "table", Target(), each) for each in (False, True))
    assert rectangles(light)[0][4] == "#ffffff" and rectangles(dark)[0][4] == "#0d1117"
    assert svg_text(light) == svg_text(dark)
    assert [each for each in rectangles(light) if each[3] == 18] == [
        each for each in rectangles(dark) if each[3] == 18
    ]


def test_names_cannot_write_markup() -> None:
    picture = PICTURE._replace(title="<script>&\x1b[31m")
    assert "<script>&\\x1b[31m" in svg_text(
        svg(REPORT._replace(picture=picture), "table", Target())
    )


def test_without_a_picture_the_svg_holds_the_table() -> None:
    source = svg(REPORT._replace(picture=None), "table", Target(unicode=False))
    assert svg_text(source) == "A\nx"
    across = [each for each in rectangles(source)[1:] if each[2] > each[3]]
    down = [each for each in rectangles(source)[1:] if each[2] < each[3]]
    assert len(across) == 3 and len(down) == 2
    (left, *_), (right, *_) = sorted(down)
    for x, _, width, _, _ in across:
        assert (x, x + width) == pytest.approx((left + 0.5, right + 0.5))


def test_a_number_of_a_table_ends_at_its_rule() -> None:
    table = Table((Column("a", "A", "count"),), ((1,), (1234567,)))
    source = svg(REPORT._replace(tables=(table,), picture=None), "table", Target())
    ends = [part.attrib for part in ElementTree.fromstring(source)
            if part.tag.endswith("text") and part.attrib["text-anchor"] == "end"]  # fmt: skip
    assert len({each["x"] for each in ends}) == 1 and len(ends) >= 2
