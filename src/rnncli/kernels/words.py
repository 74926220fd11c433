"""Texts as words, as TensorFlow's operations on strings make them.

Sources: `TextVectorization._preprocess`; `tf.strings.lower`, which knows ASCII's letters alone,
`tf.strings.split`, `tf.strings.ngrams`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UPPER = str.maketrans({letter: letter.lower() for letter in map(chr, range(65, 91))})
_PUNCTUATION = str.maketrans(dict.fromkeys("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'", ""))
_SPACES = re.compile("[ \t\n\v\f\r]+")


def plain(text: str, how: str | None) -> str:
    """Return a text in lower case, without punctuation, or both."""
    if how in ("lower", "lower_and_strip_punctuation"):
        text = text.translate(_UPPER)
    if how in ("strip_punctuation", "lower_and_strip_punctuation"):
        text = text.translate(_PUNCTUATION)
    return text


def parts(text: str, how: str) -> list[str]:
    """Return the words of a text, or its characters."""
    return list(text) if how == "character" else [w for w in _SPACES.split(text) if w]


def runs(tokens: Sequence[str], sizes: Iterable[int]) -> Iterator[str]:
    """Yield the tokens that follow one another, joined: all of one size, then of the next."""
    for size in sizes:
        for start in range(len(tokens) - size + 1):
            yield " ".join(tokens[start : start + size])


def padded(rows: Sequence[Sequence[str]], length: int | None) -> NDArray[Any]:
    """Return texts of rows `(rows, length)`, what is missing "" and what is too long cut off."""
    longest = max(map(len, rows), default=0) if length is None else length
    cut = [[*row[:longest], *[""] * (longest - len(row))] for row in rows]
    return np.array(cut, dtype=object).reshape(len(rows), longest)
