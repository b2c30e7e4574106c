"""Test whether the answers of two settings differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from random import Random

from nbchat.tuning.agreement import most_compared, similarities

__all__ = ["chance_of_difference"]

MOST_TEXTS = 20
"""Most answers of a setting that are compared."""

MOST_PARTINGS = 1_000
"""Most permutations to try: all if there are no more, else this many at random."""


def chance_of_difference(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the p-value of the difference between two settings' answers.

    A permutation test: the answers of both are regrouped, in all ways or in 1,000 random ones, and the statistic is how
    much more alike answers within a group are than across groups, by `agreement.similarity`. It assumes nothing about the
    distribution. 1 if a setting has fewer than two answers.
    """
    most = min(MOST_TEXTS, most_compared([*first, *second]))
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

    observed = contrast(range(size))
    ways = math.comb(count, size)
    if ways <= MOST_PARTINGS:
        found = [contrast(part) for part in combinations(range(count), size)]
        return sum(each >= observed - 1e-9 for each in found) / ways
    chance = Random(0)  # noqa: S311  # a sample, not a secret
    found = [contrast(chance.sample(range(count), size)) for _ in range(MOST_PARTINGS)]
    return (1 + sum(each >= observed - 1e-9 for each in found)) / (1 + MOST_PARTINGS)
