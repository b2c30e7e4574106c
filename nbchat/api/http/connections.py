"""Requests to servers without a proxy in between: connections that speak HTTP/1.1, kept while they are idle."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import h11
import httpx

from nbchat.api.http.sockets import Socket, connect

__all__ = ["DirectTransport"]

IDLE_SECONDS = 30.0
"""Seconds for which an idle connection is kept."""

MOST_IDLE = 8
"""Most idle connections that are kept."""

LONGEST_HEAD = 100 * 1024
"""Bytes of a response's head; a longer one is refused."""

MOST_INTERIM = 100
"""Most interim responses (RFC 9110, section 15.2) before a response."""

READ_SIZE = 65_536
"""Most bytes of one read."""


class DirectTransport(httpx.AsyncBaseTransport):
    """Connections to servers, reused when idle. There is no limit on those in use, because callers limit concurrency.

    It takes the place of httpx's default transport, whose locks cost a tenth of the CPU of a small request, and whose
    imports were a fifth of the time to the first answer (both measured). A request's extension "reused" says whether its
    connection had served another one before. `trust` is for https; None = only http is asked for.
    """

    def __init__(self, trust: ssl.SSLContext | None) -> None:
        self._trust = trust
        self._connections: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over an idle connection or a new one. Raises httpx's errors."""
        connection = self._idle(request.url)
        request.extensions["reused"] = connection is not None
        if connection is None:
            connection = await _opened(request, self._trust)
            self._connections.append(connection)
        return await connection.send(request)

    def _idle(self, url: httpx.URL) -> _Connection | None:
        """Return an idle connection to this server; None = there is none. Drops those that are not needed any more."""
        found, idle = None, 0
        for connection in list(self._connections):
            idle += connection.is_idle
            if connection.is_over or (connection.is_idle and idle > MOST_IDLE):
                connection.close()
                self._connections.remove(connection)
            elif found is None and connection.is_idle and connection.server == _server(url):
                found = connection
        return found

    async def aclose(self) -> None:
        """Close every connection."""
        connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()


def _server(url: httpx.URL) -> tuple[str, str, int]:
    """Return scheme, host (in ASCII) and port."""
    return url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


async def _opened(request: httpx.Request, trust: ssl.SSLContext | None) -> _Connection:
    """Open a connection to a request's server."""
    scheme, host, port = server = _server(request.url)
    if scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"the address begins with neither http:// nor https://: {scheme!r}")
    if scheme == "https" and trust is None:
        raise httpx.UnsupportedProtocol("this transport was made without certificates, for http:// only")
    timeout = request.extensions["timeout"]["connect"]
    socket = await connect(host, port, timeout)
    if trust is None or scheme == "http":
        return _Connection(server, socket)
    try:
        return _Connection(server, await socket.encrypted(trust, host, timeout))
    except BaseException:
        socket.close()
        raise


class _Connection:
    """A connection that serves one request after the other. `server` is its scheme, host and port."""

    def __init__(self, server: tuple[str, str, int], socket: Socket) -> None:
        self.server = server
        self._socket = socket
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._idle_since: float | None = None
        self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Whether it can take a request."""
        return self._idle_since is not None

    @property
    def is_over(self) -> bool:
        """Whether it is closed, or idle for too long, or closed by the server while idle."""
        if self._idle_since is None:
            return self._is_closed
        return self._socket.is_readable or time.monotonic() > self._idle_since + IDLE_SECONDS

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the response's head; its body follows as it is read. Raises httpx's errors."""
        self._idle_since = None
        timeouts = request.extensions["timeout"]
        try:
            with contextlib.suppress(httpx.WriteError):  # a server may answer a request that it has not read to its end
                await self._socket.write(self._written(request), timeouts["write"])
            response = await self._response(timeouts["read"])
        except BaseException:
            self.close()
            raise
        return httpx.Response(
            response.status_code, headers=response.headers.raw_items(), stream=_Body(self, timeouts["read"])
        )

    async def _response(self, timeout: float | None) -> h11.Response:
        for _ in range(MOST_INTERIM + 1):
            if isinstance(event := await self._event(timeout), h11.Response):
                return event
        raise httpx.RemoteProtocolError(f"the server sent more than {MOST_INTERIM} interim responses")

    def _written(self, request: httpx.Request) -> bytes:
        try:
            head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            events = [head, *([h11.Data(request.content)] if request.content else ()), h11.EndOfMessage()]
            return b"".join(filter(None, map(self._protocol.send, events)))
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error

    async def body(self, timeout: float | None) -> AsyncIterator[bytes]:
        """Yield the rest of the response."""
        while isinstance(event := await self._event(timeout), h11.Data):
            yield bytes(event.data)

    async def _event(self, timeout: float | None) -> Any:
        """Return h11's next event of the response."""
        try:
            while (event := self._protocol.next_event()) is h11.NEED_DATA:
                data = await self._socket.read(READ_SIZE, timeout)
                if not data and self._protocol.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
                self._protocol.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        return event

    def end(self) -> None:
        """Make it idle if the response was read to its end, and nothing came after that; close it otherwise."""
        # What came after the end would be read as the next response.
        surplus = self._protocol.trailing_data[0] or self._socket.is_readable
        if self._protocol.our_state is h11.DONE is self._protocol.their_state and not surplus:
            self._protocol.start_next_cycle()
            self._idle_since = time.monotonic()
        else:
            self.close()

    def close(self) -> None:
        """Close it. Idempotent."""
        self._idle_since, self._is_closed = None, True
        self._socket.close()


class _Body(httpx.AsyncByteStream):
    """The body of a response. `timeout` is the longest silence in seconds; None = no limit."""

    def __init__(self, connection: _Connection, timeout: float | None) -> None:
        self._connection: _Connection | None = connection
        self._timeout = timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            if self._connection is not None:
                async for portion in self._connection.body(self._timeout):
                    yield portion
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.end()
