"""Statistics of repeats: means with confidence intervals, differences, and whether one is settled. Pure functions."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import lru_cache
from statistics import NormalDist, fmean, pvariance, stdev, variance
from typing import TypeGuard

from msgspec import Struct

from nbchat.values.wording import figure

__all__ = [
    "LEVEL",
    "Difference",
    "Mean",
    "difference",
    "finite",
    "independent_difference",
    "is_number",
    "jackknife",
    "paired_difference",
    "t_quantile",
]

LEVEL = 0.95
"""The confidence level of the intervals."""

LARGEST = 1e100
"""Larger numbers are ignored, since their squares could not be summed."""

POWER = 0.8
"""The power aimed at by the number of further repeats."""

MOST_REPEATS = 1000
"""A difference that would need more repeats than this counts as none."""

_MANY = 200
"""Degrees of freedom from which the normal distribution with Peiser's correction is used."""


class Mean(Struct, frozen=True):
    """A mean of `n` values and its 95 % interval; `low` and `high` are None if there are too few values.

    `error` is the standard error, or None likewise.
    """

    mean: float
    n: int
    low: float | None = None
    high: float | None = None
    error: float | None = None

    @classmethod
    def of(cls, values: Iterable[float | None], *, truths: bool = False) -> Mean | None:
        """Return the mean of the values that are numbers; None = there are none.

        The interval is Student's, mean ± t(n-1) · s / √n, where s is the standard deviation of the n values. Equal
        values have no interval, since their spread is unknown. `truths` declares the values to be truth values, 0 or 1:
        then the interval is Wilson's (1927), which stays within that range and exists for equal values too. It is not
        inferred, since 1, 1, 1 may be on a scale from 1 to 5.
        """
        known = finite(values)
        if not known:
            return None
        mean, n = fmean(known), len(known)
        if truths and n > 1:
            return cls(mean, n, *_wilson(mean, n), math.sqrt(mean * (1 - mean) / n))
        spread = stdev(known) if n > 1 else 0.0
        if spread == 0:
            return cls(mean, n)
        error = spread / math.sqrt(n)
        reach = t_quantile(n - 1) * error
        return cls(mean, n, mean - reach, mean + reach, error)


class Difference(Struct, frozen=True):
    """The difference between two settings' means. `n` is the number of pairs, or of repeats of the setting with fewer.

    `low` and `high` bound the 95 % interval (None = too few values; wider if several settings were compared with the
    best, see `level`). `settled`: the interval excludes 0 and there are enough repeats. `more` is the number of further
    repeats of each setting that would settle it in four of five cases, given the difference and spread so far; None = not
    needed, or no number would help.
    """

    mean: float
    n: int
    low: float | None
    high: float | None
    settled: bool
    more: int | None
    level: float = LEVEL


def finite(values: Iterable[float | None]) -> list[float]:
    """Return the values that are numbers: not None, NaN, infinite, or beyond `LARGEST`."""
    return [float(value) for value in values if is_number(value)]


def is_number(value: float | None) -> TypeGuard[float]:
    """Whether a value is a usable number."""
    return value is not None and abs(value) <= LARGEST


def _wilson(share: float, n: int) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def difference(
    pairs: Iterable[tuple[float | None, float | None]], level: float = LEVEL, most: int = MOST_REPEATS
) -> Difference | None:
    """Return the mean of a - b over pairs, by Student's paired t; None = no pair has two numbers.

    Settled if the interval excludes 0 and there are at least `fewest_repeats` pairs. If more than `most` pairs would be
    needed, no number helps.
    """
    deltas = [a - b for a, b in pairs if is_number(a) and is_number(b)]
    if not deltas:
        return None
    mean, n = fmean(deltas), len(deltas)
    if n < 2:
        return Difference(mean, n, None, None, settled=False, more=fewest_repeats(level) - n, level=level)
    spread = stdev(deltas)
    return paired_difference(mean, n, spread, level, most)


def independent_difference(a: Mean, b: Mean, level: float = LEVEL) -> Difference | None:
    """Return a - b for two independent means; None = one has no standard error.

    The squared standard errors are added (Welch), with degrees of freedom by the smaller number of values, which makes
    the interval conservative.
    """
    if a.error is None or b.error is None:
        return None
    n = min(a.n, b.n)
    return paired_difference(a.mean - b.mean, n, math.hypot(a.error, b.error) * math.sqrt(n), level)


