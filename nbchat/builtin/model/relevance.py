"""Rank passages by a request's words: tf-idf over the corpus, as weights of evidence."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from nbchat.builtin.model.corpus import Passage

__all__ = ["Relevance", "stem", "terms", "words"]

BACKGROUND = 1e-4
"""The weight of an unrelated passage, relative to 1 for the best."""
TITLE = 0.5
"""The score for a word in the title; an occurrence in a text of 30 words scores 0.18."""

_WORD = re.compile(r"`([^`\n]{1,40})`|([A-Za-z_][A-Za-z_0-9]*)")


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set, to write word lists."""
    return frozenset(text.split())


_KEYWORDS = words(
    "assert async await break class continue def del elif else except finally global import lambda nonlocal raise "
    "return try yield"
)
_ENGLISH_KEYWORDS = words("and as for from if in is not or pass while with true false none")
_ASKS_FOR_KEYWORD = words("block clause comprehension expression keyword loop operator statement")
_COMMON = words(
    "a about an any are at be between by can could describe did difference do does example explain get give had has "
    "have how i it its like make may me mean means more much my need of on one please say shall should show some "
    "take three tell than that the their them there these they this those to two use used using want was we were what "
    "when where which who why will work works would write you your"
)


def terms(text: str) -> list[str]:
    """Return the stems of a text's content words.

    A Python keyword that is also an English word counts if it is written as code or comes before a word like "loop".
    """
    found = [(match[1] or match[2], bool(match[1])) for match in _WORD.finditer(text)]
    result: list[str] = []
    for i, (word, is_code) in enumerate(found):
        lower = word.lower().strip()
        if lower in _KEYWORDS:
            result.append(f"`{lower}`")
        elif lower in _ENGLISH_KEYWORDS:
            following = found[i + 1][0] if i + 1 < len(found) else ""
            if is_code or stem(following) in _ASKS_FOR_KEYWORD:
                result.append(f"`{lower}`")
        elif is_code and not lower.isidentifier():
            result += terms(re.sub(r"[^\w]+", " ", lower))
        elif lower not in _COMMON and len(lower) > 1:
            result.append(stem(lower))
    return result


@lru_cache(maxsize=1 << 14)
def stem(word: str) -> str:
    """Strip English plural and verb endings, crudely."""
    word = word.lower()
    for ending, put in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: len(word) - len(ending)] + put
    return word


class Relevance:
    """Weights the passages of a corpus by a request's words."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._size = len(passages)
        self._found: dict[str, dict[int, float]] = {}
        previous = ""
        for number, passage in enumerate(passages):
            weights = self._weigh(passage, is_first=passage.title != previous)
            for term, weight in weights.items():
                self._found.setdefault(term, {})[number] = weight
            previous = passage.title

    @staticmethod
    def _weigh(passage: Passage, *, is_first: bool) -> dict[str, float]:
        """Weight a passage's terms; title and topic count most, in a section's first passage."""
        counts = Counter(terms(passage.text))
        norm = math.sqrt(sum(counts.values())) or 1.0
        weights = {term: (1 + math.log(count)) / norm for term, count in counts.items()}
        for term in {*terms(passage.title), *terms(f"`{passage.topic}`")}:
            weights[term] = weights.get(term, 0.0) + (TITLE if is_first else TITLE / 2)
        return weights

    def scores(self, wanted: Iterable[tuple[str, float]]) -> dict[int, float]:
        """Return the tf-idf scores of the passages that match any of the (term, importance) pairs."""
        scores: dict[int, float] = {}
        for term, importance in wanted:
            rarity = self._rarity(term)
            for number, tf in self._found.get(term, {}).items():
                scores[number] = scores.get(number, 0.0) + importance * tf * rarity**2
        return scores

    def coverage(self, wanted: Sequence[str]) -> float:
        """Return the share of the terms' information that the corpus covers, from 0 to 1; rare and unknown terms weigh most."""
        known = sum(self._rarity(term) for term in wanted if term in self._found)
        return known / (known + sum(self._rarity(term) for term in wanted if term not in self._found) or 1.0)

    def _rarity(self, term: str) -> float:
        return math.log(1 + self._size / len(self._found.get(term, " ")))

    def weights(self, scores: dict[int, float]) -> list[float]:
        """Convert scores to weights of evidence: 1 for the best, falling steeply; all low if nothing matched."""
        best = max(scores.values(), default=0.0)
        if not best:
            return [BACKGROUND] * self._size
        weights = [BACKGROUND] * self._size
        for number, score in scores.items():
            weights[number] += (score / best) ** 6
        return weights
