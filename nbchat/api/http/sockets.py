"""Sockets on plain asyncio, for streams of many small pieces.

A read that finds bytes waiting returns them without going through the event loop; a read that waits costs one future and
one timer.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from typing import Any

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
    connecting = loop.create_task(loop.create_connection(_Stream, host, port, happy_eyeballs_delay=0.25))
    try:
        async with asyncio.timeout(timeout):
            _, stream = await asyncio.shield(connecting)
    except BaseException as error:
        connecting.add_done_callback(_close_abandoned)
        if isinstance(error, TimeoutError):
            raise httpx.ConnectTimeout(str(error)) from error
        if isinstance(error, OSError):
            raise httpx.ConnectError(_reason(error)) from error
        raise
    return Socket(stream)


def _reason(error: OSError) -> str:
    """Return the system's message ("Connection refused") without asyncio's description of the call."""
    number = re.search(r"\[Errno (-?\d+)\] ?", str(error))
    if number is None:
        return str(error)
    return os.strerror(int(number[1])) if int(number[1]) > 0 else str(error).replace(number[0], "", 1)


def _close_abandoned(connecting: asyncio.Task[tuple[asyncio.Transport, _Stream]]) -> None:
    """Close an abandoned connection if it was established after all."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result()[0].abort()


class _Stream(asyncio.Protocol):
    """The bytes of one socket: a buffer, and at most one waiting reader."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.error: Exception | None = None
        self.reader: asyncio.Future[None] | None = None
        self.writer: asyncio.Future[None] | None = None
        self.paused = False
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # asyncio's promise for a stream socket
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) > HIGH_WATER and not self.paused:
            self.paused = True
            self.transport.pause_reading()
        self._wake_reader()

    def eof_received(self) -> bool:
        self.ended = True
        self._wake_reader()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self.error = self.error or error
        self._wake_reader()
        self.resume_writing()
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        self.writer = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self.writer is not None and not self.writer.done():
            self.writer.set_result(None)
        self.writer = None

    def _wake_reader(self) -> None:
        if self.reader is not None and not self.reader.done():
            self.reader.set_result(None)

    def take(self, most: int) -> bytes:
        data = bytes(self.buffer[:most])
        del self.buffer[:most]
        if self.paused and len(self.buffer) < HIGH_WATER // 2:
            self.paused = False
            self.transport.resume_reading()
        return data


class Socket:
    """A connected socket, with or without TLS, that carries HTTP/1.1."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._merger = ChunkMerger()
        self._reads = 0  # of the current response
        self._last_size = 0
        self._deadline: float | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return up to `max_bytes`, waiting at most `timeout` seconds for the first (None = no limit); `b""` at the end."""
        stream = self._stream
        while True:
            if self._reads > LINGER_AFTER and self._last_size < SMALL and not stream.buffer and not stream.ended:
                await self._linger()
            if not stream.buffer and not stream.ended:
                await self._wait(timeout)
            if not stream.buffer and stream.error is not None:
                raise httpx.ReadError(str(stream.error) or type(stream.error).__name__)
            data = stream.take(max_bytes)
            self._reads += 1
            self._last_size = len(data)
            if not data or (merged := self._merger.feed(data)):  # empty means the end, so held-back bytes are dropped
                return merged if data else data

    async def _linger(self) -> None:
        self._stream.transport.pause_reading()
        try:
            await asyncio.sleep(LINGER_SECONDS)
        finally:
            self._stream.transport.resume_reading()

    async def _wait(self, timeout: float | None) -> None:
        loop = asyncio.get_running_loop()
        reader = self._stream.reader = loop.create_future()
        self._deadline = None if timeout is None else loop.time() + timeout
        if self._deadline is not None and (self._watch is None or self._watch.when() > self._deadline):
            self._rewatch(loop, self._deadline)
        try:
            await reader
        finally:
            self._stream.reader = None

    def _rewatch(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = loop.call_at(when, self._check_silence, loop)

    def _check_silence(self, loop: asyncio.AbstractEventLoop) -> None:
        """Check the deadline when the timer fires: one timer serves many reads instead of being set for each."""
        self._watch = None
        reader = self._stream.reader
        if reader is None or reader.done() or self._deadline is None:
            return
        if self._deadline > loop.time():
            self._rewatch(loop, self._deadline)
        else:
            reader.set_exception(httpx.ReadTimeout("nothing came within the time limit"))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write everything. Raises httpx.WriteTimeout if the peer accepts nothing for `timeout` seconds."""
        stream = self._stream
        if stream.ended and stream.closed.done():
            raise httpx.WriteError(str(stream.error or "the connection is closed"))
        self._merger.reset()
        self._reads = 0
        stream.transport.write(buffer)
        if stream.writer is not None:
            try:
                async with asyncio.timeout(timeout):
                    await asyncio.shield(stream.writer)
            except TimeoutError as error:
                raise httpx.WriteTimeout(str(error)) from error

    def close(self) -> None:
        """Close immediately, visibly for the server; nothing more is read."""
        if self._watch is not None:
            self._watch.cancel()
        self._stream.transport.abort()

    async def encrypted(self, context: ssl.SSLContext, name: str | None, timeout: float | None) -> Socket:
        """Return the same socket with TLS; `name` is the server's. Raises httpx.ConnectTimeout and httpx.ConnectError."""
        loop = asyncio.get_running_loop()
        stream = _Stream()
        try:
            transport = await loop.start_tls(
                self._stream.transport, stream, context, server_hostname=name, ssl_handshake_timeout=timeout
            )
        except (TimeoutError, ConnectionAbortedError) as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except (OSError, ssl.SSLError) as error:
            raise httpx.ConnectError(str(error)) from error
        if transport is None:
            raise httpx.ConnectError("the server closed the connection during the TLS handshake")
        stream.transport = transport
        return Socket(stream)

    @property
    def is_readable(self) -> bool:
        """Whether bytes, or the end, are waiting."""
        return self._stream.ended or bool(self._stream.buffer)

    def extra_info(self, name: str) -> Any:
        """What asyncio knows of the socket: "ssl_object", "sockname", "peername"; None = unknown."""
        return self._stream.transport.get_extra_info(name)
