"""Measure how much several answers to the same question agree, from 0 to 1, and whether two settings answer differently."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from random import Random
from statistics import fmean

from msgspec.structs import replace

from nbchat.tuning.statistics import LEVEL, Mean, jackknife, t_quantile

__all__ = ["agreement", "chance_of_difference", "most_compared", "similarities"]

MOST_TEXTS = 200
"""Most answers to compare; of more, a fixed sample is drawn, since pairs grow with the square."""

LEAST_TEXTS = 10
"""Fewest answers to compare, however long they are."""

MOST_CHARACTERS = 60_000_000
"""Bound on the squared number of texts times their mean length: above 1,500 characters, fewer answers are drawn."""

SHORT_WORDS = 5
"""Answers of up to this many words are labels: they agree or they don't."""

# A word, or one character of a script without spaces between words (Thai, Lao, Khmer, kana, Han).
_WORD = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_]+(?:[.,'’][^\W_]+)*")


def similarities(texts: Sequence[str]) -> list[list[float]]:
    """Return the similarity of each pair of answers, from 0 to 1, as a symmetric matrix with zeros on the diagonal.

    Case, white space and punctuation around words are ignored. Two short answers (at most five words each): 1 if they
    are equal, else 0. Otherwise the Sørensen-Dice coefficient of the multisets of their words and word pairs:
    2·|A ∩ B| / (|A| + |B|).
    """
    normal = _normal(texts)
    rows = [[0.0] * len(normal) for _ in normal]
    for i, j in combinations(range(len(normal)), 2):
        rows[i][j] = rows[j][i] = _similarity(normal[i], normal[j])
    return rows


def agreement(texts: Sequence[str]) -> Mean | None:
    """Return the mean similarity of all pairs of answers with its 95 % interval; None for fewer than two.

    For short answers this is the rate at which two randomly drawn answers are equal. The interval is the jackknife's for
    a mean over pairs (Arvesen 1969), clipped to 0 and 1; two answers make one pair, which has no interval.

    If all n answers are equal, its lower end is 0.05^(2/n), which is exact: an answer of probability p is given n times
    in a row with probability p^n, and twice with p². The upper end is at least p², where p is the probability at which
    an answer is given at most k times in n with probability 5 %, and k is the count of the most frequent answer (Clopper
    and Pearson 1934). For k = 1 (all different), (1-p)^n + n·p·(1-p)^(n-1) = 0.05: p² is 0.43 for five answers, 0.16 for
    ten. If all pairs have the same similarity s, the interval is from s·0.05^(2/n) to s + (1-s)·p². The standard error is
    at least that of a Student's interval of the same width: with 0, any difference would count as settled.

    The interval is approximate. In its worst case, one common answer among others that never repeat, it covered the true
    value in at least 95 % of cases for up to five answers, 92 % for ten, 87 % for twenty, 84 % for forty, whatever the
    common one's probability; averaged over these, in 96 to 99 %. For two labels, in at least 93 % for up to ten answers,
    86 % for twenty and forty.
    """
    most = most_compared(texts)
    if len(texts) > most:
        texts = Random(0).sample(list(texts), most)
    normal = _normal(texts)
    if len(normal) < 2:
        return None
    pairs = {(i, j): _similarity(normal[i], normal[j]) for i, j in combinations(range(len(normal)), 2)}
    mean = jackknife(pairs, len(normal))
    commonest = max(Counter(one.text for one in normal).values())
    return _widened(mean, commonest, alike=len(set(pairs.values())) == 1)


def most_compared(texts: Sequence[str]) -> int:
    """Return the most answers of this length that are compared: `MOST_TEXTS`, fewer for long ones."""
    length = fmean(len(text) for text in texts) if texts else 0
    return min(MOST_TEXTS, max(LEAST_TEXTS, math.isqrt(MOST_CHARACTERS // max(1, round(length)))))


def _widened(mean: Mean, commonest: int, *, alike: bool) -> Mean:
    """Widen the interval of a mean, because few answers may have missed rare ones."""
    if mean.low is None or mean.high is None or mean.error is None:
        return mean
    twice = _likeliest(mean.n, commonest) ** 2
    low, high = mean.low, max(mean.high, twice)
    if alike:
        low, high = mean.mean * (1 - LEVEL) ** (2 / mean.n), mean.mean + (1 - mean.mean) * twice
    reach = max(mean.mean - low, high - mean.mean)
    return replace(mean, low=low, high=high, error=max(mean.error, reach / t_quantile(mean.n - 1)))


@lru_cache
def _likeliest(n: int, times: int) -> float:
    """The probability at which an answer is given at most `times` in n with probability 5 % (Clopper and Pearson 1934)."""
    low, high = 0.0, 1.0
    for _ in range(50 * (times < n)):
        p = (low + high) / 2
        chance = math.fsum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(times + 1))
        low, high = (p, high) if chance > 1 - LEVEL else (low, p)
    return high


class _Normal:
    """A normalised text: its key, its number of words, and its pieces as numbers."""

    __slots__ = ("pieces", "text", "words")

    def __init__(self, text: str, numbers: dict[object, int]) -> None:
        folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        self.text = folded.strip(" .,;:!?\"'`*_()[]") or folded
        words = _WORD.findall(folded)
        self.words = len(words)
        self.pieces = {numbers.setdefault(piece, len(numbers)) for piece in _counted([*words, *pairwise(words)])}


def _normal(texts: Iterable[str]) -> list[_Normal]:
    """Normalise texts; equal pieces get equal numbers across all of them."""
    numbers: dict[object, int] = {}
    return [_Normal(text, numbers) for text in texts]


def _counted(pieces: Iterable[object]) -> Iterable[object]:
    """Pair each piece with its number of earlier occurrences, so that set intersection equals multiset intersection."""
    before: Counter[object] = Counter()
    for piece in pieces:
        yield piece, before[piece]
        before[piece] += 1


def _similarity(a: _Normal, b: _Normal) -> float:
    if a.text == b.text:
        return 1.0
    if max(a.words, b.words) <= SHORT_WORDS:
        return 0.0
    return 2 * len(a.pieces & b.pieces) / (len(a.pieces) + len(b.pieces))


MOST_CONTRASTED = 20
"""Most answers of a setting that are compared."""

MOST_PARTINGS = 1_000
"""Most permutations to try: all if there are no more, else this many at random."""


def chance_of_difference(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the p-value of the difference between two settings' answers.

    A permutation test: the answers of both are regrouped, in all ways or in 1,000 random ones, and the statistic is how
    much more alike answers within a group are than across groups, by `similarities`. It assumes nothing about the
    distribution. 1 if a setting has fewer than two answers.
    """
    most = min(MOST_CONTRASTED, most_compared([*first, *second]))
    texts = [*first[:most], *second[:most]]
    size, count = len(first[:most]), len(texts)
    if min(size, count - size) < 2:
        return 1.0
    alike = similarities(texts)
    whole = sum(map(sum, alike))
    pairs = math.comb(size, 2), math.comb(count - size, 2)

    def contrast(part: Iterable[int]) -> float:
        inside = set(part)
        outside = [i for i in range(count) if i not in inside]
        within = [sum(alike[i][j] for i in each for j in each if i < j) for each in (inside, outside)]
        across = whole / 2 - sum(within)
        return within[0] / pairs[0] + within[1] / pairs[1] - 2 * across / (size * (count - size))

    seen = contrast(range(size))
    ways = math.comb(count, size)
    if ways <= MOST_PARTINGS:
        found = [contrast(part) for part in combinations(range(count), size)]
        return sum(each >= seen - 1e-9 for each in found) / ways
    chance = Random(0)
    found = [contrast(chance.sample(range(count), size)) for _ in range(MOST_PARTINGS)]
    return (1 + sum(each >= seen - 1e-9 for each in found)) / (1 + MOST_PARTINGS)
