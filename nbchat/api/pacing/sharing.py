"""The state that processes share if they use the same server with the same key."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from nbchat.api.keys import Key

__all__ = ["Shared", "Sharing"]


class Shared(Struct, frozen=True):
    """The state of one process, or of all others together.

    `busy` requests are in flight; `level` is the number that the server handles concurrently, found by trial (None =
    unknown); `forbidden` is the time during which nothing may be sent, in seconds from now; `processes` have work.
    """

    busy: int = 0
    level: int | None = None
    forbidden: float = 0.0
    processes: int = 0


class Sharing(Protocol):
    """Shares the state between processes."""

    def exchange(self, base_url: str, key: Key, own: Shared) -> Shared | None:
        """Publish this process's state for a server and key, and return that of all others; None = not available.

        Blocks for a fraction of a second at most, and never raises. Called in a worker thread.
        """
