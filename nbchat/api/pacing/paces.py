"""The paces of all servers and keys in use, and what they hear from other processes."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from nbchat.api.pacing.pace import Pace
from nbchat.api.pacing.sharing import Shared

if TYPE_CHECKING:
    from nbchat.api.endpoints import Endpoint
    from nbchat.api.keys import Key
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
        self._salt = os.urandom(16)
        self._paces: dict[tuple[str, bytes], Pace] = {}
        self._meetings: dict[Pace, _Meeting] = {}

    def of(self, endpoint: Endpoint) -> Pace:
        """Return the pace of a server with its key."""
        key = endpoint.secrets
        name = endpoint.base_url, b"" if key is None else key.digest(self._salt)
        if (pace := self._paces.get(name)) is None:
            pace = self._paces[name] = Pace(endpoint.title)
            if self._sharing is not None and not endpoint.is_own and key is not None and not key.is_placeholder:
                self._meetings[pace] = _Meeting(self._sharing, pace, endpoint.base_url, key)
        return pace

    async def catch_up(self, pace: Pace, *, alone: bool) -> None:
        """Hear from other processes before a request is sent, and, unless it is `alone`, while its batch runs."""
        if (meeting := self._meetings.get(pace)) is not None:
            await meeting.catch_up(alone=alone)


class _Meeting:
    """The exchange of one pace with other processes. It runs while a batch does, and before a request on its own."""

    def __init__(self, sharing: Sharing, pace: Pace, base_url: str, key: Key) -> None:
        self._sharing = sharing
        self._pace = pace
        self._base_url = base_url
        self._key = key
        self._heard_at = -FRESH_SECONDS
        self._exchanging: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        pace.on_closed = self._begin

    async def catch_up(self, *, alone: bool) -> None:
        if asyncio.get_running_loop().time() - self._heard_at >= FRESH_SECONDS:
            await asyncio.wait({self._begin()}, timeout=WAIT_SECONDS)
        if not alone and (self._running is None or self._running.done()):
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Exchange until the pace is at rest, and once more."""
        while self._pace.is_active:
            await self._begin()
            await asyncio.sleep(SHARING_SECONDS)
        await self._begin()

    def _begin(self) -> asyncio.Task[None]:
        if self._exchanging is None or self._exchanging.done():
            self._exchanging = asyncio.get_running_loop().create_task(self._exchange())
        return self._exchanging

    async def _exchange(self) -> None:
        own = self._pace.own()
        others = await asyncio.to_thread(self._sharing.exchange, self._base_url, self._key, own)
        self._heard_at = asyncio.get_running_loop().time()
        self._pace.hear(others or Shared())
