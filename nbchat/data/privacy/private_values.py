"""The values of one private column, indexed so that search time depends on the text's length only.

A value counts if it is distinctive enough that a text containing it can hardly mean something else:

- numbers with at least 5 significant digits, or 8 digits in all, however they are grouped (`83,412.50`, `83.412,50`);
- dates, in any usual order, and with a time of day if the value has one;
- digits with separators (a phone, an account, a card), at least 7, in any other grouping or in none;
- a single lower-case word of at least 5 letters, unless it is a common data value ("unknown", "other");
- a single word with a capital of at least 5 letters, in any case, unless it is a word as well ("Baker"); one of at
  least 3 letters in the same case or in capitals ("Bob" and "BOB", but not "bob");
- anything with an `@`, with two writing-system characters of Chinese, Japanese, Korean or Thai, or with at least 6
  letters and digits in all ("Al Gore", "AB-1234"); fewer only with a capital, in the same case.

So 7, "no" and "of the" never refuse a message. Texts are compared word by word, ignoring case (except for single words),
spaces, punctuation and invisible characters; of a long value, the first 8 words are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from numbers import Integral, Real

from nbchat.data.description import STOPS, missing, safe_str
from nbchat.data.privacy.codes import Codes
from nbchat.data.privacy.common_words import COMMON, is_ordinary
from nbchat.data.privacy.text_tokens import UNSPACED, TextTokens, number_key, words_of
from nbchat.data.privacy.written_dates import Moment, dates_in, moment_of

__all__ = ["PrivateValues"]

WORDS = 8
"""Most words of a value to look for."""

LETTERS = 6
"""Fewest letters and digits of a value of several words, or with both letters and digits."""

DIGITS = 5
"""Fewest digits of a number, or letters of a lower-case word."""

NUMBERS = (int, float, Decimal, Real)

LONGEST_DIGITS = 60
"""Most characters of a string that may be a date, a number or a code."""

_DIGIT = re.compile(r"\d")
_DATE_LIKE = re.compile(
    r"(?:\d{4}|\d{1,2})(?: ?[-/.] ?| )\d{1,2}(?: ?[-/.] ?| )\d{2}|(?:19|20)\d{6}(?!\d)"
    r"|(?:\d{4}|\d{1,2})(?:st|nd|rd|th|\.)?[-, ]{0,2}(?:of |de )?[^\W\d_]{3}|[^\W\d_]{3,10}\.?[- ]\d"
)
"""The beginning of a date."""

_NUMERIC = re.compile(
    r"(?:[A-Z]{3}|[-+$€£¥])?\s?[-+]?"
    r"(\d{1,3}(?:[., '\u00a0\u202f\u2019]\d{3})+(?:[.,]\d{1,6})?|\d+[.,]\d{1,6})\s?(?:[A-Z]{3}|[$€£¥])?"
)
"""A string that is one number with thousands separators or decimals, and perhaps a currency."""

_PUNCTUATION = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != "\n"}


def _readings(number: str) -> tuple[str, ...]:
    """The meanings of a number in Python's notation; 83.412 has two, with a decimal point or a thousands separator."""
    number = re.sub(r"[^\d.,]", "", number)
    if "." in number and "," in number:
        comma = number.rfind(",") > number.rfind(".")
        return (number.replace(".", "").replace(",", ".") if comma else number.replace(",", ""),)
    whole = re.sub(r"[.,]", "", number)
    return (whole,) if number.count(".") + number.count(",") > 1 else (whole, number.replace(",", "."))


class _Phrases:
    """Sequences of up to WORDS words, indexed by first word; stored as hashes, in a third of the memory."""

    def __init__(self) -> None:
        self.phrases: set[int] = set()
        self.firsts: set[str] = set()
        self.lengths: set[int] = set()

    def add(self, words: list[str]) -> None:
        """Add a sequence."""
        self.firsts.add(words[0])
        self.lengths.add(len(words))
        self.phrases.add(hash(" ".join(words)))

    def in_words(self, words: list[str]) -> bool:
        """Whether any sequence occurs in the words."""
        firsts, phrases = self.firsts, self.phrases
        for place, word in enumerate(words):
            if word in firsts and any(hash(" ".join(words[place : place + size])) in phrases for size in self.lengths):
                return True
        return False


