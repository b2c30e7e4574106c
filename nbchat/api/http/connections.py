"""Connections to servers without a proxy, for a transport that has few requests at once."""

from __future__ import annotations

import contextlib
import ssl

import httpcore

from nbchat.api.http.network import AsyncioBackend

__all__ = ["Connections"]

IDLE_SECONDS = 30.0
"""Seconds for which an idle connection is kept."""

MOST_IDLE = 8
"""Most idle connections kept."""


class Connections:
    """Takes the place of httpcore's pool, whose queue and locks cost a tenth of the CPU of a small request.

    There is no limit on connections in use, because callers limit concurrency.
    """

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        self._backend = AsyncioBackend()
        self._connections: list[httpcore.AsyncHTTPConnection] = []

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request over an idle connection or a new one. Raises httpcore's errors."""
        while True:
            connection = await self._idle(request.url.origin) or self._new(request.url.origin)
            with contextlib.suppress(httpcore.ConnectionNotAvailable):  # another task was faster
                try:
                    return await connection.handle_async_request(request)
                except httpcore.ConnectionNotAvailable:
                    raise
                except BaseException:
                    if not connection.is_idle():
                        self._connections.remove(connection)
                        await connection.aclose()
                    raise

    async def _idle(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection | None:
        """Return an idle connection to this server; None = there is none. Closes those that are no longer needed."""
        found, idle = None, 0
        for connection in list(self._connections):
            idle += connection.is_idle()
            if connection.is_closed() or connection.has_expired() or idle > MOST_IDLE:
                self._connections.remove(connection)
                await connection.aclose()
            elif found is None and connection.is_available() and connection.can_handle_request(origin):
                found = connection
        return found

    def _new(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        connection = httpcore.AsyncHTTPConnection(
            origin, self._trust, keepalive_expiry=IDLE_SECONDS, network_backend=self._backend
        )
        self._connections.append(connection)
        return connection

    async def aclose(self) -> None:
        """Close every connection."""
        connections, self._connections = self._connections, []
        for connection in connections:
            await connection.aclose()
