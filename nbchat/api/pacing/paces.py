"""The paces of all servers and keys in use, and what they hear from other processes."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import TYPE_CHECKING

from nbchat.api.pacing.pace import Pace

if TYPE_CHECKING:
    from nbchat.api.endpoints import Endpoint
    from nbchat.api.pacing.sharing import Sharing

__all__ = ["Paces"]

SHARING_SECONDS = 0.1
"""Time between two exchanges with other processes while a batch runs: what one process learns, the others know by then."""

FRESH_SECONDS = 1.0
"""Age up to which what was heard is recent enough for a request on its own."""

WAIT_SECONDS = 0.05
"""The longest that a request on its own waits to hear from other processes."""


class Paces:
    """One pace for each server and key, on the engine's loop. `sharing` is where processes meet; None = nowhere.

    Only requests with a key are shared: without one, nothing tells the users of a server apart.
    """

    def __init__(self, sharing: Sharing | None = None) -> None:
        self._sharing = sharing
        self._salt = secrets.token_bytes(16)
        self._paces: dict[tuple[str, bytes], Pace] = {}
        self._heard: dict[Pace, float] = {}
        self._running: dict[Pace, asyncio.Task[None]] = {}

    def of(self, endpoint: Endpoint) -> Pace:
        """Return the pace of a server with its key."""
        key = endpoint.identity
        name = endpoint.base_url, b"" if key is None else key.digest(self._salt)
        pace = self._paces.get(name)
        if pace is None:
            pace = self._paces[name] = Pace(endpoint.title)
            if self._shares(endpoint):
                pace.on_closed = lambda: self._tell(pace, endpoint)
        return pace

    def _shares(self, endpoint: Endpoint) -> bool:
        key = endpoint.identity
        return self._sharing is not None and not endpoint.is_own and key is not None and not key.is_placeholder
