"""The number of requests that a server handles concurrently, found by trial."""

from __future__ import annotations

import math

__all__ = ["START", "Level"]

START = 8
"""The initial level, which small servers and low rate limits still accept."""

GREATEST = 512
"""The highest level: beyond it this process is the bottleneck."""

HOLDS = 1.2
"""Latency up to this multiple of the lowest counts as unchanged, so that the level may grow."""

SUFFERS = 1.5
"""Latency above this multiple of the lowest means that requests wait for each other."""


class Level:
    """A number of requests in flight, adjusted by latency as in TCP Vegas, and by refusals as in TCP Reno.

    It doubles until latency first rises or a request is refused, and then grows by its square root. It shrinks in
    proportion to rising latency, and halves after a refusal. Pure: no clock and no tasks.
    """

    def __init__(self) -> None:
        self._value = float(START)
        self._doubles_to = float(GREATEST)
        self.changes = 0
        """The number of changes so far, which each request records when it is sent."""
        self._halved_at = 0

    @property
    def samples(self) -> int:
        """The number of answers needed to judge the level: lengths differ, and a median of few is noise."""
        return max(START if self._value < self._doubles_to else 3 * START, self.value)

    @property
    def value(self) -> int:
        """The level, at least 1."""
        return max(1, int(self._value))

    def restart(self) -> None:
        """Restart from half the level, growing quickly back to it."""
        if self._value > START:
            self._doubles_to = self._value
            self._set(max(START, self._value / 2))

    def refuse(self, changes: int, busy: int) -> None:
        """Halve after the refusal of a request that was sent at `changes`, with `busy` in flight.

        Refusals of requests sent before the last halving are ignored.
        """
        if changes >= self._halved_at:
            self._set(min(self._value, busy) / 2)
            self._doubles_to = self._value
            self._halved_at = self.changes

    def judge(self, ratio: float, *, saturated: bool) -> None:
        """Adjust by the ratio of the latency to the lowest. Without `saturated` the level was not the limit, and does not grow."""
        if ratio > SUFFERS:
            self._set(self._value * max(0.5, HOLDS / ratio))
            self._doubles_to = self._value
        elif ratio <= HOLDS and saturated:
            doubled = min(2 * self._value, self._doubles_to)
            self._set(doubled if self._value < self._doubles_to else self._value + math.sqrt(self._value))

    def _set(self, value: float) -> None:
        self._value = min(float(GREATEST), max(1.0, value))
        self.changes += 1
