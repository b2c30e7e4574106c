"""How much answers to the same question agree: one number from 0 to 1 for several texts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from random import Random

from nbchat.tuning.statistics import LEVEL, Mean, jackknife, t_quantile

__all__ = ["agreement", "similarity"]

MOST_TEXTS = 200
"""Of more answers, so many are drawn (always the same ones) and compared: the pairs grow with the square."""

SHORT_WORDS = 5
"""Answers of at most so many words are labels: they agree or they don't."""

# A word, or one character of the scripts that put no spaces between words (Thai, Lao, Khmer, kana, Han).
_WORD = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_]+(?:[.,'’][^\W_]+)*")


def similarity(a: str, b: str) -> float:
    """How alike two answers are, from 0 to 1; letter case, white space and punctuation at the edges do not count.

    Two short answers (at most five words each): 1 when they are the same, else 0. Otherwise the Sørensen-Dice
    coefficient of their words and pairs of neighbouring words, counted with repetition: 2·|A ∩ B| / (|A| + |B|).
    """
    return _similarity(_Normal(a), _Normal(b))


def agreement(texts: Sequence[str]) -> Mean | None:
    """The mean similarity of all pairs of answers, with its 95 % interval; None for fewer than two.

    For short answers this is the rate at which two answers, drawn at random, are the same. The interval is the
    jackknife's for a mean over pairs (Arvesen 1969) and stays within 0 and 1; two answers make one pair, and have none.
    Where all n answers are the same, it reaches down to 0.05^(2/n): an answer that comes with probability p comes n
    times in a row with p^n, and twice with p². Where no two have anything in common, up to 1 - 0.05^(1/pairs).
    The standard error is then what Student's interval of that reach has: with 0, any difference would count as settled.
    """
    if len(texts) > MOST_TEXTS:
        texts = Random(0).sample(list(texts), MOST_TEXTS)  # noqa: S311  # a sample, not a secret
    normal = [_Normal(text) for text in texts]
    if len(normal) < 2:
        return None
    pairs = {(i, j): _similarity(normal[i], normal[j]) for i, j in combinations(range(len(normal)), 2)}
    mean, n = jackknife(pairs, len(normal)), len(normal)
    if n > 2 and mean.mean == 1:
        low = (1 - LEVEL) ** (2 / n)
        return replace(mean, low=low, high=1.0, error=(1 - low) / t_quantile(n - 1))
    if n > 2 and mean.mean == 0:
        high = 1 - (1 - LEVEL) ** (1 / len(pairs))
        return replace(mean, low=0.0, high=high, error=high / t_quantile(n - 1))
    return mean


class _Normal:
    """A text without what does not count, and its words."""

    __slots__ = ("pieces", "size", "text", "words")

    def __init__(self, text: str) -> None:
        folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        self.text = folded.strip(" .,;:!?\"'`*_()[]") or folded
        self.words = _WORD.findall(folded)
        self.pieces: Counter[object] = Counter(self.words)
        self.pieces.update(pairwise(self.words))
        self.size = self.pieces.total()


def _similarity(a: _Normal, b: _Normal) -> float:
    if a.text == b.text:
        return 1.0
    if max(len(a.words), len(b.words)) <= SHORT_WORDS:
        return 0.0
    small, large = (a, b) if len(a.pieces) <= len(b.pieces) else (b, a)
    shared = sum(min(count, large.pieces[piece]) for piece, count in small.pieces.items())
    return 2 * shared / (a.size + b.size)
