"""Sockets on plain asyncio, for streams of many small pieces.

A read that finds bytes waiting returns them without going through the event loop; a read that waits costs one future and
one timer.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from typing import cast

import httpx

from nbchat.api.http.chunks import ChunkMerger

__all__ = ["Socket", "connect"]

HIGH_WATER = 1 << 20
"""Unread bytes after which the socket is paused."""

LINGER_SECONDS = 0.03
"""Seconds between reads of a long stream of small pieces: 30 ms is invisible, and one wake-up for three tokens costs a third."""

LINGER_AFTER = 12
"""Reads of a response without that delay, so that a short answer never waits."""

SMALL = 16_384
"""Bytes in one read from which a stream is read without that delay."""


async def connect(host: str, port: int, timeout: float | None) -> Socket:
    """Connect to a host and a port, within `timeout` seconds (None = the system's limit).

    Raises httpx.ConnectTimeout and httpx.ConnectError.
    """
    loop = asyncio.get_running_loop()
    # Cancelling asyncio's race between addresses may leak a socket (before Python 3.12), so it is not cancelled.
    connecting = loop.create_task(loop.create_connection(Socket, host, port, happy_eyeballs_delay=0.25))
    try:
        async with asyncio.timeout(timeout):
            return (await asyncio.shield(connecting))[1]
    except BaseException as error:
        connecting.add_done_callback(_close_abandoned)
        if isinstance(error, TimeoutError):
            raise httpx.ConnectTimeout(str(error)) from error
        if isinstance(error, OSError):
            raise httpx.ConnectError(_reason(error)) from error
        raise


def _reason(error: OSError) -> str:
    """Return the system's message ("Connection refused") without asyncio's description of the call."""
    number = re.search(r"\[Errno (-?\d+)\] ?", str(error))
    if number is None:
        return str(error)
    return os.strerror(int(number[1])) if int(number[1]) > 0 else str(error).replace(number[0], "", 1)


def _close_abandoned(connecting: asyncio.Task[tuple[asyncio.Transport, Socket]]) -> None:
    """Close an abandoned connection if it was established after all."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result()[0].abort()


class Socket(asyncio.Protocol):
    """A connected socket, with or without TLS, that carries HTTP/1.1: a buffer, and at most one waiting reader."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_ended = self._is_lost = self._is_paused = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._merger = ChunkMerger()
        self._reads = 0  # of the current response
        self._last_size = 0
        self._deadline: float | None = None
        self._watch: asyncio.TimerHandle | None = None

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast("asyncio.Transport", transport)  # what asyncio promises for a stream socket

    def data_received(self, data: bytes) -> None:
        """Keep the bytes until they are read."""
        self._buffer += data
        if len(self._buffer) > HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self._wake_reader()

    def eof_received(self) -> bool:
        """Note that the peer has ended."""
        self._is_ended = True
        self._wake_reader()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Note that the socket is closed."""
        self._is_ended = self._is_lost = True
        self._error = self._error or error
        self._wake_reader()
        self.resume_writing()

    def pause_writing(self) -> None:
        """Let `write` wait."""
        self._writer = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let `write` go on."""
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)
        self._writer = None

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # The connection's side

    async def read(self, most: int, timeout: float | None = None) -> bytes:
        """Return up to `most` bytes, waiting at most `timeout` seconds for the first (None = no limit); `b""` at the end.

        Raises httpx.ReadTimeout and httpx.ReadError.
        """
        while True:
            if self._reads > LINGER_AFTER and self._last_size < SMALL and not self.is_readable:
                await self._linger()
            if not self.is_readable:
                await self._wait(timeout)
            if not self._buffer and self._error is not None:
                raise httpx.ReadError(str(self._error) or type(self._error).__name__)
            data = self._take(most)
            self._reads += 1
            self._last_size = len(data)
            if not data or (merged := self._merger.feed(data)):  # empty means the end, so held-back bytes are dropped
                return merged if data else data

    @property
    def is_readable(self) -> bool:
        """Whether bytes, or the end, are waiting."""
        return self._is_ended or bool(self._buffer)

    def _take(self, most: int) -> bytes:
        data = bytes(self._buffer[:most])
        del self._buffer[:most]
        if self._is_paused and len(self._buffer) < HIGH_WATER // 2:
            self._is_paused = False
            self.transport.resume_reading()
        return data

    async def _linger(self) -> None:
        self.transport.pause_reading()
        try:
            await asyncio.sleep(LINGER_SECONDS)
        finally:
            self.transport.resume_reading()

    async def _wait(self, timeout: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._reader = loop.create_future()
        self._deadline = None if timeout is None else loop.time() + timeout
        if self._deadline is not None and (self._watch is None or self._watch.when() > self._deadline):
            self._rewatch(loop, self._deadline)
        try:
            await self._reader
        finally:
            self._reader = None

    def _rewatch(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = loop.call_at(when, self._check_silence, loop)

    def _check_silence(self, loop: asyncio.AbstractEventLoop) -> None:
        """Check the deadline when the timer fires: one timer serves many reads instead of being set for each."""
        self._watch = None
        if self._reader is None or self._reader.done() or self._deadline is None:
            return
        if self._deadline > loop.time():
            self._rewatch(loop, self._deadline)
        else:
            self._reader.set_exception(httpx.ReadTimeout("nothing arrived within the time limit"))

    async def write(self, data: bytes, timeout: float | None = None) -> None:
        """Write everything; a new response follows.

        Raises httpx.WriteError, and httpx.WriteTimeout if the peer accepts nothing for `timeout` seconds.
        """
        if self._is_lost:
            raise httpx.WriteError(str(self._error or "the connection is closed"))
        self._merger.reset()
        self._reads = 0
        self.transport.write(data)
        left = len(data)
        while self._writer is not None and not (await asyncio.wait([self._writer], timeout=timeout))[0]:
            if (waiting := self.transport.get_write_buffer_size()) >= left:
                raise httpx.WriteTimeout("nothing was accepted within the time limit")
            left = waiting

    def close(self) -> None:
        """Close immediately, visibly for the server; nothing more is read."""
        if self._watch is not None:
            self._watch.cancel()
        self.transport.abort()

    async def encrypted(self, context: ssl.SSLContext, name: str | None, timeout: float | None) -> Socket:
        """Return the same socket with TLS; `name` is the server's. Raises httpx.ConnectTimeout and httpx.ConnectError."""
        loop = asyncio.get_running_loop()
        socket = Socket()
        try:
            transport = await loop.start_tls(
                self.transport, socket, context, server_hostname=name, ssl_handshake_timeout=timeout
            )
        except (TimeoutError, ConnectionAbortedError) as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except (OSError, ssl.SSLError) as error:
            raise httpx.ConnectError(str(error)) from error
        if transport is None:
            raise httpx.ConnectError("the server closed the connection during the TLS handshake")
        socket.connection_made(transport)
        return socket
