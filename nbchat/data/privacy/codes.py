"""Account, phone and card numbers, found however their digits are grouped."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from nbchat.data.privacy.text_tokens import UNSEEN, number_key

__all__ = ["Codes"]

MIN_DIGITS = 5
"""Fewest digits of a code."""

MIN_CODE, MOST_CODE = 7, 40
"""Fewest and most characters of a code, without separators."""

MOST_GROUPS = 10
"""Most groups of characters in a code."""

RARE = 1_000_000
"""Adjacent groups count as a code only if at most one in so many numbers of that length is one."""

MOST_PHONES = 100_000
"""Most phone numbers to look for also without their country code."""

_NOT_ALPHANUMERIC = re.compile(r"[^\w\n]+|_+")


class Codes:
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
        joined = unicodedata.normalize("NFKC", UNSEEN.sub("", joined)).replace("\u2028", " ")
    joined = _NOT_ALPHANUMERIC.sub("", joined.replace("(0)", "")).casefold()
    return [code.lstrip("0") for code in joined.split("\n")]


def _is_mostly_digits(code: str) -> bool:
    digits = sum(map(str.isdecimal, code))
    return digits >= MIN_DIGITS and digits >= len(code) / 2
