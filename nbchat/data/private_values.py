"""The values of one private column, kept so that any of them is found in a text in time that the text's length sets.

A value counts when it is distinctive enough that a text holding it can hardly mean something else:

- numbers with at least 5 significant digits, or 8 digits in all, however they are grouped (`83,412.50`);
- a single lower-case word of at least 5 letters, unless it is a word that data are full of ("unknown", "other");
- a single word with a capital of at least 3 letters, in the same case ("Bob", but not "bob");
- anything with an `@`, with two writing-system characters of Chinese, Japanese, Korean or Thai, or with at least 6
  letters and digits in all ("Al Gore", "AB-1234"); fewer only with a capital, in the same case.

So 7, "no" and "of the" never refuse a message. Texts are compared word by word: case (but for single words), spaces and
punctuation do not matter, and of a long value its first 8 words do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from numbers import Real
from typing import SupportsFloat

from nbchat.data.description import missing

__all__ = ["PrivateValues", "Words"]

WORDS = 8
"""Of a longer value, so many words are looked for."""

LETTERS = 6
"""Letters and digits of a value of several words, or of letters and digits mixed."""

DIGITS = 5
"""Digits of a number, letters of a lower-case word."""

NUMBERS = (int, float, Decimal, Real)

COMMON = frozenset(
    """about active after again and april august before black blank blue brown cancelled closed completed could customer
    daily december default deleted delivered disabled divorced empty enabled error every false february female first
    found friday gold great green group hello house inactive index january july june large last level local lower
    manager march married may medium member missing monday month monthly name never none north not november null number
    october online open order other paid pending people place premium price private product public quarter ready
    region regular rejected right saturday second september should silver single small south standard started status
    still store street sunday support table target test thanks the their there these think third those three thursday
    title total true tuesday undefined under unknown unpaid upper usual value wednesday weekly where which while white
    widowed world would write yearly yellow yes young""".split()  # noqa: SIM905 - a list of words reads as one
)
"""Single words that say nothing of anyone, in any case."""

_UNSPACED_RANGES = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
"""Thai, kana, Han and Hangul: scripts that run words together, or attach particles to them."""

_WORD = re.compile(rf"[{_UNSPACED_RANGES}]|[^\W_{_UNSPACED_RANGES}]+")
_UNSPACED = re.compile(rf"[{_UNSPACED_RANGES}]")
_PLAIN_WORD = re.compile(r"[^\W_]+", re.ASCII)
_NUMBER = re.compile(r"(?<![\d.])\d[\d,_'\u2019\u00a0\u202f]*(?:\.\d+)?(?:[eE][+-]?\d+)?")
_PUNCTUATION = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != "\n"}


def words_of(text: str) -> list[str]:
    """The words of a text: runs of letters and digits, and each character of a script without spaces."""
    if text.isascii():
        return _PLAIN_WORD.findall(text)
    return _WORD.findall(unicodedata.normalize("NFKC", text))


def number_key(value: SupportsFloat | str) -> str:
    """A number as it compares, "" when it is too plain: fewer than 5 significant digits and 8 in all."""
    try:
        key = f"{float(value):.12g}".lstrip("-")
    except (OverflowError, ValueError, TypeError):
        return ""
    digits = re.sub(r"\D", "", key.partition("e")[0]).lstrip("0")
    return key if len(digits.rstrip("0")) >= 5 or len(digits) >= 8 else ""


@dataclass(frozen=True)
class Words:
    """A text taken apart once, for any number of columns to be looked for."""

    text: str

    @cached_property
    def exact(self) -> list[str]:
        """Its words."""
        return words_of(self.text)

    @cached_property
    def folded(self) -> list[str]:
        """Its words without case."""
        return [word.casefold() for word in self.exact]

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Its numbers as they compare."""
        found = {re.sub(r"[^\d.eE+-]", "", match) for match in _NUMBER.findall(self.text)}
        return frozenset(filter(None, map(number_key, found)))


