"""How many requests of a batch may be in flight at once: as many as asked for, until the server says otherwise."""

from __future__ import annotations

import asyncio
from collections import deque

from nbchat.values.limits import RateLimits

__all__ = ["Pace"]


class Pace:
    """A gate on the engine's loop: calls that share one `enter` before they are sent and `leave` when they are over.

    Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP keeps its pace: `allowed` halves when a
    server refuses with 429, and grows by one with every `allowed` answers, up to `most`. Refusals of requests that
    were already under way when it halved count as the same one. Where the server tells how many requests are left,
    there are never more at once than that. Who waits is let in first come, first served.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._allowed = float(most)
        self._left: int | None = None
        self._forgiven = 0
        self._inside = 0
        self._shut = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def allowed(self) -> int:
        """How many may be in flight now; at least 1."""
        allowed = int(self._allowed)
        return max(1, allowed if self._left is None else min(allowed, self._left))

    async def enter(self) -> None:
        """Wait for a place."""
        if (
            self._inside < self.allowed and not self._shut
        ):  # then nobody waits: every place that becomes free is given at once
            self._inside += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place had just been given
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place up."""
        self._inside -= 1
        self._let_in()

    def refused(self) -> None:
        """The server refused a request because there are too many."""
        if self._forgiven:
            self._forgiven -= 1
            return
        self._allowed = max(1.0, min(self._allowed, self._inside) / 2)
        self._forgiven = self._inside - 1

    def answered(self, limits: RateLimits | None) -> None:
        """The server took a request; `limits` is what it said of its limits, None = nothing."""
        self._allowed = min(float(self.most), self._allowed + 1 / self._allowed)
        self._left = None if limits is None else limits.remaining_requests
        self._let_in()

    def shut(self) -> None:
        """Let nobody in any more: who waits is about to be cancelled. Any thread."""
        self._shut = True

    def _let_in(self) -> None:
        while self._waiting and not self._shut and self._inside < self.allowed:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._inside += 1
                turn.set_result(None)
