"""Tokenize a text into words, numbers, groups of digits and dates, in which private values are searched."""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from typing import SupportsFloat

from msgspec import Struct

from nbchat.data.privacy.written_dates import Moment, dates_in

__all__ = ["UNSEEN", "UNSPACED", "TextTokens", "number_key", "words_of"]

_UNSPACED_RANGES = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
"""Thai, kana, Han and Hangul: scripts without spaces between words, or with attached particles."""

_WORD = re.compile(rf"[{_UNSPACED_RANGES}]|[^\W_{_UNSPACED_RANGES}]+")
UNSPACED = re.compile(rf"[{_UNSPACED_RANGES}]")
_PLAIN_WORD = re.compile(r"[^\W_]+", re.ASCII)
UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]")
"""Soft hyphens, zero-width and direction characters: they do not separate words."""

_CONTINENTAL = re.compile(
    r"(?<![\d.,])(?:\d{1,3}(?:[.' \u00a0\u202f\u2019]\d{3})+(?:,\d{1,6})?|\d+,\d{1,6})(?![\d]|[.,]\d)"
)
"""Numbers with a decimal comma, or with points or spaces as thousands separators."""

_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?:\.\d+)?(?![\d])")
_GROUP = re.compile(r"[^\W_]+|[^\w\s.()/+\-\u2010-\u2015]|\s{2,}|[\n\t]")
"""A group of a code, or a character that no code contains."""

_NUMBER = re.compile(r"(?<![\d.])\d[\d,_'\u2019\u00a0\u202f]*(?:\.\d+)?(?:[eE][+-]?\d+)?")


def words_of(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, and each character of a script without spaces."""
    if text.isascii():
        return _PLAIN_WORD.findall(text)
    return _WORD.findall(unicodedata.normalize("NFKC", UNSEEN.sub("", text)))


def numbers_in(text: str) -> set[str]:
    """Return the numbers of a text in normal form, in every reading."""
    found = {re.sub(r"[^\d.eE+-]", "", match) for match in _NUMBER.findall(text)}
    found.update(re.sub(r"[^\d,]", "", match).replace(",", ".") for match in _CONTINENTAL.findall(text))
    found.update(match.replace(" ", "") for match in _SPACED.findall(text))
    return set(filter(None, map(number_key, found)))


def number_key(value: SupportsFloat | str) -> str:
    """Return a number in normal form; "" if it is not distinctive (fewer than 5 significant digits and 8 in all)."""
    try:
        key = f"{float(value):.12g}".lstrip("-")
    except (OverflowError, ValueError, TypeError):
        return ""
    digits = re.sub(r"\D", "", key.partition("e")[0]).lstrip("0")
    return key if len(digits.rstrip("0")) >= 5 or len(digits) >= 8 else ""


class TextTokens(Struct, frozen=True, dict=True):
    """A text, tokenised once for any number of columns."""

    text: str

    @cached_property
    def exact(self) -> list[str]:
        """The words."""
        return words_of(self.text)

    @cached_property
    def folded(self) -> list[str]:
        """The words, case-folded."""
        return [word.casefold() for word in self.exact]

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers in normal form."""
        return frozenset(numbers_in(self._seen))

    @cached_property
    def groups(self) -> list[str]:
        """The case-folded words, and the separators that no code contains."""
        return _GROUP.findall(self._seen.replace("(0)", "").casefold())

    @cached_property
    def moments(self) -> frozenset[Moment]:
        """The dates in normal form."""
        return frozenset(dates_in(self._seen))

    @cached_property
    def _seen(self) -> str:
        """The text without invisible characters, with digits of all scripts as ASCII."""
        return self.text if self.text.isascii() else unicodedata.normalize("NFKC", UNSEEN.sub("", self.text))
