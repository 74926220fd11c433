"""Batches of plain values in a pickle (a vocabulary, say), passed over without making them.

A pickle fills a list or dict in batches of 1,000. Where a model is sought, a full batch of words
and numbers is of no use: it takes one regular expression to see that it is one, and no memory.
Source of the operations: the comments of `pickletools`.
"""

import re
from functools import cache

from rnncli.formats.containers.pickle_machine import Machine, Skipped

BATCH = 1000  # of the standard library's picklers
_LONGEST = 100  # characters of a word, in bytes
_SEQUENTIAL = 4  # the protocol from which on what is remembered is numbered in a row
_REACH = 1 << 17  # bytes that a batch may take


@cache
def _patterns() -> tuple[re.Pattern[bytes], ...]:
    """Return what matches batches of pairs and of items, and operations that remember."""
    lengths = [(re.escape(bytes([n])), n) for n in range(_LONGEST + 1)]
    long = b"|".join(b"%b\\0\\0\\0.{%d}" % each for each in lengths)
    short = b"|".join(b"%b.{%d}" % each for each in lengths)
    text = b"X(?:%b)|[\x8cU](?:%b)" % (long, short)
    other = rb"h.|j.{4}|K.|M..|J.{4}|G.{8}|[N\x88\x89\)\]\}]"
    kept = rb"(?:r.{4}|\x94|q.|)(?:\x95.{8}|)"
    scalar = b"(?:%b|%b)%b" % (text, other, kept)
    tuples = rb"(?:%b|)(?:%b|)[\x85\x86\x87]%b" % (scalar, scalar, kept)
    value = rb"%b(?:%b|\((?:%b)+[et]%b|)" % (scalar, tuples, scalar, kept)
    # From protocol 4 on each new word is remembered at once, and no number is.
    frame = rb"(?:\x95.{8}|)"
    number = rb"(?:K.|M..|J.{4}|G.{8}|[N\x88\x89])"
    word = b"(?:%b)\x94%b" % (text, frame)
    sources = [
        rb"\((?:%b%b%b){%d}u%b" % (word, number, frame, BATCH, frame),
        rb"\((?:%b){%d}[e\x90]%b" % (word, BATCH, frame),
    ]
    sources += [
        rb"\((?:%b){%d}%b(?:\x95.{8}|)" % (item, BATCH, end)
        for each in (scalar, value)
        for item, end in ((scalar + each, b"u"), (each, rb"[e\x90]"))
    ]
    sources += [
        rb"%b|%b|q(.)|r(.{4})|\x95.{8}|." % (text, other),
        rb"%b|%b|(\x94)|\x95.{8}|." % (text, other),
    ]
    return tuple(re.compile(each, re.DOTALL) for each in sources)


def skip(machine: Machine) -> bool:
    """Pass over a full batch of plain values that begins here. Returns whether there is one."""
    machine.fill(_REACH)
    words, words_alone, pairs, items, pairs_of_lists, lists, numbered, remembered = _patterns()
    listed = type(machine.stack[-1]) is list
    if machine.protocol >= _SEQUENTIAL:
        each = (words_alone if listed else words).match(machine.buffer, machine.at)
        if each:
            return _passed(machine, each[0], machine.remembered, BATCH, listed)
    tried = (items, lists) if listed else (pairs, pairs_of_lists)
    found = next(filter(None, (each.match(machine.buffer, machine.at) for each in tried)), None)
    if not found:
        return False
    batch = found[0]
    if machine.protocol < _SEQUENTIAL:
        puts = (put[1] or put[2] for put in numbered.finditer(batch))
        first, count = next((int.from_bytes(put, "little") for put in puts if put), None), 0
    else:
        marks = remembered.findall(batch)
        first, count = machine.remembered, len(marks) - marks.count(b"")
    return _passed(machine, batch, first, count, listed)


def _passed(machine: Machine, batch: bytes, first: int | None, count: int, listed: bool) -> bool:
    """Note where a batch is, and step over it. Returns True."""
    machine.remembered += count
    if first is not None and (not machine.skipped or machine.skipped[-1].first <= first):
        place = (machine.base + machine.at, len(batch))
        machine.skipped.append(Skipped(first, *place, [] if listed else {}))
    machine.at += len(batch)
    return True