def paired_difference(mean: float, n: int, spread: float, level: float, most: int = MOST_REPEATS) -> Difference:
    """Return the difference of this mean over n pairs, of which a single one has the standard deviation `spread`."""
    reach = t_quantile(n - 1, level) * spread / math.sqrt(n)
    low, high = mean - reach, mean + reach
    settled = (low > 0 or high < 0) and n >= fewest_repeats(level)
    more = None if settled else _repeats_needed(mean, spread, n, level, most)
    return Difference(mean, n, low, high, settled, more, level)


@lru_cache
def fewest_repeats(level: float = LEVEL) -> int:
    """Return the fewest repeats of two settings that can settle a difference for any distribution of values.

    If the settings were equal, a complete separation of their n + n values would still occur with probability
    2 / C(2n, n) (exact permutation test): n = 4 at 95 %. This prevents a verdict from a few scores that happen to be
    equal, for which Student's interval has no width.
    """
    return next(n for n in range(2, 100) if 2 / math.comb(2 * n, n) <= 1 - level)


def _repeats_needed(mean: float, spread: float, n: int, level: float, most: int) -> int | None:
    """Further repeats needed: the least N with (t(N-1) + z) · s / √N < |mean|, minus n; None = N is above `most`.

    With z = 0.84 of the normal distribution the power is 80 %: if |mean| and s are the true values, N new repeats settle
    it in four of five cases; without z, in one of two.
    """
    if mean == 0 or not math.isfinite(spread):
        return None
    z = NormalDist().inv_cdf(POWER)

    def enough(total: int) -> bool:
        return (t_quantile(total - 1, level) + z) * spread / math.sqrt(total) < abs(mean)

    first = max(n + 1, fewest_repeats(level))
    total = first + bisect_left(range(first, most + 1), True, key=enough)
    return total - n if total <= most else None


def jackknife(pairs: Mapping[tuple[int, int], float], n: int) -> Mean:
    """Return the mean over all pairs of n items, with its jackknife interval (Arvesen 1969).

    Pseudo-value i = n·U - (n-1)·U without i, where U is the mean over pairs; the interval is Student's for the mean of
    the pseudo-values, clipped to 0 and 1 if the values are. The variance includes Hoeffding's (1948) second term,
    2 / (n·(n-1)) times that of the pairs: for two labels half and half, the pseudo-values do not vary, and the interval
    would have no width.
    """
    total = math.fsum(pairs.values())
    mean = total / len(pairs)
    if n < 3:
        return Mean(mean, n)
    of_item = [0.0] * n
    for (i, j), value in pairs.items():
        of_item[i] += value
        of_item[j] += value
    left = len(pairs) - (n - 1)
    pseudo = [n * mean - (n - 1) * (total - mine) / left for mine in of_item]
    error = math.sqrt(variance(pseudo) / n + 2 * pvariance(pairs.values(), mean) / (n * (n - 1)))
    reach = t_quantile(n - 1) * error
    within = all(0 <= value <= 1 for value in pairs.values())
    low, high = mean - reach, mean + reach
    return Mean(mean, n, max(low, 0.0) if within else low, min(high, 1.0) if within else high, error)


@lru_cache(maxsize=4096)
def t_quantile(freedom: int, level: float = LEVEL) -> float:
    """Return the t that Student's distribution exceeds in absolute value with probability 1 - level."""
    if freedom > _MANY:
        z = NormalDist().inv_cdf((1 + level) / 2)
        return z + (z**3 + z) / (4 * freedom)  # Peiser 1943, the first term of the Cornish-Fisher expansion
    low, high = 0.0, 1.0
    while _t_within(high, freedom) < level:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_within(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _t_within(t: float, freedom: int) -> float:
    """Return P(|T| <= t) for integer degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    theta = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(theta)
    odd = freedom % 2
    term = cosine if odd else 1.0
    series = 0.0 if freedom == 1 else term
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        series += term
    if odd:
        return 2 / math.pi * (theta + math.sin(theta) * series)
    return math.sin(theta) * series


def interval_text(mean: Mean | None) -> str:
    """Format a mean and its interval: "0.71 (0.52 to 0.90)"; empty = unknown."""
    if mean is None:
        return ""
    if mean.low is None or mean.high is None:
        return _decimals(mean.mean)
    return f"{_decimals(mean.mean)} ({_decimals(mean.low)} to {_decimals(mean.high)})"


def _decimals(number: float) -> str:
    return f"{number:.2f}" if abs(number) < 100 else figure(number)
