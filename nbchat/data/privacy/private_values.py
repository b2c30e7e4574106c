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
import unicodedata
from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from numbers import Integral, Real
from typing import SupportsFloat

from msgspec import Struct

from nbchat.data.description import STOPS, missing, said_of
from nbchat.data.privacy.written_dates import Moment, dates_in, moment_of

__all__ = ["PrivateValues", "Words"]

WORDS = 8
"""Most words of a value to look for."""

LETTERS = 6
"""Fewest letters and digits of a value of several words, or with both letters and digits."""

DIGITS = 5
"""Fewest digits of a number, or letters of a lower-case word."""

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
"""Single words that identify nobody, in any case."""

ALSO_NAMES = frozenset(
    """abbot amber archer baker banks barber berry bishop bliss booth bowman brook brooks burns butler carpenter carter
    chamber chambers chandler chase cherry church clark cliff coleman cooper cross daisy destiny dexter drake ebony faith
    farmer field fields fisher flint flora flower fowler foster frost gardener garden ginger glass grace grant graves
    hardy harmony haven hazel heath heather holly hunter ivory jasmine jewel judge justice knight lance laurel liberty
    lily mason melody mercy merry meyer miles miller mills moss noble novel olive page paige parker parsons patience
    patience pearl penny piper pleasant pollard poole porter potter prince prudence queen raven reed rhodes rivers robin
    rocky rowan savage savannah shepherd shepard sharp shields silver singer skinner smith sparks spears spencer stack
    stark steel sterling stern stone storm strong summer summers swift tailor taylor temple thatcher tiger tower towns
    trinity trusty tucker turner tyler venus victor violet wagner walker wards warner waters weaver weber wells wheeler
    willow winter winters wolfe woods wright""".split()  # noqa: SIM905 - a list of words reads as one
)
"""Names that are also ordinary words: they count in their own case only."""

MIN_CODE, MOST_CODE = 7, 40
"""Fewest and most characters of a code, without separators."""

MOST_GROUPS = 10
"""Most groups of characters in a code."""

RARE = 1_000_000
"""Adjacent groups count as a code only if at most one in so many numbers of that length is one."""

MOST_PHONES = 100_000
"""Most phone numbers to look for also without their country code."""

LONGEST_DIGITS = 60
"""Most characters of a string that may be a date, a number or a code."""

_DIGIT = re.compile(r"\d")
_DATE_LIKE = re.compile(
    r"(?:\d{4}|\d{1,2})(?: ?[-/.] ?| )\d{1,2}(?: ?[-/.] ?| )\d{2}|(?:19|20)\d{6}(?!\d)"
    r"|(?:\d{4}|\d{1,2})(?:st|nd|rd|th|\.)?[-, ]{0,2}(?:of |de )?[^\W\d_]{3}|[^\W\d_]{3,10}\.?[- ]\d"
)
"""The beginning of a date."""

_UNSPACED_RANGES = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
"""Thai, kana, Han and Hangul: scripts without spaces between words, or with attached particles."""

_WORD = re.compile(rf"[{_UNSPACED_RANGES}]|[^\W_{_UNSPACED_RANGES}]+")
_UNSPACED = re.compile(rf"[{_UNSPACED_RANGES}]")
_PLAIN_WORD = re.compile(r"[^\W_]+", re.ASCII)
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)
"""Soft hyphens, zero-width and direction characters: they do not separate words."""

_CONTINENTAL = re.compile(
    r"(?<![\d.,])(?:\d{1,3}(?:[.' \u00a0\u202f\u2019]\d{3})+(?:,\d{1,6})?|\d+,\d{1,6})(?![\d]|[.,]\d)"
)
"""Numbers with a decimal comma, or with points or spaces as thousands separators."""

_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?:\.\d+)?(?![\d])")
_NUMERIC = re.compile(
    r"(?:[A-Z]{3}|[-+$€£¥])?\s?[-+]?"
    r"(\d{1,3}(?:[., '\u00a0\u202f\u2019]\d{3})+(?:[.,]\d{1,6})?|\d+[.,]\d{1,6})\s?(?:[A-Z]{3}|[$€£¥])?"
)
"""A string that is one number with thousands separators or decimals, and perhaps a currency."""

_NOT_ALPHANUMERIC = re.compile(r"[^\w\n]+|_+")
_GROUP = re.compile(r"[^\W_]+|[^\w\s.()/+\-\u2010-\u2015]|\s{2,}|[\n\t]")
"""A group of a code, or a character that no code contains."""

_NUMBER = re.compile(r"(?<![\d.])\d[\d,_'\u2019\u00a0\u202f]*(?:\.\d+)?(?:[eE][+-]?\d+)?")
_PUNCTUATION = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != "\n"}


