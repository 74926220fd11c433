"""A table on a page of any width: what gives way, and in which order.

A number and a shape stay whole at every width. Text folds at its spaces, names longer than their
column are shortened in the middle, then the columns of the highest rank go, and at last each row
becomes a record: a line per column.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rnncli.render import Target
from rnncli.render.grid import BOLD, DIM, NUMBER, Cell, Column, Line, draw, styled, width
from rnncli.render.text import cells_of, printable, right_aligned
from rnncli.report import Column as Heading
from rnncli.report import Table

NAME = 10  # characters that a name keeps at least, beside other columns
_INDENT = 2  # of a record's lines

# What is never broken, with the spaces behind it: a shape, or a word.
_SHAPE = r"\((?:(?:None|\d+)(?:, ?)?)*\)"
_TOKEN = rf"(?:{_SHAPE}\S*|\S+)\s*"
_HEAD = r"[^\s_]*_+|\S+\s*"  # a heading may also break behind an underscore
_PATH = r"[^\s/.]*[/.]+\s*|[^\s/.]+\s*"  # a path breaks behind a name, which stays whole


class _Field(NamedTuple):
    """A column of a table with its texts, one per row, and the widths it can have."""

    heading: Heading
    texts: list[str]
    natural: int  # nothing folds
    least: int  # nothing that must stay whole is cut


def lay_out(table: Table, target: Target) -> Iterator[str]:
    """Yield the lines of the table without its title and totals."""
    fields = _fields(table, target)
    widths = None
    while (widths := _widths(fields, target.width)) is None:
        last = max(fields, key=lambda field: field.heading.rank)
        if last.heading.rank == 0:
            yield from _records(table, target)
            return
        fields.remove(last)
    columns = [
        Column([[(line, BOLD)] for line in fold(re.findall(_HEAD, field.heading.header), size)],
               size, "right" if right_aligned(field.heading) else "left")
        for field, size in zip(fields, widths, strict=True)
    ]  # fmt: skip
    rows = [
        [_cell(field, index, size, index in table.marked)
         for field, size in zip(fields, widths, strict=True)]
        for index in range(len(table.rows))
    ]  # fmt: skip
    yield from draw(target, columns, rows)
    kept = [field.heading for field in fields]
    gone = [printable(each.header) for each in table.columns if each not in kept]
    if gone:
        yield from sentence(f"Not shown for lack of width: {', '.join(gone)}.", target)


def _fields(table: Table, target: Target) -> list[_Field]:
    columns = list(zip(*cells_of(table), strict=True)) or [()] * len(table.columns)
    fields = [_field(head, list(texts))
              for head, texts in zip(table.columns, columns, strict=True)]  # fmt: skip
    if table.marked:
        arrow = "→" if target.unicode else ">"
        marks = [arrow if index in table.marked else "" for index in range(len(table.rows))]
        fields.insert(0, _field(Heading("", ""), marks))
    return fields


def _field(heading: Heading, texts: list[str]) -> _Field:
    head = printable(heading.header)
    natural = max(map(width, (head, *texts)))
    least = max((width(part.rstrip()) for part in re.findall(_HEAD, head)), default=0)
    if natural > least:
        whole = _stays_whole(heading)
        for text in set(texts):
            least = max(least, *(_least(token, whole) for token in _tokens(heading, text)), 0)
    return _Field(heading, texts, natural, least)


def _tokens(heading: Heading, text: str) -> list[str]:
    """Return the pieces of a cell's text between which it may fold."""
    if right_aligned(heading):
        return [text]
    return re.findall(_PATH if heading.kind == "path" else _TOKEN, text)


def _stays_whole(heading: Heading) -> bool:
    """Whether no token of a column is ever shortened: a number with its unit, a path's names."""
    return right_aligned(heading) or heading.kind == "path"


def _least(token: str, whole: bool = False) -> int:
    """Return the width that a token needs: a number and a shape all of theirs."""
    token = token.rstrip()
    kept = whole or not any(map(str.isalpha, token)) or re.fullmatch(rf"{_SHAPE}\S*", token)
    return width(token) if kept else min(width(token), NAME)


