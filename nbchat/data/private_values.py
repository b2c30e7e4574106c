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

import html
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from numbers import Real

from nbchat.data.description import missing

__all__ = ["PrivateValues", "Words", "variants"]

WORDS = 8
"""Of a longer value, so many words are looked for."""

COMMON = frozenset(
    "active after before black blank blue brown closed cancelled completed customer daily default deleted delivered "
    "disabled divorced empty enabled error every false female first friday gold green group hello house inactive "
    "index large last level local lower manager married medium member missing monday monthly monday month never "
    "none north null number online open order other paid pending people premium price private product public "
    "quarter ready region regular rejected saturday second silver single small south standard started status "
    "store street sunday support table target test thanks their there these third those three thursday title total "
    "true tuesday undefined unknown unpaid upper usual value wednesday weekly where which white widowed world would "
    "write yearly yellow yes young about again could found great place right should still think under while "
    "name january february march april may june july august september october november december the and not".split()
)
"""Single words that say nothing of anyone, in any case."""

_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W_]+?(?=[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af])|[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_PLAIN_WORD = re.compile(r"[^\W_]+", re.ASCII)
_NUMBER = re.compile(r"(?<![\d.])\d[\d,_'\u2019\u00a0\u202f]*(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def variants(text: str) -> Iterator[str]:
    """A text as it is, and as it reads without URL quoting, JSON escapes and HTML entities, where it has any."""
    yield text
    if "%" in text and (unquoted := urllib.parse.unquote_plus(text)) != text:
        yield unquoted
    if "\\u" in text:
        decoded = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        if decoded != text:
            yield decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "&" in text and ";" in text and (unescaped := html.unescape(text)) != text:
        yield unescaped


def words_of(text: str) -> list[str]:
    """The words of a text: runs of letters and digits, and each character of a script without spaces."""
    if text.isascii():
        return _PLAIN_WORD.findall(text)
    return _WORD.findall(unicodedata.normalize("NFKC", text))


def number_key(value: Real | Decimal | str) -> str:
    """A number as it compares, "" when it is too plain to tell anything: fewer than 5 significant digits and 8 in all."""
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
    """Sequences of up to WORDS words, found by their first word."""

    def __init__(self) -> None:
        self._phrases: set[str] = set()
        self._firsts: set[str] = set()
        self._lengths: set[int] = set()

    def add(self, words: list[str]) -> None:
        """One more sequence."""
        self._firsts.add(words[0])
        self._lengths.add(len(words))
        self._phrases.add(" ".join(words) if len(words) > 1 else words[0])

    def in_words(self, words: list[str]) -> bool:
        """Whether any of them is in a text."""
        firsts = self._firsts
        for place, word in enumerate(words):
            if word in firsts and any(
                " ".join(words[place : place + length]) in self._phrases for length in self._lengths
            ):
                return True
        return False


class PrivateValues:
    """Values of one column. It only grows: what was once in a private column stays private."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._folded = _Phrases()
        self._exact = _Phrases()
        self._numbers: set[str] = set()

    def __contains__(self, value: object) -> bool:
        return not missing(value) and str(value) in self._known

    def absorb(self, values: Iterable[object]) -> None:
        """Take in more values, distinctive or not."""
        for value in values:
            if missing(value):
                continue
            text = value if type(value) is str else str(value)
            if text not in self._known:
                self._known.add(text)
                self._take(value, text)

    def _take(self, value: object, text: str) -> None:
        if isinstance(value, (Real, Decimal)):
            if not isinstance(value, bool) and (key := number_key(value)):
                self._numbers.add(key)
            return
        if isinstance(value, (list, tuple, set, frozenset)):
            self.absorb(value)
            return
        if isinstance(value, dict):
            self.absorb(value.values())
            return
        if isinstance(value, date):
            text = value.isoformat()[:10] if not isinstance(value, datetime) or _is_midnight(value) else text
        words = words_of(text)
        if not words:
            return
        if _plain_enough(words, text):
            self._folded.add([word.casefold() for word in words[:WORDS]])
        elif _capital(words):
            self._exact.add(words[:WORDS])

    def found_in(self, words: Words) -> bool:
        """Whether a text holds any of the distinctive values."""
        if self._numbers and not self._numbers.isdisjoint(words.numbers):
            return True
        return self._folded.in_words(words.folded) or self._exact.in_words(words.exact)


def _is_midnight(value: datetime) -> bool:
    return not (value.hour or value.minute or value.second or value.microsecond)


def _plain_enough(words: list[str], text: str) -> bool:
    """Whether a value is distinctive whatever the case (see the module's docstring)."""
    letters = sum(map(len, words))
    if len(words) == 1 and words[0].isalpha():
        return letters >= 5 and words[0].islower() and words[0] not in COMMON
    if all(word.isdecimal() for word in words):
        return letters >= 5
    return letters >= 6 or "@" in text or (letters >= 2 and _UNSPACED.search(text) is not None)


def _capital(words: list[str]) -> bool:
    letters = sum(map(len, words))
    return letters >= 3 and any(not word.islower() for word in words) and " ".join(words).casefold() not in COMMON
