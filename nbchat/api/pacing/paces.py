"""The paces of all servers and keys in use, and their exchange with other processes."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING

from nbchat.api.pacing.pace import Pace
from nbchat.api.pacing.sharing import Shared

if TYPE_CHECKING:
    from nbchat.api.endpoints import Endpoint
    from nbchat.api.keys import Key
    from nbchat.api.pacing.sharing import Sharing

__all__ = ["Paces"]

SHARING_SECONDS = 0.1
"""Seconds between exchanges with other processes while a batch runs."""

FRESH_SECONDS = 1.0
"""Age in seconds up to which shared state is recent enough for a single request."""

WAIT_SECONDS = 0.05
"""The longest time in seconds that a single request waits for other processes' state."""


class Paces:
    """One pace for each server and key, on the engine's loop.

    `sharing` exchanges state with other processes; None = no sharing. Only requests with a key are shared, because
    without one the users of a server can't be distinguished.
    """

    def __init__(self, sharing: Sharing | None = None) -> None:
        self._sharing = sharing
        self._salt = secrets.token_bytes()
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
        """Exchange state with other processes before a request is sent and, unless it is `alone`, while its batch runs."""
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
        """Exchange until the pace is idle, and once more."""
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
        others = None
        with contextlib.suppress(RuntimeError):  # no thread can be started
            others = await asyncio.to_thread(self._sharing.exchange, self._base_url, self._key, own)
        self._heard_at = asyncio.get_running_loop().time()
        self._pace.hear(others or Shared())