def words_of(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, and each character of a script without spaces."""
    if text.isascii():
        return _PLAIN_WORD.findall(text)
    return _WORD.findall(unicodedata.normalize("NFKC", _UNSEEN.sub("", text)))


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


def _meant_by(number: str) -> tuple[str, ...]:
    """The readings of a number in Python's notation; 83.412 has two, with a decimal point or a thousands separator."""
    number = re.sub(r"[^\d.,]", "", number)
    if "." in number and "," in number:
        comma = number.rfind(",") > number.rfind(".")
        return (number.replace(".", "").replace(",", ".") if comma else number.replace(",", ""),)
    whole = re.sub(r"[.,]", "", number)
    return (whole,) if number.count(".") + number.count(",") > 1 else (whole, number.replace(",", "."))


class Words(Struct, frozen=True, dict=True):
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
        return self.text if self.text.isascii() else unicodedata.normalize("NFKC", _UNSEEN.sub("", self.text))


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


class _Codes:
    """Account, phone and card numbers: digits and few letters, grouped in any way. Stored as hashes."""

    def __init__(self) -> None:
        self.codes: set[int] = set()
        self.beginnings: set[str] = set()
        self.sizes: Counter[int] = Counter()

    def take(self, texts: list[str]) -> None:
        """Add the strings that are codes."""
        for text, code in zip(texts, _compact(texts), strict=bool(texts)):
            if MIN_CODE <= len(code) <= MOST_CODE and (code.isdecimal() or _is_mostly_digits(code)):
                self._add(code)
                if text[:1] == "+" and len(self.codes) < MOST_PHONES:
                    for size in (1, 2, 3):  # a phone number may be written without its country code
                        self._add(code[size:].lstrip("0"))

    def _add(self, code: str) -> None:
        if len(code) >= MIN_CODE and (known := hash(code)) not in self.codes:
            self.codes.add(known)
            self.beginnings.add(code[:3])
            self.sizes[len(code)] += 1

    def take_number(self, digits: str) -> None:
        """Add an integer that is stored among the numbers."""
        self.beginnings.add(digits[:3])
        self.sizes[len(digits)] += 1

    def in_groups(self, groups: list[str], numbers: set[str]) -> bool:
        """Whether any code, or any of `numbers`, occurs in the groups, whatever separates them.

        Groups that are merely adjacent count if they are unlikely to form a code by chance.
        """
        if not self.sizes:
            return False
        longest, beginnings = max(self.sizes), self.beginnings
        for place, group in enumerate(groups):
            code = group.lstrip("0")
            if len(code) >= 3 and code[:3] not in beginnings:
                continue
            for other in range(place + 1, place + 1 + MOST_GROUPS):
                if len(code) > longest or not group[0].isalnum():
                    break
                if len(code) >= MIN_CODE and code[:3] in beginnings and self._holds(code, numbers):
                    return True
                group = groups[other] if other < len(groups) else " "
                code = code + group if code else group.lstrip("0")
        return False

    def _holds(self, code: str, numbers: set[str]) -> bool:
        if hash(code) not in self.codes and not (code.isdecimal() and number_key(code) in numbers):
            return False
        return not code.isdecimal() or self.sizes[len(code)] * RARE <= 10 ** len(code)


def _compact(texts: list[str]) -> list[str]:
    """Each text without group separators, in lower case."""
    joined = "\n".join(text.replace("\n", " ") for text in texts)
    if not joined.isascii():
        joined = unicodedata.normalize("NFKC", _UNSEEN.sub("", joined)).replace("\u2028", " ")
    joined = _NOT_ALPHANUMERIC.sub("", joined.replace("(0)", "")).casefold()
    return [code.lstrip("0") for code in joined.split("\n")]


def _is_mostly_digits(code: str) -> bool:
    digits = sum(map(str.isdecimal, code))
    return digits >= DIGITS and digits >= len(code) / 2


class PrivateValues:
    """The values of one column. Only grows: a value once in a private column stays private."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._folded = _Phrases()
        self._exact = _Phrases()
        self._numbers: set[str] = set()
        self._moments: set[Moment] = set()
        self._codes = _Codes()

    def __contains__(self, value: object) -> bool:
        return not missing(value) and hash(said_of(value)) in self._known

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
                self._numbers.update(filter(None, map(number_key, _meant_by(number[1]))))
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
            if len(words) == 1 and size >= DIGITS and words[0].isalpha() and not _is_ordinary(words[0]):
                self._folded.add([words[0].casefold()])
                return
            self._exact.add(words[:WORDS])
            if len(words) == 1:
                self._exact.add([words[0].upper()])

    def found_in(self, words: Words) -> bool:
        """Whether a text contains any distinctive value."""
        if self._numbers and not self._numbers.isdisjoint(words.numbers):
            return True
        if (self._moments and not self._moments.isdisjoint(words.moments)) or self._codes.in_groups(
            words.groups, self._numbers
        ):
            return True
        return self._folded.in_words(words.folded) or self._exact.in_words(words.exact)


@cache
def _ordinary_words() -> frozenset[str]:
    """Lower-case words of Python's documentation: some thousand ordinary words."""
    from pydoc_data.topics import topics

    return frozenset(word for text in topics.values() for word in re.findall(r"\b[a-z]{5,}\b", text))


def _is_ordinary(word: str) -> bool:
    """Whether a name is also an ordinary word."""
    return word.casefold() in COMMON or word.casefold() in ALSO_NAMES or word.casefold() in _ordinary_words()


def _is_distinctive(words: list[str], text: str, size: int) -> bool:
    """Whether a value is distinctive in any case (see the module docstring); `size` is its number of characters."""
    if all(word.isdecimal() for word in words):
        return size >= DIGITS
    if len(words) == 1 and words[0].isalpha():
        return size >= DIGITS and words[0].islower() and words[0] not in COMMON
    return size >= LETTERS or "@" in text or (size > 1 and _UNSPACED.search(text) is not None)


def _has_capital(words: list[str], size: int) -> bool:
    return size >= 3 and not all(word.islower() for word in words) and " ".join(words).casefold() not in COMMON
