"""How many requests may run at once: as many as asked for, until the server says otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from nbchat.values.events import Event, Responded, Retrying
from nbchat.values.limits import RateLimits

__all__ = ["Pace"]

TOO_MANY = "HTTP 429"
"""The reason of a retry that asks for fewer requests."""


class Pace:
    """Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP keeps its pace.

    `allowed` halves when a server refuses with 429, and grows by one with every `allowed` answers, up to `most`.
    Refusals of requests that were already under way when it halved count as the same one. Where the server tells how
    many requests are left, there are never more at once than that.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._allowed = float(most)
        self._left: int | None = None
        self._forgiven = 0

    @property
    def allowed(self) -> int:
        """How many may run at once now; at least 1."""
        allowed = int(self._allowed)
        return max(1, allowed if self._left is None else min(allowed, self._left))

    def hear(self, events: Sequence[Event], running: int) -> None:
        """Take in what the server said in these events of one request, while so many were running."""
        for event in events:
            if type(event) is Retrying and event.reason == TOO_MANY:
                self._refused(running)
            elif type(event) is Responded:
                self._answered(event.limits)

    def _refused(self, running: int) -> None:
        if self._forgiven:
            self._forgiven -= 1
            return
        self._allowed = max(1.0, min(self._allowed, running) / 2)
        self._forgiven = running - 1

    def _answered(self, limits: RateLimits | None) -> None:
        self._allowed = min(float(self.most), self._allowed + 1 / self._allowed)
        self._left = None if limits is None else limits.remaining_requests