class PrivateValues:
    """The values of one column. Only grows: a value once in a private column stays private."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._folded = _Phrases()
        self._exact = _Phrases()
        self._numbers: set[str] = set()
        self._moments: set[Moment] = set()
        self._codes = Codes()

    def __contains__(self, value: object) -> bool:
        return not missing(value) and hash(safe_str(value)) in self._known

    def absorb(self, values: Iterable[object]) -> None:
        """Add values, distinctive or not."""
        values = list(values)
        texts = [value for value in values if type(value) is str and hash(value) not in self._known]
        self._known.update(map(hash, texts))
        self._take_texts(texts)
        for value in values:
            if type(value) is not str:
                self._take_other(value)

    def _take_other(self, value: object) -> None:
        try:
            if not missing(value) and hash(text := str(value)) not in self._known:
                self._known.add(hash(text))
                self._take(value, text)
        except STOPS:
            raise
        except BaseException:  # noqa: BLE001, S110 - a value without a text can't occur in one
            pass

    def _take(self, value: object, text: str) -> None:
        """Add a value that is not a string: a number, a container's items, or anything else by its text."""
        if isinstance(value, bool):
            return
        if isinstance(value, NUMBERS):
            if key := number_key(value):
                self._numbers.add(key)
                if isinstance(value, Integral):
                    self._codes.take_number(text.lstrip("-"))
        elif isinstance(value, (list, tuple, set, frozenset)):
            self.absorb(value)
        elif isinstance(value, dict):
            self.absorb(value.values())
        elif isinstance(value, date):
            self._moments.add(moment_of(value))
            self._take_text(text.removesuffix(" 00:00:00"))
        else:
            self._take_text(text)

    def _take_texts(self, texts: list[str]) -> None:
        """Add strings. Most consist of several plain words and are tokenised together, in a third of the time."""
        self._take_digits([text.strip() for text in texts if len(text) <= LONGEST_DIGITS and _DIGIT.search(text)])
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

    def _take_digits(self, texts: list[str]) -> None:
        """Add strings with digits: dates, numbers, codes, or plain texts."""
        codes = []
        for text in texts:
            if _DATE_LIKE.match(text) and self._take_date(text):
                continue
            codes.append(text)
            if (number := _NUMERIC.fullmatch(text)) is not None:
                self._numbers.update(filter(None, map(number_key, _readings(number[1]))))
        self._codes.take(codes)

    def _take_date(self, text: str) -> bool:
        moments = set(dates_in(text))
        timed = {moment for moment in moments if moment[3:] not in ((), (0, 0))}
        self._moments |= timed or {moment[:3] for moment in moments}
        return bool(moments)

    def _take_text(self, text: str) -> None:
        words = words_of(text)
        size = sum(map(len, words))
        if words and _is_distinctive(words, text, size):
            self._folded.add([word.casefold() for word in words[:WORDS]])
        elif words and _has_capital(words, size):
            if len(words) == 1 and size >= DIGITS and words[0].isalpha() and not is_ordinary(words[0]):
                self._folded.add([words[0].casefold()])
                return
            self._exact.add(words[:WORDS])
            if len(words) == 1:
                self._exact.add([words[0].upper()])

    def found_in(self, words: TextTokens) -> bool:
        """Whether a text contains any distinctive value."""
        if self._numbers and not self._numbers.isdisjoint(words.numbers):
            return True
        if (self._moments and not self._moments.isdisjoint(words.moments)) or self._codes.in_groups(
            words.groups, self._numbers
        ):
            return True
        return self._folded.in_words(words.folded) or self._exact.in_words(words.exact)


def _is_distinctive(words: list[str], text: str, size: int) -> bool:
    """Whether a value is distinctive in any case (see the module docstring); `size` is its number of characters."""
    if all(word.isdecimal() for word in words):
        return size >= DIGITS
    if len(words) == 1 and words[0].isalpha():
        return size >= DIGITS and words[0].islower() and words[0] not in COMMON
    return size >= LETTERS or "@" in text or (size > 1 and UNSPACED.search(text) is not None)


def _has_capital(words: list[str], size: int) -> bool:
    return size >= 3 and not all(word.islower() for word in words) and " ".join(words).casefold() not in COMMON