def _widths(fields: Sequence[_Field], page: int | None) -> list[int] | None:
    """Return the columns' widths, the widest cut down to one level; None where they do not fit."""
    room = None if page is None else page - 3 * len(fields) - 1
    if room is None or sum(field.natural for field in fields) <= room:
        return [field.natural for field in fields]

    def at(level: int) -> list[int]:
        return [max(field.least, min(field.natural, level)) for field in fields]

    if sum(at(0)) > room:
        return None
    low, high = 0, room + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(at(middle)) <= room else (low, middle)
    found = at(low)
    for index, field in enumerate(fields):  # what is left is less than one for each
        more = min(field.natural - found[index], room - sum(found), 1)
        found[index] += max(0, more)
    return found


def _cell(field: _Field, index: int, size: int, marked: bool) -> Cell:
    text = field.texts[index]
    number = right_aligned(field.heading)
    style = ";".join(filter(None, (BOLD if marked else "", NUMBER if number else "")))
    lines = [text] if width(text) <= size else fold(_tokens(field.heading, text), size)
    return [[(line, style)] for line in lines]


def _records(table: Table, target: Target) -> Iterator[str]:
    """Yield each row as its first cell and a line for each of the others."""
    page = target.width or 0
    heads = [printable(column.header) for column in table.columns]
    aside = max(map(width, heads[1:]), default=0) + 2 + _INDENT
    groups: list[str] = []
    for index, cells in enumerate(cells_of(table)):
        groups = [
            text or (before if column.kind == "group" else "")
            for column, text, before in zip(table.columns, cells, groups or cells, strict=True)
        ]
        arrow = ("→ " if target.unicode else "> ") if index in table.marked else ""
        for line in fold(_tokens(table.columns[0], arrow + groups[0]), page):
            yield styled(target, [(line, BOLD)])
        for head, column, text in zip(heads[1:], table.columns[1:], groups[1:], strict=True):
            if text:
                yield from _entry(target, head, column, text, aside)


def _entry(target: Target, head: str, column: Heading, text: str, aside: int) -> Iterator[str]:
    """Yield a record's line: the heading, and the value beside it or below."""
    page = target.width or 0
    style = NUMBER if right_aligned(column) else ""
    tokens = _tokens(column, text)
    indent, label = " " * _INDENT, f"{head}:"
    if max(_least(token, _stays_whole(column)) for token in tokens) > page - aside:
        yield indent + label
        aside, label = 2 * _INDENT, ""
    for line in fold(tokens, page - aside):
        before = (indent + label).ljust(aside) if label else " " * aside
        parts: Line = [(before, ""), (line, style)]
        yield styled(target, parts)
        label = ""


def sentence(text: str, target: Target, style: str = DIM, indent: str = " ") -> Iterator[str]:
    """Yield a sentence below a table, folded to the page; what follows a fold is indented more."""
    size = None if target.width is None else max(1, target.width - len(indent) - 2)
    text = printable(text)
    lines = [text] if size is None or width(text) <= size else fold(re.findall(_TOKEN, text), size)
    for index, line in enumerate(lines):
        yield indent + ("  " if index else "") + styled(target, [(line, style)])


def fold(tokens: Sequence[str], size: int) -> list[str]:
    """Return tokens as lines of `size` columns, one that is longer shortened unless a number."""
    lines, line = [], ""
    for token in tokens:
        bare = token.rstrip()
        if line and width(line) + width(bare) > size:
            lines.append(line.rstrip())
            line = ""
        line += token if width(bare) <= size else shortened(bare, max(size, _least(bare))) + " "
    return [*lines, line.rstrip()]


def shortened(word: str, size: int) -> str:
    """Return the word, `…` in place of its middle where it is longer; no number in it is cut."""
    if width(word) <= size:
        return word
    head, tail = size - 1 - (size - 1) // 3, (size - 1) // 3
    while width(word[:head]) > size - 1 - tail:
        head -= 1
    start = len(word) - tail
    while width(word[start:]) > tail:
        start += 1
    whole = head
    while whole and word[whole - 1 : whole + 1].isdigit():
        whole -= 1
    while start < len(word) and word[start - 1 : start + 1].isdigit():
        start += 1
    return f"{word[: whole or head]}…{word[start:]}"
