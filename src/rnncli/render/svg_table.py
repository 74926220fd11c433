"""Lines of text, with the rules and colours of a terminal, as SVG."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from rnncli.render.svg_elements import MONO, Look, Span, document, rect, text

CHARACTER, LINE = 8.5, 19  # pixels
BASELINE = 0.72  # of a line, from its top
MARGIN = 14
_SGR = re.compile(r"\x1b\[([\d;]*)m")
# The arms of a box character: left, right, up, down; heavy ones where it says so.
_ARMS = {
    "─": "lr", "│": "ud", "├": "rud", "┤": "lud", "┼": "lrud", "└": "ru", "┘": "lu", "┴": "lru",
    "━": "LR", "┃": "UD", "┏": "RD", "┓": "LD", "┳": "LRD", "┡": "RUd", "┩": "LUd", "╇": "LRUd",
    "_": "_", "=": "=",
}  # fmt: skip
_RULE = re.compile(r"(_{20,}|={20,})")  # of the table of Keras 1 and 2


class Glyph(NamedTuple):
    """A character with the codes of its style."""

    char: str
    style: str


def elements(title: str, lines: str, look: Look) -> str:
    """Return the SVG of lines of text, styled for a terminal with colour."""
    rows = [list(_glyphs(line)) for line in lines.rstrip("\n").split("\n")]
    widest = max(map(len, rows))
    parts = [*_across(rows, look), *_down(rows, look), *_words(rows, look)]
    return document(title, round(widest * CHARACTER) + 2 * MARGIN, len(rows) * LINE + 2 * MARGIN,
                    look, parts)  # fmt: skip


def _glyphs(line: str) -> Iterator[Glyph]:
    """Yield the characters of a line; one that is two columns wide is followed by an empty one."""
    from rnncli.render.grid import width

    style = ""
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        code = _SGR.fullmatch(part)
        if code:
            style = "" if code[1] == "0" else code[1]
            continue
        for char in part:
            yield Glyph(char, style)
            yield from [Glyph("", style)] * (width(char) - 1)


def _box(row: list[Glyph], column: int) -> str:
    """Return the arms of the rule in a row's column, '' where there is none."""
    if column >= len(row):
        return ""
    char = row[column].char
    if char in "_=" and not _RULE.fullmatch("".join(glyph.char for glyph in row)):
        return ""
    return _ARMS.get(char, "")


def _x(column: float) -> float:
    return MARGIN + column * CHARACTER


def _y(row: float) -> float:
    return MARGIN + row * LINE


def _across(rows: list[list[Glyph]], look: Look) -> Iterator[str]:
    """Yield the horizontal rules, each in one piece."""
    for number, row in enumerate(rows):
        arms = [_box(row, column) for column in range(len(row))]
        flat = [bool(set(each) & set("lrLR_=")) for each in arms]
        for is_rule, group in groupby(range(len(row)), key=lambda column: flat[column]):
            columns = list(group)
            if not is_rule:
                continue
            first, last = arms[columns[0]], arms[columns[-1]]
            start = columns[0] + (0 if set(first) & set("lL_=") else 0.5)
            end = columns[-1] + (1 if set(last) & set("rR_=") else 0.5)
            thick = 2 if set("".join(arms)) & set("LR=") else 1
            yield rect(_x(start), _y(number + 0.5) - thick / 2, (end - start) * CHARACTER, thick,
                       look.rule)  # fmt: skip


def _down(rows: list[list[Glyph]], look: Look) -> Iterator[str]:
    """Yield the vertical rules, each in one piece."""
    for column in range(max(map(len, rows))):
        arms = [_box(row, column) for row in rows]
        upright = [bool(set(each) & set("udUD")) for each in arms]
        for is_rule, group in groupby(range(len(rows)), key=lambda number: upright[number]):
            numbers = list(group)
            if not is_rule:
                continue
            first, last = arms[numbers[0]], arms[numbers[-1]]
            start = numbers[0] + (0 if set(first) & set("uU") else 0.5)
            end = numbers[-1] + (1 if set(last) & set("dD") else 0.5)
            yield rect(_x(column + 0.5) - 0.5, _y(start), 1, (end - start) * LINE, look.rule)


def _words(rows: list[list[Glyph]], look: Look) -> Iterator[str]:
    """Yield the texts between rules and wide gaps, each from where it begins or ends."""
    for number, row in enumerate(rows):
        line = "".join(
            "\0" if _box(row, at) else glyph.char or "\1" for at, glyph in enumerate(row)
        )
        for word in re.finditer(r"[^\0 ]+(?: [^\0 ]+)*", line):
            start, end = word.span()
            closed = line[max(0, start - 2) : start] == "  " and line[end : end + 2] == " \0"
            spans = [
                _span(style, "".join(glyph.char for glyph in group), look)
                for style, group in groupby(row[start:end], key=lambda each: each.style)
            ]
            yield text(_x(end if closed else start), _y(number + BASELINE), spans, font=MONO,
                       anchor="end" if closed else "start")  # fmt: skip


def _span(style: str, content: str, look: Look) -> Span:
    codes = style.split(";")
    plain = look.faint if "2" in codes else look.text
    fill = next((look.codes[code] for code in codes if code in look.codes), plain)
    return Span(content, fill, "1" in codes)
