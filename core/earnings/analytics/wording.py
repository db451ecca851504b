"""What makes two questions the same one: their words, without those that every question has."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# What a question is about, each word once, in alphabetical order.
Signature = tuple[str, ...]

_WORD = re.compile(r"[^\W_]+(?:['\u2019.\-+#@][^\W_]+)*[+#]*")
_BEFORE_APOSTROPHE = re.compile(r"['\u2019]")
_STOP = """a about am an and any are as at be been but by can could did do does for from get give had has have hello
help hey hi how i if in into is it its just know let like me my need of on or our please should show so some tell thank
thanks that the their them then there these they this to want was we were what when where which who why will with would
you your"""
_STOP_WORDS = frozenset(_STOP.split())
_KEPT = 50_000
_WORDS_ALIKE = (3, 5)  # common words of all words that make two questions one, at least
_LETTERS_ALIKE = (4, 5)  # twice the common runs of three letters of all of them: mistyped words
_PLURAL = 4  # letters before an "s" that is taken off


def words_of(text: str) -> tuple[str, ...]:
    """A text's words, small, without punctuation."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


@lru_cache(maxsize=_KEPT)
def signature_of(text: str) -> Signature:
    """What a question is about; all of its words where it has none but stop words."""
    words = [_BEFORE_APOSTROPHE.split(word)[0] for word in words_of(text)]
    telling = {_stem(word) for word in words if word not in _STOP_WORDS}
    return tuple(sorted(telling or set(words)))


def alike(one: Signature, other: Signature) -> bool:
    """Whether two questions have most words in common, or are spelled nearly alike."""
    first, second = frozenset(one), frozenset(other)
    common, all_ = len(first & second), len(first | second)
    if common * _WORDS_ALIKE[1] >= all_ * _WORDS_ALIKE[0]:
        return True
    runs, others = _runs(one), _runs(other)
    return 2 * len(runs & others) * _LETTERS_ALIKE[1] >= (len(runs) + len(others)) * _LETTERS_ALIKE[0]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > _PLURAL and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=_KEPT)
def _runs(signature: Signature) -> frozenset[str]:
    text = f" {' '.join(signature)} "
    return frozenset(text[place : place + 3] for place in range(len(text) - 2))
