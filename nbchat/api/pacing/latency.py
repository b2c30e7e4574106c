"""The latency of one batch's requests, against the lowest that the batch has seen."""

from __future__ import annotations

import statistics

__all__ = ["Latency"]

DRIFT = 0.05
"""The part by which the reference follows a median above it: a server that has become slower for good is accepted."""


class Latency:
    """Compares medians, because answers differ in length: one slow answer says nothing of the server's load."""

    def __init__(self) -> None:
        self._lowest: float | None = None
        self._samples: list[float] = []
        self._changes = 0

    def add(self, seconds: float, changes: int) -> None:
        """Add the duration of a request that was sent at the level after so many changes; others' are dropped."""
        if changes != self._changes:
            self._changes = changes
            self._samples.clear()
        self._samples.append(seconds)

    def ratio(self, count: int) -> float | None:
        """Return the median of at least `count` samples by the lowest median before; None = too few so far.

        The samples are then dropped.
        """
        if len(self._samples) < count:
            return None
        median = max(statistics.median(self._samples), 1e-6)
        self._samples.clear()
        if self._lowest is None or median < self._lowest:
            self._lowest = median
        ratio = median / self._lowest
        self._lowest += DRIFT * (median - self._lowest)
        return ratio
