"""The concurrency limit of one batch of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbchat.api.pacing.latency import Latency
from nbchat.api.pacing.level import GREATEST, START

if TYPE_CHECKING:
    from nbchat.api.pacing.pace import Pace

__all__ = ["ConcurrencyLimiter"]

PATIENCE_SECONDS = 600.0
"""The longest wait in seconds for a server's rate limit that a batch accepts."""


class ConcurrencyLimiter:
    """One batch of requests: at most `most` at once (None = as many as the server handles), first come, first served.

    The number that the server handles is found by its `Pace`, which all batches share. A batch waits up to `patience`
    seconds for a server that forbids requests; beyond that they fail with RateLimited. May be read from any thread.
    """

    def __init__(self, most: int | None = None, patience: float = PATIENCE_SECONDS) -> None:
        self.most = GREATEST if most is None else most
        self.patience = patience
        self.is_shut = False
        self.busy = 0
        """The number of its requests in flight."""
        self.latency = Latency()
        self.pace: Pace | None = None
        """The pace of the server that its last request went to; None = none was sent yet."""

    @property
    def allowed(self) -> int:
        """The number of its requests that may be in flight now; at least 1."""
        return min(self.most, START if self.pace is None else self.pace.slots)

    @property
    def waiting_seconds(self) -> float:
        """Seconds until the server's rate limit allows the next request; 0 = now."""
        return 0.0 if self.pace is None else self.pace.closed_for()

    def shut(self) -> None:
        """Start no more requests, because waiting ones are about to be cancelled. Thread-safe."""
        self.is_shut = True