class _Phrases:
    """Sequences of up to WORDS words, kept as hashes, which take a third of their space. Found by their first word."""

    def __init__(self) -> None:
        self.phrases: set[int] = set()
        self.firsts: set[str] = set()
        self.lengths: set[int] = set()

    def add(self, words: list[str]) -> None:
        """One more sequence."""
        self.firsts.add(words[0])
        self.lengths.add(len(words))
        self.phrases.add(hash(" ".join(words)))

    def in_words(self, words: list[str]) -> bool:
        """Whether any of them is in a text."""
        firsts, phrases = self.firsts, self.phrases
        for place, word in enumerate(words):
            if word in firsts and any(hash(" ".join(words[place : place + size])) in phrases for size in self.lengths):
                return True
        return False


class PrivateValues:
    """Values of one column. It only grows: what was once in a private column stays private."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._folded = _Phrases()
        self._exact = _Phrases()
        self._numbers: set[str] = set()

    def __contains__(self, value: object) -> bool:
        return not missing(value) and hash(str(value)) in self._known

    def absorb(self, values: Iterable[object]) -> None:
        """Take in more values, distinctive or not."""
        values = list(values)
        texts = [value for value in values if type(value) is str and hash(value) not in self._known]
        self._known.update(map(hash, texts))
        self._take_texts(texts)
        for value in values:
            if type(value) is not str and not missing(value) and hash(text := str(value)) not in self._known:
                self._known.add(hash(text))
                self._take(value, text)

    def _take(self, value: object, text: str) -> None:
        """A value that is no string: numbers as they compare, containers by what is in them, the rest by their text."""
        if isinstance(value, bool):
            return
        if isinstance(value, NUMBERS):
            if key := number_key(value):
                self._numbers.add(key)
        elif isinstance(value, (list, tuple, set, frozenset)):
            self.absorb(value)
        elif isinstance(value, dict):
            self.absorb(value.values())
        elif isinstance(value, date):
            self._take_text(text.removesuffix(" 00:00:00"))
        else:
            self._take_text(text)

    def _take_texts(self, texts: list[str]) -> None:
        """Many strings. Most are of several plain words, and are taken apart together: a third of the time."""
        plain = [text for text in texts if text.isascii() and "\n" not in text]
        folded = "\n".join(plain).lower().translate(_PUNCTUATION).split("\n")
        add, first, size = self._folded.phrases.add, self._folded.firsts.add, self._folded.lengths.add
        for text, form in zip(plain, folded, strict=bool(plain)):
            words = form.split()[:WORDS]
            phrase = " ".join(words)
            if len(words) > 1 and len(phrase) - len(words) >= LETTERS:
                add(hash(phrase))
                first(words[0])
                size(len(words))
            else:
                self._take_text(text)
        for text in texts:
            if not text.isascii() or "\n" in text:
                self._take_text(text)

    def _take_text(self, text: str) -> None:
        words = words_of(text)
        size = sum(map(len, words))
        if words and _is_distinctive(words, text, size):
            self._folded.add([word.casefold() for word in words[:WORDS]])
        elif words and _has_capital(words, size):
            self._exact.add(words[:WORDS])

    def found_in(self, words: Words) -> bool:
        """Whether a text holds any of the distinctive values."""
        if self._numbers and not self._numbers.isdisjoint(words.numbers):
            return True
        return self._folded.in_words(words.folded) or self._exact.in_words(words.exact)


def _is_distinctive(words: list[str], text: str, size: int) -> bool:
    """Whether a value is distinctive whatever its case (see the module's docstring); `size` counts its characters."""
    if all(word.isdecimal() for word in words):
        return size >= DIGITS
    if len(words) == 1 and words[0].isalpha():
        return size >= DIGITS and words[0].islower() and words[0] not in COMMON
    return size >= LETTERS or "@" in text or (size > 1 and _UNSPACED.search(text) is not None)


def _has_capital(words: list[str], size: int) -> bool:
    return size >= 3 and not all(word.islower() for word in words) and " ".join(words).casefold() not in COMMON
