"""The latency of one batch's requests, compared with the lowest in the batch."""

from __future__ import annotations

import math

__all__ = ["Latency"]

DRIFT = 0.05
"""The fraction by which the reference follows a higher median, so that a permanently slower server is accepted."""

ALIKE = 2.0
"""Factor up to which another batch's requests count as the same kind of request."""

SLACK_SECONDS = 0.025
"""Increase of latency in seconds that is ignored, because a busy machine adds as much by itself."""

DOUBT = 2.0
"""Standard errors by which a median may exceed the lowest by chance."""


class Latency:
    """Compares medians of logarithms, because answers differ in length, and one slow answer says nothing about the load."""

    def __init__(self) -> None:
        self.lowest: float | None = None
        """The logarithm of the lowest median so far; None = nothing was compared yet."""
        self._samples: list[float] = []
        self._changes = 0

    def add(self, seconds: float, changes: int) -> None:
        """Add the duration of a request that was sent at the level after this number of changes; others are dropped."""
        if changes != self._changes:
            self._changes = changes
            self._samples.clear()
        self._samples.append(math.log(max(seconds, 1e-6)))

    def ratio(self, count: int, earlier: float | None = None) -> float | None:
        """Return by what factor the median exceeds the lowest before, at least, beyond chance; None = too few samples.

        It takes `count` samples, at least 4, which are then dropped. The first comparison is with the `lowest` of an
        earlier batch, if there was one and its requests took about as long.
        """
        if len(self._samples) < max(count, 4):
            return None
        ordered = sorted(self._samples)
        lower, median, upper = (ordered[round(part * (len(ordered) - 1))] for part in (0.25, 0.5, 0.75))
        spread = (upper - lower) / 1.35  # standard deviation and, below, error of a median, of log-normal durations
        error = 1.25 * spread / math.sqrt(len(ordered))
        self._samples.clear()
        if self.lowest is None and earlier is not None and abs(median - earlier) <= math.log(ALIKE):
            self.lowest = earlier
        if self.lowest is None or median < self.lowest:
            self.lowest = median
        excess = median - math.log(math.exp(self.lowest) + SLACK_SECONDS)
        self.lowest += DRIFT * (median - self.lowest)
        return math.exp(max(0.0, excess - DOUBT * error))
