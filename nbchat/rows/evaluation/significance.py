"""Compare two settings over the same rows: McNemar's test for labels, Student's t for numbers, the bootstrap for F1."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from statistics import NormalDist, stdev

from nbchat.tuning.statistics import POWER, Difference, t_quantile

__all__ = ["MOST_ROWS", "bootstrap", "mcnemar", "resampled_error", "right_difference", "rows_to_settle"]

MOST_ROWS = 100_000
"""A difference that would need more rows than this counts as none."""

EXACT = 1_000
"""Discordant pairs up to which McNemar's test is exact."""

DRAWS = 1_000
"""Resamples of a bootstrap, fewer of many rows."""

FEWEST_DRAWS = 200
"""Enough for a standard error (Efron and Tibshirani 1993, section 6.4)."""

MOST_DRAWN = 2_000_000
"""Bound on resamples times rows: about a second of CPU."""


@lru_cache(maxsize=4096)
def mcnemar(first: int, second: int) -> float:
    """Return the p-value of McNemar's (1947) test, two-sided.

    `first` is the number of rows that only the first setting got right, `second` of those that only the second did. Up to
    1,000 of both it is exact: twice the binomial probability, at 1/2, of a split at least as uneven. Above, it is the
    normal approximation with Edwards' (1948) correction for continuity.
    """
    n, fewer = first + second, min(first, second)
    if n == 0:
        return 1.0
    if n > EXACT:
        z = max(0.0, abs(first - second) - 1) / math.sqrt(n)
        return 2 * NormalDist().cdf(-z)
    term = ways = 1
    for k in range(fewer):
        term = term * (n - k) // (k + 1)
        ways += term
    return min(1.0, float(2 * ways / 2**n))


def right_difference(first: int, second: int, n: int, level: float) -> Difference:
    """Return the difference between two settings' shares of right answers over the same n rows.

    `first` and `second` count the rows that only one got right, as in `mcnemar`. The interval is Bonett and Price's
    (2012), Wald's after adding one row to either count, extended to 0 if McNemar's test does not exclude that. Settled if
    0 is outside; `more` is the number of further rows.
    """
    mean = (first - second) / n
    a, b = (first + 1) / (n + 2), (second + 1) / (n + 2)
    z = NormalDist().inv_cdf((1 + level) / 2)
    reach = z * math.sqrt((a + b - (a - b) ** 2) / (n + 2))
    low, high = max(-1.0, a - b - reach), min(1.0, a - b + reach)
    if mcnemar(first, second) > 1 - level:
        low, high = min(low, 0.0), max(high, 0.0)
    settled = low > 0 or high < 0
    more = None if settled else rows_to_settle(mean, (first + second) / n, n, level)
    return Difference(mean, n, low, high, settled, more, level)


def rows_to_settle(difference: float, discordant: float, n: int, level: float) -> int | None:
    """Return the number of rows beyond n with which McNemar's test has a power of 80 %; None = above 100,000.

    N = (z·√ψ + z'·√(ψ - δ²))² / δ² by Connor (1987), where ψ is the share of rows that only one setting gets right, δ
    the difference, z the test's quantile and z' = 0.84; plus 1 / δ for the exact test, as Fleiss's (1981) correction.
    """
    delta = abs(difference)
    if delta == 0 or discordant < delta:
        return None
    z, power = NormalDist().inv_cdf((1 + level) / 2), NormalDist().inv_cdf(POWER)
    total = (z * math.sqrt(discordant) + power * math.sqrt(discordant - delta**2)) ** 2 / delta**2 + 1 / delta
    return max(1, math.ceil(total) - n) if total <= MOST_ROWS else None


def bootstrap(n: int, statistics: Sequence[Callable[[Sequence[int]], float]], seed: int = 0) -> list[list[float]]:
    """Return each statistic's values over resamples of n rows (Efron 1979), the same resamples for all of them.

    A statistic gets row numbers, some of them repeatedly. The resamples are 1,000, fewer for more than 2,000 rows.
    """
    chance = Random(seed)
    draws = max(FEWEST_DRAWS, min(DRAWS, MOST_DRAWN // max(1, n)))
    found: list[list[float]] = [[] for _ in statistics]
    for _ in range(draws):
        rows = chance.choices(range(n), k=n)
        for values, statistic in zip(found, statistics, strict=True):
            values.append(statistic(rows))
    return found


def resampled_error(values: Sequence[float], n: int, level: float) -> tuple[float, float]:
    """Return the standard error of a statistic from its resamples, and the half width of its interval, t(n-1) times it."""
    error = stdev(values)
    return error, t_quantile(max(1, n - 1), level) * error
